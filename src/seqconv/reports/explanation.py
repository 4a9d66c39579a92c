"""Explanations as one self-contained HTML page."""

from html import escape
from pathlib import Path

import numpy as np

from seqconv.reports import plots
from seqconv.reports.page import build_lead, build_page, draw_table, write_page
from seqconv.tasks.explanation import Explanation, GridExplanation, TextExplanation, show_safely

LONGEST = 20  # rows of a table of spans
MOST_CELLS = 12  # and of spans
TALLEST = 40  # inputs of a picture
FAINTEST = 0.1  # share of the strongest word below which a word is left plain
STRONGEST = 55  # per cent of colour that still leaves the ink readable


def write_explanation(path: Path, name: str, found: Explanation) -> None:
    """The page of an explanation.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    write_text_page(path, name, found) if isinstance(found, list) else write_grid_page(path, name, found)


def write_text_page(path: Path, name: str, explanations: list[TextExplanation]) -> None:
    """The text with its words coloured, and the spans behind the colours, for each explanation.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    first = explanations[0]
    shares = [f"{label} {share:.1%}" for label, share in zip(first.classes, first.probability, strict=True)]
    body = build_lead(name, first.verdict, ", ".join(shares)) + "\n"
    body += "\n".join(_explain(one) for one in explanations)
    write_page(path, build_page(f"{name}: explanation", body, []))


def _explain(one: TextExplanation) -> str:
    raises, lowers = one.directions
    legend = (
        f'<p class="soft"><span class="raises" style="--share: 30%">straight line, +</span> {escape(raises)}; '
        f'<span class="lowers" style="--share: 30%">wavy line, \u2212</span> {escape(lowers)}. {escape(one.note)}</p>'
    )
    rows = [
        [label, "" if filters is None else str(filters), f"{value:+.4f}"]
        for value, filters, label in one.list_rows(LONGEST)
    ]
    head = ["span" if one.exact else "word left out", "filters" if one.exact else "", "adds"]
    table = draw_table(head, rows, f"Effect on {one.name}", own=len(rows) - 1 if one.exact else -1)
    return f"<h2>{escape(one.title)}</h2>\n{_colour(one)}\n{legend}\n{table}"


def _colour(one: TextExplanation) -> str:
    words = one.shade_words()
    strongest = max((abs(share) for _, _, share in words), default=0.0)
    text, done, pieces = show_safely(one.text), 0, []
    for start, end, share in words:
        if abs(share) > FAINTEST * strongest:
            colour = round(STRONGEST * abs(share) / strongest)
            tone = "raises" if share > 0 else "lowers"
            pieces.append(escape(text[done:start]))
            pieces.append(f'<mark class="{tone}" style="--share: {colour}%" title="{share:+.4f}">')
            pieces.append(f"{escape(text[start:end])}</mark>")
            done = end
    return f'<div class="said" dir="auto">{"".join(pieces)}{escape(text[done:])}</div>'


def write_grid_page(path: Path, name: str, one: GridExplanation) -> None:
    """A picture of inputs and spans, and the largest of them.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    order = np.sort(np.argsort(-np.abs(one.contributions).max(axis=1), kind="stable")[:TALLEST])
    rows = [show_safely(one.rows[row]) for row in order]
    edges = [*(begin for begin, _ in one.spans), one.spans[-1][1]]
    picture = plots.draw_heat(rows, edges, one.contributions[order], "adds")
    left = len(one.rows) - len(rows)
    more = f" The {len(rows)} strongest inputs; {left} weaker ones are left out." if left else ""
    cells = [[row, begin, end, f"{value:+.4f}"] for row, begin, end, value in one.top(MOST_CELLS)]
    inputs = [[one.rows[row], f"{one.whole[row]:+.4f}"] for row in np.argsort(-np.abs(one.whole), kind="stable")]
    effects = draw_table(["input", "adds"], inputs[:TALLEST], "Effect of each input")
    body = (
        f"{build_lead(name, one.verdict, one.note + more)}\n{picture}\n"
        f"<h2>Strongest spans</h2>\n{draw_table(['input', 'from', 'to', 'adds'], cells, 'Largest effects')}\n"
        f"<h2>Inputs over the whole window</h2>\n{effects}"
    )
    write_page(path, build_page(f"{name}: explanation", body, []))
