"""Explanations as one self-contained HTML page: the answer and what it is due to, then the numbers."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

import numpy as np

from seqconv.metrics.comparison import show_percent
from seqconv.reports import plots
from seqconv.reports.page import (
    build_lead,
    build_page,
    colour_words,
    draw_bars,
    draw_details,
    draw_note,
    draw_table,
    write_page,
)
from seqconv.tasks.effects import show_safely
from seqconv.tasks.explanation import Explanation, GridExplanation
from seqconv.tasks.text_explanation import TextExplanation

LONGEST = 20  # rows of a table of words
MOST_CLASSES = 6  # with a bar
MOST_CELLS = 12  # rows of a table of spans
TALLEST = 40  # inputs of a picture


def write_explanation(path: Path, name: str, found: Explanation) -> None:
    """The page of an explanation.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    write_text_page(path, name, found) if isinstance(found, list) else write_grid_page(path, name, found)


def write_text_page(path: Path, name: str, explanations: list[TextExplanation]) -> None:
    """The text with its words coloured, and the effects of the words, for each explanation.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    first, *others = explanations
    lead = build_lead(name, first.verdict, "" if others else first.because)
    lead += _draw_probabilities(dict(zip(first.classes, first.probability, strict=True)))
    sections = [(one.title, draw_note(one.because) + _draw_text(one)) for one in explanations]
    if not others:
        sections = [("Words", _draw_text(first))]
    write_page(path, build_page(f"{name}: explanation", lead, sections))


def _draw_probabilities(probabilities: Mapping[str, float]) -> str:
    most = sorted(probabilities.items(), key=lambda each: -each[1])[:MOST_CLASSES]
    return draw_bars([(name, value, show_percent(value)) for name, value in most])


def _draw_text(one: TextExplanation) -> str:
    raises, lowers = one.directions
    legend = (
        f'<p><span class="raises" style="--strength: 30%">straight line, +</span> {escape(raises)}; '
        f'<span class="lowers" style="--strength: 30%">wavy line, \u2212</span> {escape(lowers)}.</p>'
        f"{draw_note(one.note)}"
    )
    rows = [[label, effect] for effect, label in one.list_rows(LONGEST)]
    head = ["words" if one.exact else "word left out", "effect"]
    table = draw_table(head, rows, f"Effect on the {one.unit}", own=len(rows) - 1 if one.exact else -1)
    text = colour_words(show_safely(one.text), one.shade_words())
    return f'<div class="said" dir="auto">{text}</div>{legend}\n{table}'


def write_grid_page(path: Path, name: str, one: GridExplanation) -> None:
    """The window as curves, then every input and span, and the largest effects.

    Args:
        name: of the model.

    Raises:
        ConfigError: the page cannot be written.
    """
    cells = [[show_safely(row), begin, end, effect] for effect, row, begin, end in one.list_cells(MOST_CELLS)]
    inputs = [[show_safely(row), effect] for effect, row in one.list_inputs(TALLEST)]
    effects = draw_table(["input", "effect"], inputs, f"Each input over the whole window: effect on the {one.unit}")
    spans = draw_table(["input", "from", "to", "effect"], cells, "Strongest spans")
    legend = draw_note(f"The more colour, the more it adds (+, blue) or takes away (\u2212, orange). {one.note}")
    grid = draw_details("Every input and span", _draw_grid(one)) if len(one.rows) > 1 else ""
    sections = [("Window", plots.draw_window(one) + legend), ("Effects", effects + spans + grid)]
    if one.classes:
        sections.insert(1, ("Each class", _draw_classes(one)))
    lead = build_lead(name, one.verdict, one.because) + _draw_probabilities(one.probabilities)
    write_page(path, build_page(f"{name}: explanation", lead, sections))


def _draw_classes(one: GridExplanation) -> str:
    rows = [list(each) for each in one.list_classes(MOST_CLASSES)]
    table = draw_table(
        ["class", "probability", "score", "adds most"], rows, "Each class, and what adds most to its score"
    )
    left = len(one.classes) - MOST_CLASSES
    note = f"The {MOST_CLASSES} most probable classes; {left} others are left out." if left > 0 else ""
    return plots.draw_classes(one.classes[:MOST_CLASSES]) + table + (draw_note(note) if note else "")


def _draw_grid(one: GridExplanation) -> str:
    order = np.sort(np.argsort(-np.abs(one.contributions).max(axis=1), kind="stable")[:TALLEST])
    rows = [show_safely(one.rows[row]) for row in order]
    edges = [*(begin for begin, _ in one.spans), one.spans[-1][1]]
    picture = plots.draw_heat(rows, edges, one.contributions[order], "effect")
    left = len(one.rows) - len(rows)
    return picture + (draw_note(f"The {len(rows)} strongest inputs; {left} weaker ones are left out.") if left else "")
