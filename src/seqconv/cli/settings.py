"""The commands that list settings and layers and show help, and the page of docs made from the list of settings."""

import dataclasses
import difflib
import inspect
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from seqconv.cli.console import command, create_table, print_json, print_table
from seqconv.cli.flags import FLAGS, capitalise
from seqconv.cli.options import Json
from seqconv.errors import ConfigError

TITLES = {"network": "Network", "training": "Training"}  # sections that recipes of all tasks share


class Row(NamedTuple):
    """A setting of a recipe or of a layer."""

    name: str
    default: str
    meaning: str


class Group(NamedTuple):
    """Settings that stand together: a section of the recipes of a task, or a layer."""

    name: str
    title: str
    rows: list[Row]


def list_sections() -> list[Group]:
    """Every section of every kind of recipe; those that all share are the last."""
    from seqconv.recipes.sections import KINDS
    from seqconv.recipes.settings import SAID, describe_type

    found = {}
    flags = {setting: flag for flag, setting in FLAGS.items()}
    for kind in KINDS.values():
        for section, settings in kind.sections.items():
            rows = []
            for field in dataclasses.fields(settings):  # type: ignore[arg-type]
                name, values = f"{section}.{field.name}", describe_type(field)
                limits = "" if values == SAID[str] else f" ({values})"
                flag = f" Flag: `--{flags[name]}`." if name in flags else ""
                meaning = f"{capitalise(field.metadata['help'])}{limits}.{flag}"
                rows.append(Row(name, _show(field.default), meaning))
            found[settings] = Group(section, TITLES.get(section, f"{section.capitalize()}, {kind.title}"), rows)
    return sorted(found.values(), key=lambda group: group.name in TITLES)


def list_layers() -> list[Group]:
    """Every layer, with its settings."""
    from seqconv.networks.layers.kinds import KINDS, SETTINGS

    found = []
    for name, kind in KINDS.items():
        defaults = {field.name: field.default for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        rows = []
        for key, setting in SETTINGS[name].items():
            default = "required" if defaults[key] is dataclasses.MISSING else _show(defaults[key])
            must = f"{capitalise(setting.must)}{'; follows from the data' if setting.filled else ''}."
            rows.append(Row("layers" if key == "body" else key, "inferred" if setting.filled else default, must))
        if kind.activates:
            rows.append(Row("activation", "none", "A layer of this kind follows, such as relu."))
        summary = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
        found.append(Group(name, summary, rows))
    return found


def write_markdown() -> str:
    """The page `docs/settings.md`."""
    lines = ["# Settings", "", *INTRODUCTION, ""]
    for group in list_sections():
        lines += [f"## {group.title}", "", *_write_table(group.rows)]
    lines += ["## Layers", "", *LAYERS, ""]
    for group in list_layers():
        lines += [f"### {group.name}", "", _escape(group.title), "", *_write_table(group.rows)]
    return "\n".join(lines).rstrip() + "\n"


INTRODUCTION = (
    "Every setting of a recipe. Change one with `--set section.key=value`, with the flag named here, or in a recipe",
    "file: `seqconv init FILE` writes the recipe that `seqconv train FILE` would use. `seqconv settings` prints these",
    "lists. Training on a file infers what you do not set, so a default below holds if nothing is inferred.",
)
LAYERS = (
    '`network.layers` is a list of tables, one for each layer: `{ layer = "conv", filters = 32, kernel = 7 }`. Sizes',
    "that follow from the data are filled in, if you leave them out. The last layer is usually",
    '`{ layer = "output" }`, a `dense` with as many outputs as are needed.',
)


def _write_table(rows: list[Row]) -> Iterator[str]:
    if rows:
        yield from ("| setting | default | meaning |", "|---|---|---|")
        yield from (f"| `{row.name}` | {_escape(row.default)} | {_escape(row.meaning)} |" for row in rows)
        yield ""


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value in ("", ()) else str(value)


@command("seqconv settings", "seqconv settings training", "seqconv settings epochs", "seqconv settings conv")
def settings(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A section, a setting or a layer.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List every setting of recipes and layers.

    With NAME, those of a section such as `training`, one setting such as `epochs`, a layer such as `conv`, or all
    `layers`.
    """
    groups = _choose(name)
    if json:
        tables = [{**group._asdict(), "rows": [row._asdict() for row in group.rows]} for group in groups]
        print_json({"settings": [{**table, "settings": table.pop("rows")} for table in tables]})
        return
    for place, group in enumerate(groups):
        if place:
            print()
        print(group.title if group.rows and "." in group.rows[0].name else f"{group.name}: {group.title}")
        if group.rows:
            table = create_table("setting", "default", "meaning")
            for row in group.rows:
                table.add_row(*row)
            print_table(table)


def _choose(name: str | None) -> list[Group]:
    sections, layers = list_sections(), list_layers()
    if name is None:
        return sections
    if name == "layers":
        return layers
    found = [group for group in (*sections, *layers) if name == group.name]
    for group in sections:
        rows = [row for row in group.rows if name in (row.name, row.name.partition(".")[2])]
        found += [group._replace(rows=rows)] if rows and group not in found else []
    if not found:
        keys = [row.name.partition(".")[2] for group in sections for row in group.rows]
        near = difflib.get_close_matches(name, [*keys, *(group.name for group in (*sections, *layers))], n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "`seqconv settings` lists them all"
        raise ConfigError(f"settings: nothing is called {name!r}. {hint}")
    return found


@command("seqconv help train", name="help")
def show_help(
    name: Annotated[str | None, typer.Argument(metavar="COMMAND", help="A command.", show_default=False)] = None,
) -> None:
    """Show the help of a command."""
    from seqconv.cli.commands import app

    app([*([name] if name else []), "--help"])
