"""What every HTML page is made of: one self-contained file that reads in light and in dark."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from seqconv.data.outputs import whole_file
from seqconv.errors import ConfigError
from seqconv.reports.tables import show_number

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --soft: #5b6675; --line: #d9dee5; --good: #1d7a46;
  --bad: #b03a2e; --band: #f4f6f9;
  --raises: #3b82c4; --lowers: #d9822b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181e; --soft: #98a3b3; --line: #2e3642;
  --good: #5fc58e; --bad: #ef8277; --band: #1b2129; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.15rem; font-weight: 600; color: var(--soft); margin: 0; }
.verdict { font-size: 1.5rem; line-height: 1.3; font-weight: 650; margin: .3rem 0 .4rem; }
.verdict.good { color: var(--good); } .verdict.bad { color: var(--bad); }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem; }
.soft { color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: var(--soft); border-bottom-width: 2px; }
tr.own td { font-weight: 650; background: var(--band); }
.pair { display: flex; flex-wrap: wrap; gap: 1rem; } .pair > svg { flex: 1 1 20rem; max-width: 29rem; }
.said { font-size: 1.05rem; line-height: 2; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--band);
  padding: .7rem 1rem; border-radius: .4rem; }
.raises, .lowers { color: inherit; padding: .1em 0; border-radius: .15em; text-underline-offset: .3em;
  text-decoration: underline solid 2px var(--raises); }
.raises { background: color-mix(in srgb, var(--raises) var(--share), transparent); }
.lowers { background: color-mix(in srgb, var(--lowers) var(--share), transparent);
  text-decoration: underline wavy 1.5px var(--lowers); }
svg { max-width: 100%; height: auto; }
textarea { box-sizing: border-box; width: 100%; font: inherit; color: inherit; background: var(--band);
  border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .8rem; }
button { font: inherit; padding: .25rem 1rem; }
pre { background: var(--band); padding: .7rem 1rem; border-radius: .4rem; overflow: auto; max-height: 24rem; }
pre:empty { display: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def build_page(title: str, lead: str, sections: list[tuple[str, str]]) -> str:
    """A whole page.

    Args:
        title: plain text.
        lead: HTML above the first section.
        sections: heading, plain text, and HTML of each; one without content is left out.
    """
    body = "\n".join(f"<h2>{escape(heading)}</h2>\n{content}" for heading, content in sections if content)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{lead}\n{body}\n</body>\n</html>\n"
    )


def build_lead(above: str, headline: str, below: str, tone: str = "") -> str:
    """What a page begins with: the headline large, in the colour of `good` or `bad` news."""
    headline = f'<p class="verdict {tone}">{escape(headline)}</p>'
    return f'<h1>{escape(above)}</h1>\n{headline}\n<p class="soft">{escape(below)}</p>'


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


def draw_table(head: list[str], rows: list[list[str]], own: int = -1) -> str:
    """A table; the row at `own` stands out."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = [
        ('<tr class="own">' if index == own else "<tr>") + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for index, row in enumerate(rows)
    ]
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def draw_facts(facts: Mapping[str, Any]) -> str:
    """Names and values, which may be lists and tables themselves."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{_fact(value)}</dd>" for name, value in facts.items())
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
    return escape(show_number(value) if isinstance(value, int) and not isinstance(value, bool) else str(value))


def draw_note(text: str) -> str:
    """A paragraph in a soft colour."""
    return f'<p class="soft">{escape(text)}</p>'


def draw_pair(*pictures: str) -> str:
    """Pictures next to each other, where there is room."""
    return f'<div class="pair">{"".join(pictures)}</div>'
