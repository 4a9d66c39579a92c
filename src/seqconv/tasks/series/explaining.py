"""Explains a forecast: what each column and time span of the window adds."""

from collections.abc import Callable
from datetime import datetime

import numpy as np

from seqconv.data.readers.zones import local_times
from seqconv.data.records import Series
from seqconv.errors import DataError, OptionError, nearest
from seqconv.networks.inputs import WindowInputs, stack_windows
from seqconv.recipes.durations import parse_duration, show_duration
from seqconv.tasks.blend import Blend
from seqconv.tasks.bundle import Trained
from seqconv.tasks.explanation import Curves, GridExplanation, Member
from seqconv.tasks.occlusion import cut_spans, occlude
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.values import Values


def explain_series(trained: Trained, series: Series, at: str = "", target: str = "", lead: str = "") -> GridExplanation:
    """What each column and span of the window adds to a forecast, in the target's unit.

    A span of a column is set to the column's training mean, a calendar input to zero. If the model forecasts changes,
    the newest value of the target is part of the answer. The effects of a blend are the weighted means of its members'
    effects. Of naive, seasonal and ridge, which are linear, they add up to how far the forecast is from that of an
    average window; of the network and of boosted trees they need not.

    Args:
        at: time of the window's newest row, in ISO form and in the file's time zone; empty: the newest whole window.
        target: a target of the model; empty: the first.
        lead: one of its leads, such as "6h"; empty: the first.

    Raises:
        DataError: no such time, or no whole window that ends there.
        ConfigError: no such target or lead.
    """
    features: SeriesFeatures = trained.bundle.features
    output = _choose_output(features, target, lead)
    scaled = features.scale(series)
    anchor = _find_anchor(features, series, scaled, at)
    window = features.inputs(scaled, anchor).gather(np.array([0]))[0]
    first = int(anchor[0]) - features.spec.lookback
    answer = _ask(trained, series.times[np.arange(first, anchor[0], features.spec.step)], output)
    wide = len(features.columns)
    groups = [[column] for column in range(wide)]
    groups += [[wide + 2 * i, wide + 2 * i + 1] for i in range(len(features.calendar))]
    bounds = cut_spans(len(window))
    cells, whole = occlude(answer, window, groups, bounds)
    value = float(answer(window[None])[0] + features.target.centre[output])
    if not np.isfinite(value):
        raise DataError(f"the model's answer must be a number; got {value}. Its training failed: train again")
    rows = (*features.columns, *(f"time of {period}" for period in features.calendar))
    begins, ends = (_stamps(series, first + steps * features.spec.step) for steps in (bounds[:-1], bounds[1:] - 1))
    curves = _draw_curves(trained, series, scaled, anchor, bounds, output)
    place = output // len(features.targets)
    facts = {"newest row": ends[-1]}
    if series.clock != "counted":
        facts["time"] = _show(curves.ahead[place : place + 1])[0]
    name, spans = _name_output(features, output), tuple(zip(begins, ends, strict=True))
    band = tuple(curves.forecasts[1:, place].tolist()) or None
    members = _list_members(trained, features.inputs(scaled, anchor, series.times), output)
    return GridExplanation(name, value, {}, rows, spans, cells, whole, facts, curves, band, members=members)


def _list_members(trained: Trained, inputs: WindowInputs, output: int) -> tuple[Member, ...]:
    """What each model of a blend forecasts for one window; nothing: it is no blend."""
    if not isinstance(trained.model, Blend):
        return ()
    _, answers = trained.model.ask(inputs)
    target: Values = trained.bundle.features.target
    found = [
        Member(name, float(trained.model.factors[name][output]), float(target.unscale(each).ravel()[output]))
        for name, each in answers.items()
    ]
    return tuple(sorted((each for each in found if each.weight), key=lambda each: -each.weight))


def _ask(trained: Trained, times: np.ndarray, output: int) -> Callable[[np.ndarray], np.ndarray]:
    """Gives one output, in its unit and less its mean, for windows `[N, L, C]` at these times."""
    features: SeriesFeatures = trained.bundle.features
    values = features.target

    def answer(windows: np.ndarray) -> np.ndarray:
        inputs = stack_windows(windows, np.tile(times, len(windows)))
        # point forecasts, without bounds
        outputs = trained.model.predict(inputs)[:, : values.outputs].astype(np.float64)
        if features.change:
            outputs += np.tile(windows[:, -1, features.target_columns], len(values.horizons))
        return np.asarray(outputs[:, output] * values.scale[output])

    return answer


def _draw_curves(
    trained: Trained, series: Series, scaled: np.ndarray, anchor: np.ndarray, bounds: np.ndarray, output: int
) -> Curves:
    """The columns of the window, and the forecasts of the output's target at every lead."""
    features: SeriesFeatures = trained.bundle.features
    spec, target = features.spec, output % len(features.targets)
    read = np.arange(int(anchor[0]) - spec.lookback, int(anchor[0]), spec.step)
    outputs = trained.model.predict(features.inputs(scaled, anchor, series.times))
    point, ends = features.target.finish(outputs, features.base_at(scaled, anchor))
    band = [ends[0], ends[-1]] if ends and len(ends) > 1 else []
    ahead = series.times[read[-1]] + np.array(spec.leads) * np.timedelta64(spec.interval_s, "s")
    values = series.values[:, [series.columns.index(name) for name in features.columns]]
    return Curves(
        local_times(series.times[read], series.zone),
        values[read],
        bounds,
        local_times(ahead, series.zone),
        np.stack([each[0, :, target] for each in (point, *band)]),
        features.target_columns[target],
    )


def _choose_output(features: SeriesFeatures, target: str, lead: str) -> int:
    """Index of a target at a lead among the outputs."""
    if target and target not in features.targets:
        raise OptionError(f"target: unknown target {target!r}. {nearest(target, features.targets)}")
    leads = [rows * features.spec.interval_s for rows in features.spec.leads]
    if lead and parse_duration(lead, "lead") not in leads:
        raise OptionError(f"lead must be one of {', '.join(map(show_duration, leads))}; got {lead!r}")
    place = leads.index(parse_duration(lead)) if lead else 0
    return place * len(features.targets) + (features.targets.index(target) if target else 0)


def _name_output(features: SeriesFeatures, output: int) -> str:
    lead, target = divmod(output, len(features.targets))
    return f"{features.targets[target]}, {features.target.horizons[lead]} ahead"


def _find_anchor(features: SeriesFeatures, series: Series, scaled: np.ndarray, at: str) -> np.ndarray:
    """The anchor of the window to explain, int64 `[1]`."""
    spec = features.spec
    anchors = spec.live_anchors(len(scaled))
    if at:
        rows = np.flatnonzero(local_times(series.times, series.zone) == _read_stamp(at))
        if not len(rows):
            ends = " to ".join(_stamps(series, np.array([0, -1])))
            raise OptionError(f"at: must be the time of a row of {series.source} ({ends}); got {at!r}. Choose one")
        anchors = rows[-1:] + spec.step
    whole = anchors[anchors >= spec.lookback]
    whole = whole[~spec.is_broken(whole, series.times, scaled)]
    if not len(whole):
        needs = f"{spec.length} rows {show_duration(spec.step * spec.interval_s)} apart, without holes"
        where = f"the window that ends at {at}" if at else "the file"
        raise DataError(f"{series.source}: {where} must hold {needs}; it does not. Choose another time or file")
    return np.asarray(whole[-1:])


def _read_stamp(text: str) -> np.ndarray:
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise OptionError(f"at must be a time such as 2016-12-31T23:00; got {text!r}") from error
    if stamp.tzinfo is not None:
        raise OptionError(
            f"at must have no time zone, since times are in that of the file; got {text!r}. Leave the zone out"
        )
    return np.array(stamp, "datetime64[us]")


def _stamps(series: Series, rows: np.ndarray) -> list[str]:
    return _show(local_times(series.times[rows], series.zone))


def _show(times: np.ndarray) -> list[str]:
    """Without seconds or hours that are zero in each of them."""
    shown = [str(time).replace("T", " ") for time in times]
    for zero in (":00", " 00:00"):
        if all(each.endswith(zero) for each in shown):
            shown = [each.removesuffix(zero) for each in shown]
    return shown
