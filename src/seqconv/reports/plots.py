"""The pictures of reports and notebooks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from seqconv.reports.figures import INK, finish, mark_dates, start
from seqconv.tasks.explanation import Curves, GridExplanation

# each at least 3 to 1 on the page, light and dark (WCAG 2.2, 1.4.11)
TRAINING, VALIDATION, WORSE, UNKNOWN = "#3b82c4", "#c8701a", "#c0392b", "#7f8791"
OTHERS = ((TRAINING, "s--"), (UNKNOWN, "^--"), ("#4f9d69", "v--"), ("#9467bd", "D--"), (WORSE, "x--"))
MOST_TICKS = 12
MOST_CURVES = 4  # inputs of a window
NARROWEST = 1.0  # per cent to each side of a comparison


def draw_history(epochs: list[int], training: list[float], validation: list[float], name: str, best: int) -> str:
    """Dots for training, a line for validation, a mark at the best epoch, as SVG."""
    figure, axes = start(5.0, 3.0)
    _plot_epochs(axes, epochs, training, validation, best)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    return finish(
        figure, f"{name} by epoch", f"Validation from {validation[0]:.4g} to {validation[-1]:.4g}; best: epoch {best}."
    )


def _plot_epochs(axes: Any, epochs: list[int], training: list[float], validation: list[float], best: int) -> None:
    axes.plot(epochs, training, "o", color=TRAINING, label="training")
    axes.plot(epochs, validation, "-", color=VALIDATION, label="validation", linewidth=2)
    if best in epochs:  # not where the start was best
        axes.plot([best], [validation[epochs.index(best)]], "D", color=VALIDATION, label="best epoch", markersize=5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=8)


def plot_history(epochs: list[int], curves: dict[str, tuple[list[float], list[float]]], best: int) -> Any:
    """A figure to show or change: a panel for each name, of its values in training and in validation.

    Returns:
        A `matplotlib.figure.Figure`, which notebooks show.
    """
    figure, panels = start(6.0, 0.6 + 2.2 * len(curves), len(curves))
    for axes, (name, (training, validation)) in zip(panels, curves.items(), strict=True):
        _plot_epochs(axes, epochs, training, validation, best)
        axes.set_ylabel(name)
    panels[-1].set_xlabel("epoch")
    return figure


def draw_scatter(truth: np.ndarray, found: np.ndarray, bounds: tuple[np.ndarray, np.ndarray] | None, unit: str) -> str:
    """Predicted against actual numbers `[N]`, with the bounds of their intervals if there are any, as SVG."""
    figure, axes = start(5.0, 4.0)
    if bounds is not None:
        axes.vlines(truth, *bounds, color=UNKNOWN, alpha=0.3, linewidth=1)
    axes.plot(truth, found, "o", color=TRAINING, alpha=0.7, markersize=3.5)
    ends = [float(min(truth.min(), found.min())), float(max(truth.max(), found.max()))]
    axes.plot(ends, ends, "--", color=UNKNOWN, linewidth=1)
    axes.set_xlabel(f"actual {unit}")
    axes.set_ylabel(f"predicted {unit}")
    return finish(
        figure, f"Predicted and actual {unit}", f"{len(truth)} test examples, {ends[0]:.4g} to {ends[1]:.4g}."
    )


class Path(NamedTuple):
    """Forecasts along timestamps, datetime64 `[N]`, and the bounds of their intervals (None: there are none)."""

    times: np.ndarray
    forecast: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray] | None = None


def draw_forecast(times: np.ndarray, truth: np.ndarray, paths: Sequence[Path], unit: str) -> str:
    """Forecasts against the truth over a span of timestamps (datetime64 `[N]`), as SVG; gaps stay gaps."""
    figure, axes = start(8.0, 3.2)
    axes.plot(*_break_line(times, truth), "-", color=TRAINING, label="truth", linewidth=1.4)
    for rank, path in enumerate(paths):
        band, label = ("interval", "forecast") if not rank else (None, None)
        if path.bounds is not None:
            places, low, high = _break_line(path.times, *path.bounds)
            axes.fill_between(places, low, high, color=VALIDATION, alpha=0.25, linewidth=0.0, label=band)
        axes.plot(*_break_line(path.times, path.forecast), "--", color=VALIDATION, label=label, linewidth=1.4)
    axes.set_ylabel(unit)
    mark_dates(axes)
    axes.legend(frameon=False, fontsize=8)
    return finish(figure, f"Forecast and truth of {unit}", f"{len(times)} rows from {times[0]} to {times[-1]}.")


def draw_fan(
    history: np.ndarray,
    quantiles: np.ndarray,
    truth: np.ndarray | None,
    ticks: tuple[list[int], list[str]],
    names: tuple[str, str],
) -> str:
    """The past of a series and the quantiles of its future, as SVG; gaps stay gaps.

    Args:
        history: the newest rows `[L]`; NaN is missing.
        quantiles: of the rows after them, ascending, `[H, Q]`, Q odd; the median is the forecast.
        truth: of these rows `[H]`; None: not known.
        ticks: places on the axis, 0 for the first forecast, and what is written there.
        names: of the series and of the unit.
    """
    figure, axes = start(8.0, 3.0)
    past, ahead = np.arange(-len(history), 0), np.arange(len(quantiles))
    median = quantiles.shape[1] // 2
    joined = np.concatenate([[-1], ahead])
    newest = np.full((1, quantiles.shape[1]), history[-1])
    fan = np.concatenate([newest, quantiles])
    for place in range(median):
        label = None if place else f"{100 - 200 // (quantiles.shape[1] + 1)} % interval"  # the others lie within
        band = {"color": VALIDATION, "alpha": 0.13, "linewidth": 0.0, "label": label}
        axes.fill_between(joined, fan[:, place], fan[:, -1 - place], **band)
    axes.plot(past, history, "-", color=TRAINING, label="history", linewidth=1.4)
    if truth is not None:
        axes.plot(ahead, truth, "-", color=TRAINING, alpha=0.6, linewidth=1.4, label="truth")
    axes.plot(joined, fan[:, median], "--", color=VALIDATION, label="forecast", linewidth=1.6)
    axes.set_xticks(*ticks)
    axes.set_ylabel(names[1], parse_math=False)
    axes.set_title(names[0], fontsize=9, loc="right", parse_math=False)
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="upper left")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.15 * (high - low))
    last = quantiles[-1]
    summary = f"After {len(history)} rows, {len(quantiles)} are forecast; the last {last[median]:.4g}, 80 % between "
    return finish(figure, f"Forecast of {names[0]}", f"{summary}{last[0]:.4g} and {last[-1]:.4g}.", newest=True)


def _break_line(times: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Times and values with NaN where rows are missing between two times; months need not be equally long for that."""
    spacing = np.diff(times)
    gaps = np.flatnonzero(spacing > 1.5 * np.median(spacing)) + 1 if len(spacing) else np.array([], np.int64)
    lines = (np.insert(each.astype(np.float64), gaps, np.nan) for each in values)
    return [np.insert(times, gaps, times[gaps]), *lines]


def draw_comparison(
    names: list[str], improvements: list[tuple[float, float, float]], rival: str = "the baseline"
) -> str:
    """Improvement over each rival with its 95 % interval, in per cent, as SVG; right of zero is better."""
    figure, axes = start(8.0, 1.0 + 0.38 * len(names))
    said = []
    for place, (name, (value, low, high)) in enumerate(zip(names, improvements, strict=True)):
        known = bool(np.isfinite([low, high]).all())
        # 0: better, 1: worse, 2: unclear; where an end is unknown nothing is claimed
        kind = 0 if known and low > 0 else 1 if known and high < 0 else 2
        word, colour, mark = (("better", TRAINING, "o"), ("worse", WORSE, "X"), ("unclear", UNKNOWN, "D"))[kind]
        said.append(f"{name}: {word}")
        if known:
            axes.plot([100 * low, 100 * high], [place, place], "-", color=colour, linewidth=3, solid_capstyle="butt")
        if np.isfinite(value):
            axes.plot([100 * value], [place], mark, color=colour, markersize=7)
    axes.axvline(0, color=INK, linewidth=0.8)
    widest = max(map(abs, axes.get_xlim()))
    if widest < NARROWEST:  # runs that hardly differ look so
        axes.set_xlim(-NARROWEST, NARROWEST)
    axes.set_yticks(range(len(names)), [each.replace(": ", " (") + ")" for each in said])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("\u2190 worse    error reduction, % (95 % interval)    better \u2192")
    return finish(figure, f"Compared with {rival}", "; ".join(said))


def draw_window(found: GridExplanation) -> str:
    """The strongest inputs as curves, the more colour along them the more they add, and the forecast, as SVG."""
    curves = found.curves
    order = np.argsort(-np.abs(found.whole[: curves.values.shape[1]]), kind="stable")
    shown = [row for row in order if row != curves.target][: MOST_CURVES - (curves.target is not None)]
    shown = [*([] if curves.target is None else [curves.target]), *shown]
    figure, panels = start(8.0, 0.9 + 1.3 * len(shown), len(shown))
    limit = float(np.abs(found.contributions[shown]).max(initial=0)) or 1.0
    ahead = len(curves.ahead) > 0
    for axes, row in zip(panels, shown, strict=True):
        axes.plot(curves.steps, curves.values[:, row], "-", color=INK, linewidth=1, zorder=3)
        _colour_curve(axes, curves, row, found.contributions[row] / limit)
        axes.set_title(found.rows[row], fontsize=9, loc="right" if ahead else "left", parse_math=False)
    if ahead:
        _draw_ahead(panels[0], curves, found.value)
        mark_dates(panels[-1])
    else:
        panels[-1].set_xlabel("step")
    said = ", ".join(found.rows[row] for row in shown)
    said = f"{said}; the tables that follow hold the effects."
    return finish(figure, "The window and what it adds", said, newest=ahead)


def draw_classes(classes: Sequence[GridExplanation]) -> str:
    """For each class the input that says most about it, the more colour along it the more it adds to its score, as
    SVG."""
    figure, panels = start(8.0, 0.9 + 1.3 * len(classes), len(classes))
    count = classes[0].curves.values.shape[1]
    limit = max(float(np.abs(one.contributions[:count]).max(initial=0)) for one in classes) or 1.0
    said = []
    for axes, one in zip(panels, classes, strict=True):
        row = int(np.abs(one.contributions[:count]).max(axis=1).argmax())
        axes.plot(one.curves.steps, one.curves.values[:, row], "-", color=INK, linewidth=1, zorder=3)
        _colour_curve(axes, one.curves, row, one.contributions[row] / limit)
        said.append(f"{one.output}: {one.rows[row]}" if count > 1 else one.output)
        axes.set_title(said[-1], fontsize=9, loc="left", parse_math=False)
    panels[-1].set_xlabel("step")
    return finish(figure, "What speaks for and against each class", f"{', '.join(said)}.")


def _colour_curve(axes: Any, curves: Curves, row: int, strength: np.ndarray) -> None:
    """Colour and sign along the spans of a curve.

    Args:
        strength: of each span, -1 to 1.
    """
    steps, values = curves.steps, curves.values[:, row]
    for begin, end, each in zip(curves.bounds, curves.bounds[1:], strength, strict=False):
        colour, sign = (TRAINING, "+") if each > 0 else (VALIDATION, "\u2212")
        reach = slice(begin, end + 1)  # to the next span, so that a step alone is a line too
        style = {"color": colour, "alpha": 0.85 * abs(each), "linewidth": 7, "solid_capstyle": "butt"}
        axes.plot(steps[reach], values[reach], "-" if end < len(steps) or end - begin > 1 else "o", **style)
        middle = (begin + end - 1) // 2
        if abs(each) >= 0.3 and np.isfinite(values[middle]):
            place = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center"}
            axes.annotate(sign, (steps[middle], values[middle]), color=INK, fontsize=10, **place)


def _draw_ahead(axes: Any, curves: Curves, value: float) -> None:
    """The forecasts after a window, and which of them is explained."""
    point, *bounds = curves.forecasts
    newest = curves.values[-1, curves.target]
    ahead, joined = np.append(curves.steps[-1:], curves.ahead), np.append(newest, point)
    if bounds:
        low, high = (np.append(newest, each) for each in bounds)
        axes.fill_between(ahead, low, high, color=VALIDATION, alpha=0.25, linewidth=0.0, label="interval")
    axes.plot(ahead, joined, "--", color=VALIDATION, linewidth=1.4, label="forecast")
    chosen = int(np.abs(point - value).argmin())
    axes.plot(curves.ahead[[chosen]], point[[chosen]], "D", color=VALIDATION, markersize=6, label="explained")
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)


def draw_lines(places: list[str], lines: dict[str, list[float]], across: str, up: str, from_zero: bool = True) -> str:
    """A line a name over named places, the first the most visible, as SVG."""
    figure, axes = start(5.0, 3.0)
    ticks = np.arange(len(places))
    for rank, (name, values) in enumerate(lines.items()):
        colour, style = OTHERS[(rank - 1) % len(OTHERS)] if rank else (VALIDATION, "o-")
        axes.plot(ticks, values, style, color=colour, label=name, linewidth=1.2 if rank else 2.2, markersize=4)
    shown = ticks[:: -(-len(ticks) // MOST_TICKS)]
    axes.set_xticks(shown, [places[tick] for tick in shown])
    if from_zero:
        axes.set_ylim(0, 1.08 * max(map(max, lines.values())) or 1)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=8)
    return finish(
        figure, f"{up} by {across}", "; ".join(f"{name}: {_say_range(values)}" for name, values in lines.items())
    )


def _say_range(values: list[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}"


def draw_reliability(confidence: list[float], right: list[tuple[float, float, float]], counts: list[int]) -> str:
    """Fraction right against confidence, with its 95 % interval, above how many answers each bin holds, as SVG.

    Args:
        confidence: mean of each bin.
        right: fraction right of each bin and the bounds of its interval; NaN: unknown.
    """
    figure, axes = start(5.0, 3.6)
    axes.plot([0, 1], [0, 1], "--", color=UNKNOWN, linewidth=1, label="calibrated")
    value, low, high = np.array(right).T
    axes.vlines(confidence, low, high, color=VALIDATION, alpha=0.6, linewidth=2)
    axes.plot(confidence, value, "o-", color=VALIDATION, linewidth=1.4, markersize=5, label="fraction right")
    largest = max(counts)
    axes.bar(confidence, [0.15 * count / largest for count in counts], 0.02, color=TRAINING, alpha=0.6, label="answers")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="fraction right")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return finish(figure, "Calibration", "The fraction of right predictions against their confidence.")


def draw_curves(curves: dict[str, tuple[list[float], list[float]]], chosen: dict[str, tuple[float, float]]) -> str:
    """Precision against recall of each class, with the point that the model chooses, as SVG.

    Args:
        curves: recalls and precisions of each class.
        chosen: recall and precision of each; NaN: it is never predicted.
    """
    figure, axes = start(5.0, 3.6)
    for rank, (name, (recall, precision)) in enumerate(curves.items()):
        colour, style = OTHERS[(rank - 1) % len(OTHERS)] if rank else (VALIDATION, "-")
        axes.plot(recall, precision, style[1:] if rank else style, color=colour, label=name, linewidth=1.4)
        axes.plot(*chosen[name], "D", color=colour, markersize=6)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    return finish(figure, "Precision and recall", "Precision against recall; a diamond marks the model's threshold.")


def draw_heat(rows: list[str], edges: list[str], values: np.ndarray, label: str) -> str:
    """A cell for each row and span, its colour and sign the value's, its strength the size's, as SVG.

    Args:
        edges: names of the bounds of the spans, `[S + 1]`.
        values: `[rows, S]`; a value of zero lets the page show through.
        label: what the values are.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    figure, axes = start(8.0, 1.3 + 0.28 * len(rows))
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, alpha=0.3, linewidth=0.6)
    limit = float(np.abs(values).max(initial=0)) or 1.0
    tones = ((0.0, VALIDATION, 0.9), (0.5, VALIDATION, 0.0), (0.5, TRAINING, 0.0), (1.0, TRAINING, 0.9))
    ramp = [(place, to_rgba(colour, alpha)) for place, colour, alpha in tones]
    colours = LinearSegmentedColormap.from_list("signed", ramp, N=33)
    cells = axes.pcolormesh(values, cmap=colours, vmin=-limit, vmax=limit)
    for row, column in np.argwhere(np.abs(values) >= 0.3 * limit):
        sign = "+" if values[row, column] > 0 else "\u2212"
        axes.text(column + 0.5, row + 0.5, sign, ha="center", va="center", color=INK, fontsize=11)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, parse_math=False)
    axes.invert_yaxis()
    shown = np.unique(np.linspace(0, len(edges) - 1, 5).round().astype(int))
    axes.set_xticks(shown, [edges[place] for place in shown])
    axes.tick_params(left=False)
    bar = figure.colorbar(cells, ax=axes, label=label, pad=0.01, fraction=0.03)
    bar.outline.set_visible(False)
    return finish(
        figure, "Effect of each input and span", f"{len(rows)} inputs, {len(edges) - 1} spans; a table follows."
    )
