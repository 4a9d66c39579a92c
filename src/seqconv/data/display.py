"""How objects show themselves: a few lines of text in a terminal, the same as a small card in a notebook."""

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

MOST_ROWS = 20  # of a table in a card
WIDEST = 60  # characters of a cell
# without colours of its own: those of the notebook are inherited, in light and in dark
STYLE = """
.seqconv { font: 13px/1.5 system-ui, sans-serif; max-width: 60rem; margin: .3rem 0; color: inherit; --good: #1d7a46;
  --bad: #b03a2e; --raises: #2f74b5; --lowers: #b8621b; }
.seqconv p { margin: .2rem 0; } .seqconv .title { font-weight: 650; font-size: 14px; }
.seqconv .good { color: var(--good); } .seqconv .bad { color: var(--bad); }
.seqconv .soft { opacity: .8; } .seqconv .wide { overflow-x: auto; }
.seqconv table { border-collapse: collapse; font-size: inherit; background: none; margin: .4rem 0;
  font-variant-numeric: tabular-nums; }
.seqconv table :is(th, td) { padding: .15rem .9rem .15rem 0; text-align: right; background: none; color: inherit;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); white-space: nowrap; }
.seqconv table :is(th, td):first-child { text-align: left; } .seqconv tbody th { font-weight: 400; }
.seqconv .said { white-space: pre-wrap; line-height: 1.9; overflow-wrap: anywhere; }
.seqconv mark { color: inherit; background: color-mix(in srgb, var(--raises) var(--strength), transparent);
  text-decoration: underline solid 2px var(--raises); text-underline-offset: .25em; }
.seqconv mark.lowers { background: color-mix(in srgb, var(--lowers) var(--strength), transparent);
  text-decoration: underline wavy 1.5px var(--lowers); }
DARK { --good: #5fc58e; --bad: #ef8277; --raises: #4a90d0; --lowers: #d07a30; }
@media (prefers-color-scheme: dark) {
  :root:not(:has(LIGHT)) .seqconv { --good: #5fc58e; --bad: #ef8277; --raises: #4a90d0; --lowers: #d07a30; }
}
"""
# Jupyter, VS Code, Colab, the site
DARK = ':is([data-jp-theme-light="false"], .vscode-dark, html[theme="dark"], [data-md-color-scheme="slate"]) .seqconv'
LIGHT = '[data-jp-theme-light="true"], .vscode-light, html[theme="light"], [data-md-color-scheme="default"]'
STYLE = re.sub(r"\n\s*", " ", STYLE.replace("DARK {", f"{DARK} {{").replace("LIGHT", LIGHT)).strip()
Cells = Sequence[Sequence[str]]


class Card(NamedTuple):
    """What an object shows.

    Args:
        title: one line, the most important first.
        lines: further ones.
        table: rows of cells, the first of which is the head; empty: there is none.
        tone: of the title, `good` or `bad` news; empty: neither.
        marked: in a notebook, HTML between the lines and the table.
    """

    title: str
    lines: Sequence[str] = ()
    table: Cells = ()
    tone: str = ""
    marked: str = ""

    def to_text(self) -> str:
        """As lines of text."""
        return "\n".join([self.title, *self.lines, *([show_table(_cut(self.table))] if self.table else [])])

    def to_html(self) -> str:
        """As one element with its own style, which needs nothing from elsewhere."""
        lines = "".join(f'<p class="soft">{escape(line)}</p>' for line in self.lines)
        body = f'<p class="title {self.tone}">{escape(self.title)}</p>{lines}{self.marked}'
        return f'<div class="seqconv"><style>{STYLE}</style>{body}{_draw(self.title, _cut(self.table))}</div>'


class Shown:
    """The base of what shows itself; a dataclass of it is one with `repr=False`."""

    def card(self) -> Card:
        """What to show."""
        raise TypeError(f"{type(self).__name__} has no card")

    def __repr__(self) -> str:
        return self.card().to_text()

    def _repr_html_(self) -> str:
        return self.card().to_html()


def mark_words(text: str, words: Sequence[tuple[int, int, float]]) -> str:
    """A text as HTML, its words coloured by their effects.

    Args:
        words: start, end and effect of each, in order.
    """
    strongest = max((abs(effect) for _, _, effect in words), default=0.0)
    done, pieces = 0, []
    for start, end, effect in words:
        share = abs(effect) / strongest if strongest else 0.0
        if share > 0.1:
            tone = "raises" if effect > 0 else "lowers"
            pieces.append(f'{escape(text[done:start])}<mark class="{tone}" style="--strength: {50 * share:.0f}%"')
            pieces.append(f' title="{effect:+.3g}">{escape(text[start:end])}</mark>')
            done = end
    return f'<p class="said">{"".join(pieces)}{escape(text[done:])}</p>'


def show_table(rows: Cells) -> str:
    """Rows of cells, the first of which is a head, as lines of text; the first column on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pads = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    lines = ["  ".join(pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def _cut(table: Cells) -> list[list[str]]:
    """The first rows of a table, and of long cells the beginning."""
    rows = [[cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 3]}..." for cell in row] for row in table]
    more = len(rows) - 1 - MOST_ROWS
    return rows if more <= 0 else [*rows[: MOST_ROWS + 1], [f"and {more:,} more", *[""] * (len(rows[0]) - 1)]]


def _draw(name: str, rows: Cells) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows[1:]
    )
    box = f'<div class="wide" role="group" aria-label="{escape(name)}" tabindex="0">'  # scrolled by keys too
    return f"{box}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


# What records of data show

COLUMN_HEAD = ["column", "missing", "least", "mean", "largest"]


def describe_column(name: str, column: np.ndarray) -> list[str]:
    """Cells under `COLUMN_HEAD` for a column of numbers, or of texts."""
    if column.dtype == object:
        return [name, f"{sum(cell is None for cell in column):,}", "", "", ""]
    numbers = column[~np.isnan(column)]
    ends = (numbers.min(), numbers.mean(), numbers.max()) if len(numbers) else ()
    cells = [f"{each:.4g}" for each in ends] or [""] * 3
    return [name, f"{len(column) - len(numbers):,}", *cells]


def say_span(lengths: np.ndarray) -> str:
    """The least and the largest of some lengths."""
    ends = dict.fromkeys(f"{each:,}" for each in (lengths.min(), lengths.max())) if len(lengths) else ["no"]
    return " to ".join(ends)


def say_answers(labels: np.ndarray, classes: Sequence[str], number: str) -> str:
    """What is to be learned of labelled examples; the arguments as of `Texts`."""
    if number:
        return f"a number for each, {number!r}"
    return f"{len(classes):,} classes" if len(labels) else "no labels"


def count_answers(labels: np.ndarray, classes: Sequence[str], number: str) -> list[list[str]]:
    """How many examples there are of each class; of numbers their range; empty without labels."""
    if not len(labels):
        return []
    if number:
        return [COLUMN_HEAD, describe_column(number, labels)]
    counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(classes))
    return [["class", "examples"], *([name, f"{count:,}"] for name, count in zip(classes, counts, strict=True))]
