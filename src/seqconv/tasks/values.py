"""Numeric targets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from seqconv.metrics.comparison import Score
from seqconv.metrics.conformal import fit_margins, fit_shifts
from seqconv.metrics.errors import Metrics, measure_forecasts, measure_squares
from seqconv.metrics.quantiles import name_quantile
from seqconv.metrics.records import Json
from seqconv.networks.inputs import Targets, WindowTargets
from seqconv.networks.losses import example_losses
from seqconv.networks.outputs import correct_bounds, correct_quantiles, take_bounds
from seqconv.tasks.profiles import ANSWERS, Sample
from seqconv.tasks.stacking import average_forecasts
from seqconv.tasks.target import Columns, Target, to_number

MOST_WRITTEN = 2**24  # forecast values that a run saves for its test rows


@dataclass(frozen=True)
class Values(Target):
    """Forecasts: for each horizon, in order, one number for each target.

    Args:
        names: of the targets.
        horizons: how far ahead each forecast is, as text.
        mean, std: of each target in the training rows, in its unit, float64 `[targets]`.
        margins: conformal correction of each output, scaled (see `metrics.conformal`), of quantiles one for each of
            their levels; empty: no intervals.
        levels: of quantiles in place of intervals; empty: no quantiles.
        judged: see `Target`.
    """

    names: tuple[str, ...]
    horizons: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    margins: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    judged: str = ""
    metric = "mae"
    judges = ("mae", "rmse")
    error = "mae"
    loss = "mae"

    @property
    def outputs(self) -> int:
        return len(self.horizons) * len(self.names)

    @property
    def scale(self) -> np.ndarray:
        """Standard deviation of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.std, len(self.horizons))

    @property
    def centre(self) -> np.ndarray:
        """Mean of each output's target, in its unit, float64 `[outputs]`."""
        return np.tile(self.mean, len(self.horizons))

    @property
    def bounds(self) -> tuple[str, ...]:
        """The names of what is answered next to the point forecast: `low` and `high`, or `q0.1` and so on."""
        if not self.margins:
            return ()
        return tuple(map(name_quantile, self.levels)) or ("low", "high")

    def describe_bounds(self, coverage: float) -> Json:
        """The coverage of intervals, or the levels of quantiles, for JSON; nothing without any."""
        if not self.margins:
            return {}
        return {"quantiles": list(self.levels)} if self.levels else {"interval": coverage}

    def find_margins(self, bounds: np.ndarray, targets: np.ndarray, coverage: float) -> tuple[float, ...]:
        """What `margins` are for these examples, see `Features.calibrate`."""
        return fit_shifts(bounds, targets, self.levels) if self.levels else fit_margins(bounds, targets, coverage)

    def correct(self, bounds: np.ndarray, point: np.ndarray) -> np.ndarray:
        """Bounds or quantiles `[Q, N, outputs]` around point forecasts `[N, outputs]`, with the margins."""
        if self.levels:
            return correct_quantiles(bounds, self.margins)
        return correct_bounds(bounds, point, self.margins)

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The mean absolute error over the outputs, scaled."""
        return example_losses(outputs, targets, "mae")

    def to_metric(self, error: Any) -> Any:
        return error

    def show_score(self, metrics: Metrics) -> str:
        """In the unit of the target; of several, where it is known, in standard deviations, as they are compared."""
        if len(self.names) > 1 and "mae_scaled" in metrics:
            return f"{metrics['mae_scaled']:.3g} standard deviations"
        value = metrics["mae"]
        return f"{value:,.0f}" if 1000 <= value < 1e15 else f"{value:.3g}"

    def say_score(self, metrics: Metrics, rows: str) -> Score:
        return Score(f"MAE {self.show_score(metrics)} on {metrics['n']:,} unseen {rows}")

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`mae` in the targets' units, `mae_scaled`, `mse_scaled` and `n`."""
        return measure_forecasts(outputs, targets, self.scale)

    def measure_more(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`rmse`, the mean over the targets, each in its unit."""
        squares = measure_squares(outputs, targets) * self.scale**2
        return {"rmse": float(np.sqrt(squares.reshape(-1, len(self.names)).mean(axis=0)).mean())}

    def rank(self, metrics: Metrics) -> float:
        """By scaled errors, in which several targets count the same."""
        return metrics["mse_scaled" if self.judged == "rmse" else "mae_scaled"]

    def measure_change(
        self, before: np.ndarray, after: np.ndarray, loss: str, changed: Target | None = None
    ) -> dict[str, float]:
        """`moved`: the mean absolute difference, scaled."""
        return {"moved": float(np.abs(after.astype(np.float64) - before).mean())}

    def choose_factors(
        self, outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """The weights of `stacking.average_forecasts`, `[models, outputs]`."""
        return average_forecasts(outputs, targets, self.judged == "rmse")

    def check_factors(self, factors: np.ndarray) -> None:
        if factors.shape[1:] != (self.outputs,) or (np.abs(factors.sum(axis=0) - 1) > 1e-9).any():
            raise ValueError(f"must add up to 1 for each of {self.outputs} outputs; got {factors.tolist()!r:.80}")

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """`mae` of numbers in their units, `[N, H, targets]` both."""
        error = np.abs(outputs.astype(np.float64) - targets).reshape(len(outputs), -1)
        return {"mae": error.mean(axis=1)}

    def errors_in_units(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """The mean absolute error over the outputs, each in the unit of its target."""
        return np.asarray((np.abs(outputs.astype(np.float64) - targets) * self.scale).mean(axis=1))

    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Forecasts and targets in their units, `[N, H, targets]`, and what `bounds` names.

        With `times` and `keys` of the first target, and how many rows `ahead` of it each of the others is, int64 `[H]`.
        Only evenly spaced examples if there are more than `MOST_WRITTEN` values.
        """
        rows = slice(None, None, -(-outputs.size // MOST_WRITTEN))
        found = {"outputs": outputs[rows], "targets": targets[rows]}
        if bounds is not None:
            found |= dict(zip(self.bounds, self.correct(bounds[:, rows], outputs[rows]), strict=True))
        found = {name: self.unscale(values) for name, values in found.items()}
        if isinstance(targets, WindowTargets):
            found["ahead"] = np.array(targets.delays) - targets.delays[0]
        rest = {"times": times, "keys": keys}
        return found | {name: values[rows] for name, values in rest.items() if values is not None}

    def sample(self, outputs: np.ndarray, loss: str) -> list[Sample]:
        """The forecasts of each target for the first and the last horizon, in its unit."""
        values, last = self.unscale(outputs), len(self.horizons) - 1
        return [
            Sample(f"{name} in {self.horizons[place]}", values[:, place, column], of=ANSWERS)
            for place in dict.fromkeys((0, last))
            for column, name in enumerate(self.names)
        ]

    def rates(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, loss: str
    ) -> dict[str, np.ndarray]:
        """The error, and which part of the outputs lies outside their lowest and highest bound or quantile."""
        found = super().rates(outputs, bounds, targets, loss)
        if bounds is None or not self.margins or len(self.bounds) < 2:
            return found
        low, *_, high = self.correct(bounds, outputs)
        truths = np.asarray(targets)
        return found | {"outside the intervals": ((truths < low) | (truths > high)).mean(axis=1)}

    def describe(self) -> dict[str, list[str]]:
        return {"targets": list(self.names)}

    def unscale(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs in the unit of their target, float64 `[N, H, targets]`."""
        values: np.ndarray = np.asarray(outputs, np.float64) * self.scale + self.centre
        return values.reshape(len(outputs), len(self.horizons), len(self.names))

    def finish(self, outputs: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, list[np.ndarray] | None]:
        """A network's outputs in the unit of their target, float64 `[N, H, targets]`: point forecasts, and what
        `bounds` names (None: nothing).

        Args:
            base: added to the outputs, `[N, outputs]`.
        """
        point = outputs[:, : self.outputs]
        bounds = take_bounds(outputs, self.outputs, bool(self.levels))
        forecast = self.unscale(point + base)
        if not self.margins:
            return forecast, None
        bounds = np.stack([point] * len(self.bounds)) if bounds is None else bounds
        return forecast, [self.unscale(bound + base) for bound in self.correct(bounds, point)]


class Number(Values):
    """One number for each example, such as a property of a sequence; intervals may lie around any model's answer."""

    @classmethod
    def of(
        cls,
        name: str,
        mean: float,
        std: float,
        margins: tuple[float, ...] = (),
        levels: tuple[float, ...] = (),
    ) -> Self:
        """The number with this name, and its mean and standard deviation in the training rows."""
        return cls((name,), ("",), np.array([mean]), np.array([std]), margins, levels)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Numbers `[N]` as targets, float32 `[N, 1]`."""
        return np.asarray((labels - self.mean) / self.std, np.float32)[:, None]

    def to_regress(self, targets: np.ndarray) -> np.ndarray:
        """What a linear regression is fitted to, float64 `[N, 1]`."""
        return np.asarray(targets, np.float64)

    @property
    def slope(self) -> np.ndarray:
        """What each output counts in the number, or in a score for higher rather than lower ones, `[outputs]`."""
        return self.std

    def to_points(self, outputs: np.ndarray) -> np.ndarray:
        """Predicted numbers, scaled, `[N, 1]`."""
        return outputs[:, :1]

    def to_truths(self, targets: Targets) -> np.ndarray:
        """The numbers that are targets, scaled, `[N, 1]`."""
        return np.asarray(targets)

    def to_bounds(self, bounds: np.ndarray) -> np.ndarray:
        """Bounds as a model gives them, `[2, N, outputs]`, scaled, `[2, N, 1]`."""
        return bounds

    def calibrate(self, bounds: np.ndarray, targets: np.ndarray, coverage: float) -> Self:
        """The same with intervals, see `Features.calibrate`."""
        return replace(self, margins=self.find_margins(self.to_bounds(bounds), self.to_truths(targets), coverage))

    def limit(self, values: np.ndarray) -> np.ndarray:
        """Scaled bounds, none beyond what the number can be."""
        return values

    def find_band(self, outputs: np.ndarray) -> tuple[float, float] | None:
        """The lowest and the highest bound or quantile of the first example; None: there are not two."""
        answer = self.answer(outputs)
        found = [float(answer[name][0]) for name in self.bounds]
        return (found[0], found[-1]) if len(found) > 1 else None

    def hold(self, value: float, count: int) -> np.ndarray:
        """Outputs `[count, outputs]` of a model that always answers a number, scaled."""
        return np.full((count, 1), value)

    def bound(self, outputs: np.ndarray) -> np.ndarray | None:
        """Bounds or quantiles before calibration, `[Q, N, 1]`: a model without any answers a point; None: neither."""
        if not self.margins:
            return None
        bounds = take_bounds(outputs, 1, bool(self.levels))
        return np.stack([self.to_points(outputs)] * len(self.bounds)) if bounds is None else bounds

    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Answers, targets and bounds in the unit of the number, `[N, 1]`, and the keys."""
        found = super().to_arrays(outputs, bounds, targets, times, keys)
        return {name: values[:, 0] if values.ndim == 3 else values for name, values in found.items()}

    def sample(self, outputs: np.ndarray, loss: str) -> list[Sample]:
        """The predicted numbers, in their unit."""
        return [Sample("prediction", self.unscale(self.to_points(outputs))[:, 0, 0], of=ANSWERS)]

    def answer(self, outputs: np.ndarray) -> Columns:
        """`prediction`, and what `bounds` names, in the unit of the number, `[N]`."""
        point, bounds = self.to_points(outputs), self.bound(outputs)
        found = {"prediction": point}
        if bounds is not None:
            found |= dict(zip(self.bounds, self.correct(bounds, point), strict=True))
        return {name: self.unscale(values)[:, 0, 0] for name, values in found.items()}

    def to_columns(self, answers: np.ndarray) -> Columns:
        """Answers `[N, 1 + bounds]` by name."""
        return dict(zip(("prediction", *self.bounds), answers.T, strict=False))

    def to_json(self, answers: np.ndarray) -> list[Json]:
        """The same as one object for each example."""
        columns = self.to_columns(answers)
        return [dict(zip(columns, map(to_number, row), strict=True)) for row in answers]
