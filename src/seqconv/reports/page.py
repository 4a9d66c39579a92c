"""What every HTML page is made of: one self-contained file that reads in light and in dark."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from seqconv.data.outputs import whole_file
from seqconv.errors import ConfigError
from seqconv.metrics.forecast_scores import IntervalScores
from seqconv.recipes.recipe import tables_to_toml
from seqconv.reports.tables import interval_rows, quantile_rows, show_number
from seqconv.tasks.effects import show_effects

MOST_LEADS = 12  # whose coverage is not folded away
FAINTEST = 0.1  # fraction of the strongest word's effect below which a word is left plain
STRONGEST = 55  # per cent of colour that still leaves the ink readable
STYLE = files(__package__).joinpath("page.css").read_text("utf-8")


def build_page(title: str, lead: str, sections: list[tuple[str, str]]) -> str:
    """A whole page.

    Args:
        title: plain text, short: browsers show it on a tab.
        lead: HTML above the first section, with the only `<h1>`.
        sections: heading, plain text, and HTML of each; one without content is left out.
    """
    body = "\n".join(
        f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" for heading, content in sections if content
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{lead}\n{body}\n</main>\n</body>\n</html>\n"
    )


def build_lead(above: str, headline: str, below: str, tone: str = "", warning: str = "") -> str:
    """What a page begins with: the headline large, in the colour of `good` or `bad` news, and a warning after it."""
    warned = f' <span class="bad">{_escape(warning)}</span>' if warning else ""
    lines = [
        draw_note(above),
        f'<h1 class="verdict {tone}">{_escape(headline)}{warned}</h1>',
        *([draw_note(below)] * bool(below)),
    ]
    return "\n".join(lines)


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all.

    Raises:
        ConfigError: the name does not end in .html, so that no file of another kind is lost, or cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{path}: must end in .html, as a page does. Choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as fresh:
            fresh.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: must be a place to write a page; {error.strerror}. Choose another") from error


def draw_table(head: list[str], rows: list[list[str]], caption: str, own: int = -1) -> str:
    """A table under its caption; the first cell of a row names it, and the row at `own` stands out."""
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = [
        ('<tr class="own">' if index == own else "<tr>")
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for index, row in enumerate(rows)
    ]
    table = f"<thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return draw_scroller(caption, f"<table><caption>{escape(caption)}</caption>{table}</table>")


def draw_bars(values: Sequence[tuple[str, float, str]]) -> str:
    """Names with a bar each, and what it shows in words; values 0 to 1."""
    rows = "".join(
        f'<span>{escape(name)}</span><i style="width: {100 * value:.1f}%"></i><span>{escape(text)}</span>'
        for name, value, text in values
    )
    return f'<div class="bars">{rows}</div>' if values else ""


def colour_words(text: str, words: Sequence[tuple[int, int, float]]) -> str:
    """A text with its strongest words marked: a straight line under those that add, a wavy one under the others.

    Args:
        words: start, end and effect of each, in order.
    """
    strongest = max((abs(effect) for _, _, effect in words), default=0.0)
    done, pieces = 0, []
    for start, end, effect in words:
        if abs(effect) > FAINTEST * strongest:
            colour, tone = round(STRONGEST * abs(effect) / strongest), "raises" if effect > 0 else "lowers"
            pieces.append(escape(text[done:start]))
            pieces.append(f'<mark class="{tone}" style="--strength: {colour}%" title="{show_effects([effect])[0]}">')
            pieces.append(f"{escape(text[start:end])}</mark>")
            done = end
    return f"{''.join(pieces)}{escape(text[done:])}"


def draw_scroller(name: str, content: str) -> str:
    """A box that scrolls where its content is wider than the page, with keys too."""
    return f'<div class="wide" role="region" aria-label="{escape(name)}" tabindex="0">{content}</div>'


def draw_details(summary: str, content: str) -> str:
    """Content that is folded away under its summary; nothing without content."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>" if content else ""


def draw_coverage(found: IntervalScores) -> str:
    """What lies below each quantile, and what intervals cover at each lead; folded away where there are many."""
    quantiles = draw_table(*quantile_rows(found), "Each quantile") if found.quantiles else ""
    if len(found.leads) < 2:
        return quantiles
    table = draw_table(*interval_rows(found), "Coverage at each lead")
    folded = draw_details(f"Each of {len(found.leads)} leads", table) if len(found.leads) > MOST_LEADS else table
    return quantiles + folded


def draw_facts(facts: Mapping[str, Any]) -> str:
    """Names and values, which may be lists and tables themselves; an empty one is left out."""
    told = {name: _fact(value) for name, value in facts.items()}
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in told.items() if value)
    return f"<dl>{lines}</dl>"


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(str(name))}: {_fact(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        breaks = "<br>" if any(isinstance(inner, dict) or len(str(inner)) > 30 for inner in value) else ", "
        return breaks.join(
            ", ".join(f"{name} {entry}" for name, entry in inner.items()) if isinstance(inner, dict) else _fact(inner)
            for inner in value
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(show_number(value) if isinstance(value, int) else str(value))


def draw_settings(settings: Mapping[str, Any]) -> str:
    """The tables of a recipe as TOML, folded away."""
    return draw_details("The recipe's settings, as TOML", f'<pre tabindex="0">{escape(tables_to_toml(settings))}</pre>')


def draw_note(text: str) -> str:
    """A paragraph in a soft colour."""
    return f'<p class="soft">{_escape(text)}</p>'


def _escape(text: str) -> str:
    """A sentence as HTML, in which no line ends between a number and its per cent sign."""
    return escape(re.sub(r"(?<=\d) %", "\u00a0%", text))


def draw_pictures(*pictures: str) -> str:
    """Pictures next to each other, where there is room."""
    return f'<div class="pictures">{"".join(pictures)}</div>'
