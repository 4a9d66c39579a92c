"""Figures, and SVG text of them that follows the page's colours, so that they read in light and in dark."""

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import numpy as np

# matplotlib writes this colour; the SVG then says currentColor in its place
INK = "#010203"


@functools.cache
def _figure_class() -> Any:
    """Matplotlib's figures, which notebooks show even where its own machinery for them is not loaded."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_html_(self) -> str:
            return finish(self, "picture", ", ".join(axes.get_ylabel() for axes in self.axes))

    return Picture


def start(width: float, height: float, panels: int = 0) -> tuple[Any, Any]:
    """A figure and its axes; a list of them, one below the other with the same x, if `panels` says how many."""
    figure = _figure_class()(figsize=(width, height), layout="constrained")
    found = figure.subplots(panels or 1, sharex=True, squeeze=False)[:, 0]
    for axes in found:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#888888", alpha=0.25, linewidth=0.6)
    return figure, list(found) if panels else found[0]


def mark_dates(axes: Any) -> None:
    from matplotlib import dates

    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def finish(figure: Any, title: str, description: str, newest: bool = False) -> str:
    """The figure as an `<svg>` element: transparent, real text, no date, the same bytes for the same data.

    Args:
        title, description: what those who cannot see it read in its place. Wide figures are in a box that scrolls.
        newest: what matters is on the right, which such a box shows first.
    """
    import matplotlib

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "seqconv",
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    }
    # ticks of numbers near the largest that there are overflow
    with matplotlib.rc_context(settings), warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        # the page draws the text, in fonts that may have what matplotlib's lack
        warnings.filterwarnings("ignore", "Glyph .* missing")
        _paint(figure)
        out = io.StringIO()
        with _laid_out(figure):
            figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor").replace("<svg", '<svg role="img"', 1)
    end = text.index(">") + 1
    text = f"{text[:end]}<title>{escape(title)}</title><desc>{escape(description)}</desc>{text[end:]}"
    kind = "wide newest" if newest else "wide"
    return f'<div class="{kind}" role="region" aria-label="{escape(title)}, chart" tabindex="0">{text}</div>'


@contextmanager
def _laid_out(figure: Any) -> Iterator[None]:
    """The figure with its axes in place: left to itself, matplotlib draws it once more to lay it out."""
    engine = figure.get_layout_engine()
    figure.dpi = 72  # that of SVG
    engine.execute(figure)
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)


def _paint(figure: Any) -> None:
    for axes in figure.axes:
        axes.tick_params(colors=INK)
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title, axes._right_title):
            text.set_color(INK)
        for spine in axes.spines.values():
            spine.set_color(INK)
        legend = axes.get_legend()
        for text in legend.get_texts() if legend else ():
            text.set_color(INK)
