"""The command that inspects a file before training."""

import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqconv.cli.console import command, create_table, print_json, print_table
from seqconv.cli.flags import Flags, to_overrides
from seqconv.cli.options import Json, Settings, takes_flags

if TYPE_CHECKING:
    from seqconv.tasks.findings import Inspection

HEADINGS = {  # weight -> heading, and the mark of each finding
    "blocks": ("problems that prevent training", "x"),
    "costs": ("warnings", "!"),
    "note": ("worth knowing", "-"),
}
LEAST_VARIANCE = 0.01  # a period is listed from this fraction of a column's variance
WIDEST = 110  # characters per line
CLASSES = 12  # classes listed


@command(
    "seqconv inspect reviews.csv",
    "seqconv inspect weather.csv --target temperature --lead 12h",
    name="inspect",
)
@takes_flags("data", "windows", "forecast")
def inspect_data(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A data file or folder.", show_default=False)],
    flags: Flags,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Check a data file: columns, gaps, duplicates, leaks.

    For each problem, the output says how training would handle it. Texts: classes, lengths, empty and duplicate texts.
    Series: interval, missing rows and values, periods; with --target also lost windows and columns that leak the
    target. Nothing is trained or written.
    """
    from seqconv.tasks.inspection import inspect_file

    found = inspect_file(source, (*to_overrides(flags), *(settings or [])))
    if json:
        print_json(found.to_dict())
    else:
        _print_page(found)


def _print_page(found: "Inspection") -> None:
    from seqconv.tasks.kinds import TASKS

    kind = TASKS[found.task].holds if found.task else "a table of unknown kind"
    print(f"{found.source}: {found.rows:,} row{'s' if found.rows > 1 else ''}, {kind}\n")
    for name, value in _list_facts(found.facts):
        _print_wrapped(f"{name:<10} ", value)
    if found.facts:
        print()
    _print_columns(found)
    for weight, (heading, mark) in HEADINGS.items():
        findings = [each for each in found.findings if each.weight == weight]
        if findings:
            print(f"\n{heading[0].upper()}{heading[1:]}")
        for each in findings:
            where = f" ({each.where})" if each.where not in each.what else ""
            _print_wrapped(f"  {mark} ", each.what + where)
            _print_wrapped("    -> ", each.action)
    if not found.findings:
        print("\nNo problems found.")
    if found.notes:
        print()
    for note in found.notes:
        _print_wrapped("", note)


def _print_columns(found: "Inspection") -> None:
    periods = found.facts.get("periods", {})
    table = create_table("column", "type", ">missing", "range or examples", *(["periods"] if periods else []))
    for column in found.columns:
        strong = [each["period"] for each in periods.get(column.name, []) if each["fraction"] >= LEAST_VARIANCE]
        cells = [column.name, column.kind, f"{column.missing:,}" if column.missing else "", column.values]
        table.add_row(*cells, *([", ".join(strong)] if periods else []))
    print_table(table)


def _list_facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each fact."""
    lines = []
    for name, value in facts.items():
        if name == "periods":
            continue
        if name == "classes":
            lines.append((name, _show_classes(value)))
        elif name == "max_len":
            whole, longer = (f"{1 - value[key]:.1%}" for key in ("cut", "cut at 500"))
            lines.append((name, f"{value['chosen']} words: covers {whole} of the texts (500: {longer})"))
        elif name == "windows":
            counts = (f"{part} {each['windows']:,}" for part, each in value.items() if part != "lead")
            lines.append((name, f"{', '.join(counts)}; lead {value['lead']}"))
        elif isinstance(value, dict):
            lines.append((name, ", ".join(f"{part} {each:,}" for part, each in value.items())))
        else:
            lines.append((name, f"{value:,}" if isinstance(value, int) else value.replace("T", " ")))
    return lines


def _show_classes(counts: dict[str, int]) -> str:
    total = max(sum(counts.values()), 1)
    shown = [f"{name}: {rows:,} ({rows / total:.1%})" for name, rows in list(counts.items())[:CLASSES]]
    more = f" and {len(counts) - CLASSES} more" if len(counts) > CLASSES else ""
    return ", ".join(shown) + more


def _print_wrapped(prefix: str, text: str) -> None:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    print(textwrap.fill(text, max(width, 40), initial_indent=prefix, subsequent_indent=" " * len(prefix)))
