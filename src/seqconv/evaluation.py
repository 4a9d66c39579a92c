"""How good a trained network is: its scores, the comparison with the baselines, and what order is worth to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqconv.baselines import Baseline
from seqconv.engines import Inputs, Model
from seqconv.features import SeriesFeatures
from seqconv.intervals import Bootstrap
from seqconv.metrics import Metrics, example_errors, paired_interval, score_classes, score_forecast
from seqconv.quantiles import widen
from seqconv.splits import Part, Split
from seqconv.tokens import UNKNOWN, TokenInputs
from seqconv.windows import Targets, WindowInputs, WindowSpec, show_duration

WEEK_S = 7 * 86400
PROBED = 10_000
PROBE_BATCH = 1000
SPOKEN = {  # by the name without what stands in brackets
    "naive": "the naive forecast",
    "seasonal naive": "the seasonal naive forecast",
    "majority class": "the majority class",
    "1-NN with dynamic time warping": "1-nearest-neighbour with dynamic time warping",
}


@dataclass(frozen=True)
class Evaluation:
    """The network's metrics and outputs `[N, outputs]` on the validation and the test rows.

    Args:
        test_ends: of its intervals before calibration, `[2, N, outputs]`; None: it has none.
    """

    validation: Metrics
    test: Metrics
    validation_outputs: np.ndarray
    test_outputs: np.ndarray
    test_ends: np.ndarray | None


@dataclass(frozen=True)
class Comparison:
    """The network against one baseline on the same test rows.

    Args:
        improvement: share by which the network's error rate or mean absolute error is smaller; negative: larger.
        low, high: its 95 % interval; infinite where the test rows are too few for one.
    """

    name: str
    improvement: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """The same by name; JSON has no infinity: an end that the test rows cannot tell is None."""
        return {name: None if value in (np.inf, -np.inf) else value for name, value in vars(self).items()}


def evaluate(model: Model, split: Split, loss: str) -> Evaluation:
    """Predict and score the validation and the test rows."""
    parts = split.validation, split.test
    raw = [model.predict(part.inputs) for part in parts]
    validation, test = (part.finish(outputs) for part, outputs in zip(parts, raw, strict=True))
    return Evaluation(
        score_outputs(validation, split.validation.targets, split, loss),
        score_outputs(test, split.test.targets, split, loss),
        validation,
        test,
        split.test.finish_ends(raw[1]),
    )


def score_outputs(outputs: np.ndarray, targets: Targets, split: Split, loss: str) -> Metrics:
    """What training prints of outputs `[N, outputs]` on some rows of a split."""
    if isinstance(split.features, SeriesFeatures):
        return score_forecast(outputs, targets, split.features.output_scale)
    return score_classes(outputs, targets, loss)


def compare(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split, loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against each baseline on the test rows, the strongest first: the one with the best validation metric.

    Args:
        outputs: of the network for the test rows.
        loss: the network's; the as-printed one also decides what counts as right. Baselines give logits.
    """
    ordered = sorted(baselines, key=_weakness)
    others = ((each.name, each.test_outputs) for each in ordered)
    return _compare(outputs, others, split.test, split, loss, seed)


def find_better(
    outputs: np.ndarray, baselines: Sequence[Baseline], split: Split, loss: str, seed: int = 0
) -> list[Comparison]:
    """The network against the baselines that are better by more than noise on the validation rows, the best first.

    Args:
        outputs: of the network for the validation rows.
    """
    others = ((each.name, each.validation_outputs) for each in sorted(baselines, key=_weakness))
    return [each for each in _compare(outputs, others, split.validation, split, loss, seed) if each.high < 0]


def _compare(
    outputs: np.ndarray, others: Iterable[tuple[str, np.ndarray]], part: Part, split: Split, loss: str, seed: int
) -> list[Comparison]:
    errors = example_errors(outputs, part.targets, loss)
    others_loss = "binary_crossentropy" if loss == "as_printed" else loss
    features = split.features
    block = block_length(features.spec, len(errors)) if isinstance(features, SeriesFeatures) else 1
    return [
        Comparison(name, *paired_interval(errors, example_errors(each, part.targets, others_loss), block, seed))
        for name, each in others
    ]


def _weakness(baseline: Baseline) -> float:
    scores = baseline.validation
    return scores["mae_scaled"] if "mae_scaled" in scores else -scores["f1" if "f1" in scores else "accuracy"]


def say_better(each: Comparison) -> str:
    """One sentence on a baseline that `find_better` found.

    >>> say_better(Comparison("ridge on the window", -0.03, -0.05, -0.01))
    "On the validation rows ridge on the window is better: the network's error is 3 % larger (1 to 5 %)."
    """
    if not np.isfinite(each.improvement):
        return f"On the validation rows {_spoken(each)} is better: it makes no error."
    return f"On the validation rows {_spoken(each)} is better: the network's error is {_say_larger(each)}."


def block_length(spec: WindowSpec, count: int) -> int:
    """Neighbouring windows to resample together: a week, or the lead if that is longer.

    Errors of forecasts made within one lead of each other share what happened in between, weather lasts some days, and
    what people do repeats by the week. A short test split takes shorter blocks, so that there are twenty or the
    lead is reached.
    """
    week = WEEK_S // spec.interval_s
    return max(spec.leads[-1], min(week, count // 20))


def score_intervals(
    ends: np.ndarray, outputs: np.ndarray, part: Part, features: SeriesFeatures, share: float, seed: int = 0
) -> dict[str, Any]:
    """How much of the truth intervals hold, with 95 % bootstrap intervals of that, and their mean width.

    Args:
        ends: before calibration, scaled, `[2, N, outputs]`.
        outputs: the forecasts that they are around, `[N, outputs]`.
        share: of the truth, that they should hold.

    Returns:
        `share`; `coverage` (`value`, `low`, `high`) and `width` in the target's unit, the mean over targets and leads;
        the same two `before_calibration` and for each of `leads`.
    """
    shape = len(outputs), len(features.spec.leads), len(features.targets)
    found = {"before": ends, "after": widen(ends, outputs, features.margins)}
    columns: dict[str, np.ndarray] = {}
    for name, (low, high) in found.items():
        held = (part.targets >= low) & (part.targets <= high)
        columns[f"{name} held"] = held.reshape(shape).mean(axis=2)
        columns[f"{name} width"] = ((high - low) * features.output_scale).reshape(shape).mean(axis=2)
    bootstrap = Bootstrap(columns, block_length(features.spec, len(outputs)), seed)
    every = {name: _describe_interval(bootstrap, name) for name in found}
    leads = bootstrap.estimate_each(lambda sums: sums["after held"] / sums["rows"][:, None])
    widths = columns["after width"].mean(axis=0)
    names = [show_duration(lead * features.spec.interval_s) for lead in features.spec.leads]
    return {
        "share": share,
        **every["after"],
        "before_calibration": every["before"],
        "leads": [
            {"lead": name, "coverage": held.to_dict(), "width": float(width)}
            for name, held, width in zip(names, leads, widths, strict=True)
        ],
    }


def _describe_interval(bootstrap: Bootstrap, name: str) -> dict[str, Any]:
    coverage = bootstrap.estimate(lambda sums: sums[f"{name} held"].mean(axis=1) / sums["rows"])
    width = bootstrap.estimate(lambda sums: sums[f"{name} width"].mean(axis=1) / sums["rows"])
    return {"coverage": coverage.to_dict(), "width": width.value}


def say_intervals(found: dict[str, Any], rows: str = "test rows") -> str:
    """What `score_intervals` found, in a sentence.

    >>> coverage = {"value": 0.79, "low": 0.77, "high": 0.805}
    >>> before = {"coverage": {"value": 0.75, "low": 0.73, "high": 0.77}, "width": 2.0}
    >>> say_intervals({"share": 0.8, "coverage": coverage, "width": 2.25, "before_calibration": before})
    '80 % intervals hold 79.0 % of the test rows (77.0 to 80.5 %), 75.0 % before calibration; mean width 2.2500.'
    """
    coverage = found["coverage"]
    known = coverage["low"] is not None
    span = f"{100 * coverage['low']:.1f} to {100 * coverage['high']:.1f} %" if known else "too few rows for an interval"
    return (
        f"{100 * found['share']:g} % intervals hold {100 * coverage['value']:.1f} % of the {rows} ({span}), "
        f"{100 * found['before_calibration']['coverage']['value']:.1f} % before calibration; "
        f"mean width {found['width']:.4f}."
    )


def interval_rows(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of `score_intervals`: what intervals hold at each lead, and how wide they are."""
    rows = []
    for each in found["leads"]:
        value, low, high = each["coverage"].values()
        span = "too few rows" if low is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        rows.append([each["lead"], f"{100 * value:.1f} %", span, f"{each['width']:.4f}"])
    return ["lead", f"held by {100 * found['share']:g} % intervals", "95 % interval", "mean width"], rows


def beats_baselines(comparisons: Sequence[Comparison]) -> bool:
    """Better than every baseline, each by an interval that excludes zero."""
    return bool(comparisons) and all(each.low > 0 for each in comparisons)


def verdict(comparisons: Sequence[Comparison]) -> str:
    """One sentence on whether the network beats the baselines; no claim where an interval covers zero.

    >>> verdict([Comparison("gradient boosting", 0.07, 0.051, 0.09), Comparison("naive (last value)", 0.18, 0.16, 0.2)])
    'Beats gradient boosting by 7 % (5 to 9 %); also beats the naive forecast (18 %).'
    >>> verdict([Comparison("gradient boosting", -0.03, -0.05, -0.01)])
    'Does not beat gradient boosting: its error is 3 % larger (1 to 5 %).'
    """
    if not comparisons:
        return "Not compared with any baseline."
    strongest, *others = comparisons
    parts = [_say_strongest(strongest)]
    better = [f"{_spoken(each)} ({_percent(each.improvement)} %)" for each in others if each.low > 0]
    worse = [f"{_spoken(each)} ({_larger(each)})" for each in others if each.high < 0]
    unclear = [_spoken(each) for each in others if each.low <= 0 <= each.high]
    if worse:
        parts.append(f"{'does not beat' if strongest.high >= 0 else 'nor'} {_join(worse)}")
    if better:
        parts.append(f"{'also beats' if strongest.low > 0 else 'beats'} {_join(better)}")
    if unclear:
        parts.append(f"no clear difference to {_join(unclear)}")
    return "; ".join(parts) + "."


def _say_strongest(each: Comparison) -> str:
    name = _spoken(each)
    if each.low == each.high == 0:
        return f"No difference to {name}"
    if each.low > 0:
        middle, low, high = _percent(each.improvement, each.low, each.high).split()
        return f"Beats {name} by {middle} % ({low} to {high} %)"
    if each.high < 0:
        if not np.isfinite(each.improvement):
            return f"Does not beat {name}, which makes no error"
        return f"Does not beat {name}: its error is {_say_larger(each)}"
    if not np.isfinite([each.low, each.high]).all():
        return f"No clear difference to {name}: too little test data to tell"
    worse, better = _percent(-each.low, each.high).split()
    return f"No clear difference to {name} (between {worse} % worse and {better} % better)"


def _say_larger(each: Comparison) -> str:
    middle, low, high = _percent(-each.improvement, -each.high, -each.low).split()
    span = f"{low} to {high} %" if np.isfinite(each.low) else f"at least {low} %"
    return f"{middle} % larger ({span})"


def _spoken(each: Comparison) -> str:
    return SPOKEN.get(each.name.partition(" (")[0], each.name)


def _larger(each: Comparison) -> str:
    return f"error {_percent(-each.improvement)} % larger" if np.isfinite(each.improvement) else "no error"


def _percent(*shares: float) -> str:
    """Percentages without their sign; whole ones, unless one would read as 0.

    >>> _percent(0.07, 0.051, 0.09), _percent(0.02, 0.004)
    ('7 5 9', '2.0 0.4')
    """
    digits = 1 if any(0 < share < 0.01 for share in shares) else 0
    return " ".join(f"{100 * share:.{digits}f}" for share in shares)


def _join(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def probe_order(model: Model, split: Split, loss: str, seed: int = 0) -> dict[str, Any]:
    """What order is worth to the model: its test metrics as the inputs are, and with the order of each shuffled.

    Of a text the words are shuffled (padding and start stay in front), of a window its rows. A network that only
    asks whether something occurs anywhere scores about the same.

    Returns:
        `as_is` and `shuffled` (metrics on the same rows) and `n`: at most 10,000 examples, evenly spaced.
    """
    count = len(split.test.targets)
    index = np.linspace(0, count - 1, min(count, PROBED)).round().astype(np.int64)
    generator = np.random.default_rng(seed)
    pieces = [split.test.take(rows) for rows in np.split(index, range(PROBE_BATCH, len(index), PROBE_BATCH))]
    outputs = {
        "as_is": np.concatenate([part.finish(model.predict(part.inputs)) for part in pieces]),
        "shuffled": np.concatenate(
            [part.finish(model.predict(shuffle_order(part.inputs, generator))) for part in pieces]
        ),
    }
    scores = {name: score_outputs(each, split.test.targets[index], split, loss) for name, each in outputs.items()}
    return scores | {"n": len(index)}


def shuffle_order(inputs: Inputs, generator: np.random.Generator) -> Inputs:
    """The same examples, the words or rows of each in random order."""
    x = inputs.gather(np.arange(len(inputs)))
    keys = generator.random(x.shape[:2])
    if isinstance(inputs, TokenInputs):
        keys[x < UNKNOWN] = -1
        return TokenInputs(np.take_along_axis(x, np.argsort(keys, axis=1, kind="stable"), axis=1))
    shuffled = np.take_along_axis(x, np.argsort(keys, axis=1)[..., None], axis=1)  # [B, L, C]
    # laid end to end they are a series again: every engine reads it as it stands; the times keep their order
    length = x.shape[1]
    ends = np.arange(1, len(x) + 1, dtype=np.int64) * length
    times = None
    if inputs.times is not None:
        times = inputs.times[inputs.anchors[:, None] + np.arange(-inputs.lookback, 0, inputs.step)].ravel()
    return WindowInputs(shuffled.reshape(-1, x.shape[2]), ends, length, 1, times)
