"""A forecasting model as operators of ONNX: rows and forecasts in the units of their columns."""

import numpy as np

from seqconv.data.readers.zones import local_times
from seqconv.metrics.records import Json
from seqconv.networks.graphs.graph import Graph
from seqconv.networks.inputs import WindowInputs
from seqconv.networks.plan import count_outputs
from seqconv.tasks.bundle import AnyBundle, Trained
from seqconv.tasks.graphs import describe_bounds, draw_bounds, draw_model, name_examples
from seqconv.tasks.series.answers import forecast_rows
from seqconv.tasks.series.calendar import read_phases
from seqconv.tasks.series.drawing import read_window
from seqconv.tasks.series.features import SeriesFeatures
from seqconv.tasks.task import Arrays, Drawn, Trial

EPOCH = np.datetime64(0, "s")


def draw_series(bundle: AnyBundle) -> Drawn:
    """A model of a series: `rows` and perhaps `times` in, `forecast` and perhaps `low` and `high` out.

    Raises:
        ConfigError: see `draw_model`.
    """
    features: SeriesFeatures = bundle.features
    graph, spec, target = Graph(), features.spec, features.target
    inputs = read_window(graph, features)
    outputs = draw_model(bundle, inputs)
    width = count_outputs(bundle.plan, bundle.shape) if bundle.plan else target.outputs
    names = {"forecast": "point forecast"} | describe_bounds(target)
    broken = graph.reduce("ReduceMax", graph.cast(graph.add("IsNaN", inputs.window), np.float32), 1)
    broken = graph.add("Greater", graph.reduce("ReduceMax", broken, 1, keep=True), np.float32(0))  # [B, 1]
    shape = (len(spec.leads), len(features.targets))
    found = draw_bounds(graph, outputs, target, width)
    for (name, about), scaled in zip(names.items(), found, strict=True):
        whole = scaled if inputs.base is None else graph.add("Add", scaled, inputs.base)
        values = graph.add("Add", graph.add("Mul", whole, target.scale), target.centre)
        known = graph.add("Where", broken, np.float64(np.nan), values)
        about = f"{about} of each lead and target, in the target's unit; NaN where a row of the window is missing"
        graph.give(name, graph.reshape(known, 0, *shape), np.float64, ("batch", *shape), about)
    return Drawn(graph, _describe(bundle) | ({"target_calendar": inputs.periods} if inputs.periods else {}))


def _describe(bundle: AnyBundle) -> Json:
    features: SeriesFeatures = bundle.features
    about = {
        "columns": list(features.columns),
        "targets": list(features.targets),
        "leads": list(features.target.horizons),
        **features.scaler.to_dict(),
        "rows_needed": features.spec.span,
        "step_rows": features.spec.step,
        "interval_s": features.spec.interval_s,
        "zone": features.zone,
        "calendar": list(features.calendar),
        "change": features.change,
    }
    return about | features.target.describe_bounds(bundle.recipe.training.coverage)


def try_series(trained: Trained, drawn: Drawn, inputs: WindowInputs | None) -> Trial:
    """Windows of test rows, or made-up ones, as a graph reads them, and what the model forecasts for each."""
    features: SeriesFeatures = trained.bundle.features
    spec = features.spec
    rows, times = _make_windows(features) if inputs is None else _list_windows(features, inputs)
    forecasts = [forecast_rows(trained, own, stamps) for own, stamps in zip(rows, times, strict=True)]
    answers = {"forecast": np.concatenate([point for point, _ in forecasts])}
    if forecasts[0][1] is not None:
        names = features.target.bounds
        answers |= {name: np.concatenate([each[n] for _, each in forecasts if each]) for n, name in enumerate(names)}
    ahead = np.array(spec.leads) * np.timedelta64(spec.interval_s, "s")
    local, leads = (local_times(each.ravel(), features.zone) for each in (times, times[:, -1:] + ahead))
    given: Arrays = {"rows": rows, "times": (local - EPOCH).astype(np.int64).reshape(times.shape)}
    if periods := tuple(drawn.about.get("target_calendar", ())):
        given["target_calendar"] = read_phases(leads, periods).reshape(len(rows), len(ahead), -1)
    read = {port.name: given[port.name] for port in drawn.graph.inputs}
    return Trial(read, answers, name_examples(inputs, len(rows)))


def _list_windows(features: SeriesFeatures, inputs: WindowInputs) -> tuple[np.ndarray, np.ndarray]:
    """Rows in their units `[N, span, C]` and their times `[N, span]`; rows between the steps are not read."""
    spec, columns = features.spec, len(features.columns)
    scaled = inputs.gather(np.arange(len(inputs)))[..., :columns].astype(np.float64)
    rows = np.zeros((len(scaled), spec.span, columns))
    rows[:, :: spec.step] = scaled * features.scaler.std + features.scaler.mean
    every = np.arange(spec.span) * np.timedelta64(spec.interval_s, "s")
    first = EPOCH if inputs.times is None else inputs.times[inputs.anchors - spec.lookback]
    return rows, np.broadcast_to(np.expand_dims(first, -1) + every, rows.shape[:2]).astype("datetime64[s]")


def _make_windows(features: SeriesFeatures, count: int = 16) -> tuple[np.ndarray, np.ndarray]:
    spec, random = features.spec, np.random.default_rng(0)
    waves = features.scaler.make_rows(spec.span)
    rows = waves + random.normal(size=(count, *waves.shape)) * features.scaler.std
    days = random.integers(0, 20_000, (count, 1)) * np.timedelta64(1, "D")
    return rows, EPOCH + days + np.arange(spec.span) * np.timedelta64(spec.interval_s, "s")
