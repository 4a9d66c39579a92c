"""The pictures of docs/benchmarks.md: SVG without a background, in colours that read on white and on black."""

from itertools import product
from operator import itemgetter
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from works import OURS, WORKS

matplotlib.use("svg")
INK = "#808890"
COLOURS = {
    OURS: "#e0483e",
    "keras-tensorflow": "#d08a1c",
    "keras-jax": "#3f9b6c",
    "torch-eager": "#4a86d8",
    "torch-compiled": "#9a6fd0",
    "onnxruntime": "#2b9fb0",
    "python-re": "#8a8f3a",
    "tokenizers": "#c0649a",
    "scikit-learn": "#7a8694",
}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "seqconv",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
AXES = {"batch": "examples in a batch", "length": "steps of one input", "filters": "filters", "threads": "threads"}

SCALES = {"series": "series of 100 months", "rows": "days of each of 1,000 series", "known": "known columns"}

Result = dict[str, object]


def draw_times(results: dict[str, Result], path: Path) -> None:
    """How many times longer each peer takes than seqconv; one row a work."""
    names = [name for name in WORKS if name in results]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 0.42 * len(names) + 1.1), layout="constrained")
        axes = figure.subplots()
        shown = set()
        for row, name in enumerate(reversed(names)):
            draw_row(axes, row, results[name], shown)
        axes.set_yticks(range(len(names)), [WORKS[name].title for name in reversed(names)])
        axes.set_xscale("log")
        axes.set_xlabel("time of the peer / time of seqconv   (| is what the project promises)")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.6)
        figure.legend(loc="outside upper center", ncols=5, frameon=False)
        save(figure, path)


def draw_row(axes: Axes, row: int, result: Result, shown: set[str]) -> None:
    """The peers of one work on one line."""
    ours = result["peers"][OURS]["median_s"]
    for peer, times in result["peers"].items():
        label = None if peer in shown else peer
        shown.add(peer)
        axes.plot(times["median_s"] / ours, row, "o", color=COLOURS[peer], markersize=6, label=label)
    axes.plot(result["required"], row, "|", color=INK, markersize=16)


def draw_growth(points: list[Result], path: Path) -> None:
    """Milliseconds a step over batch size, length, filters and threads."""
    plans = sorted({str(point["plan"]) for point in points})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 2.8), layout="constrained")
        for axes, axis in zip(figure.subplots(1, len(AXES), sharey=True), AXES, strict=True):
            for plan, colour in zip(plans, (COLOURS[OURS], COLOURS["torch-eager"]), strict=True):
                found = [(p["value"], p["seconds"] * 1e3) for p in points if (p["plan"], p["axis"]) == (plan, axis)]
                axes.loglog(*zip(*found, strict=True), "o-", color=colour, markersize=4, linewidth=1.2, label=plan)
            set_ticks(axes, sorted({int(point["value"]) for point in points if point["axis"] == axis}))
            axes.set_xlabel(AXES[axis])
        figure.axes[0].set_ylabel("ms a training step")
        figure.axes[0].legend(frameon=False)
        save(figure, path)


def draw_busy(rows: list[Result], path: Path) -> None:
    """Milliseconds over busy neighbours, one panel a work: both versions, with one thread and two."""
    works = list(dict.fromkeys(str(row["work"]) for row in rows))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        for axes, work in zip(figure.subplots(2, (len(works) + 1) // 2).T.flat, works, strict=False):
            for version, threads in product(("before", "after"), (1, 2)):
                found = [row for row in rows if (row["work"], row["threads"]) == (work, threads)]
                points = [(row["neighbours"], row[f"{version}_s"] * 1e3) for row in found]
                look = {"color": COLOURS[OURS] if version == "after" else INK, "linestyle": "-:"[2 - threads]}
                label = f"{version}, {threads} thread{'s' * (threads > 1)}"
                axes.plot(*zip(*points, strict=True), marker="o", markersize=4, linewidth=1.2, label=label, **look)
            axes.set_title(work.replace("-", " "), fontsize=9)
            axes.set_ylim(bottom=0)
            set_ticks(axes, sorted({int(row["neighbours"]) for row in rows}))
            axes.tick_params(axis="x", rotation=0)
        figure.supxlabel("busy neighbours", fontsize=9)
        figure.supylabel("ms", fontsize=9)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        save(figure, path)


def draw_scale(points: list[Result], path: Path) -> None:
    """Seconds and megabytes of a forecast over series, rows and known columns, one picture each."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.2), layout="constrained")
        axes = figure.subplots(2, len(SCALES), sharey="row")
        for column, (name, label) in enumerate(SCALES.items()):
            found = sorted((each for each in points if name in each["grows"]), key=itemgetter(name))
            for row, (kind, colour) in enumerate((("seconds", COLOURS[OURS]), ("megabytes", COLOURS["torch-eager"]))):
                own = axes[row, column]
                own.plot(*zip(*((p[name], p[kind]) for p in found), strict=True), "o-", color=colour, markersize=4)
                own.set_xscale("log" if name != "known" else "linear")
                set_ticks(own, sorted({int(each[name]) for each in found}))
            axes[1, column].set_xlabel(label)
        for own in axes[:, 0]:  # which all of its row share
            own.set_ylim(bottom=0)
        axes[0, 0].set_ylabel("seconds")
        axes[1, 0].set_ylabel("MB at most")
        save(figure, path)


def draw_accuracy(costs: dict[str, tuple[float, float]], lines: dict[str, float], path: Path) -> None:
    """Mean accuracy over processor seconds of models of sequences, and published accuracies as lines."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.0), layout="constrained")
        axes = figure.subplots()
        for name, (accuracy, seconds) in costs.items():
            theirs = name.startswith("aeon ")
            colour = COLOURS["torch-eager"] if theirs else COLOURS[OURS]
            axes.plot([seconds], [accuracy], "o", color=colour, markersize=6)
            side = {"xytext": (7, 0), "ha": "left"} if theirs else {"xytext": (-7, 0), "ha": "right"}
            place = side | {"textcoords": "offset points", "va": "center"}
            axes.annotate(name, (seconds, accuracy), color=colour, fontsize=9, **place)
        for name, accuracy in lines.items():
            axes.axhline(accuracy, color=INK, linestyle="--", linewidth=1)
            place = {"xytext": (2, 3), "textcoords": "offset points"}
            axes.annotate(f"{name}, published", (0, accuracy), xycoords=axes.get_yaxis_transform(), **place)
        axes.set_xscale("log")
        axes.margins(x=0.3)
        for form in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            form(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "125" else "")
        axes.set_xlabel("processor seconds, all sets fitted and predicted")
        axes.set_ylabel("mean accuracy")
        axes.grid(color=INK, alpha=0.25, linewidth=0.6)
        save(figure, path)


def set_ticks(axes: Axes, values: list[int]) -> None:
    """The measured sizes, in plain numbers."""
    axes.set_xticks(values, [f"{value:,}" for value in values], rotation=60)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)


def save(figure: Figure, path: Path) -> None:
    """The same bytes for the same numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None})
