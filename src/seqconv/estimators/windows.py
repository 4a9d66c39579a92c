"""Forecasts by a network on windows of an array or a frame: what `SeriesForecaster` does without a table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from seqconv.data.frames import split_times
from seqconv.data.readers.sampling import space_rows
from seqconv.data.readers.series import START
from seqconv.data.records import Series
from seqconv.errors import ConfigError, DataError
from seqconv.estimators.base import Model, NetworkEstimator
from seqconv.recipes.recipe import SeriesRecipe
from seqconv.recipes.sections import BLEND, KINDS, NETWORK
from seqconv.tasks.blend import Parts, fit_blend, join_parts
from seqconv.tasks.examples import TrainingData
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.scaling import Scaler
from seqconv.tasks.scoring import evaluate, fit_baselines
from seqconv.tasks.series.defaults import default_series_settings
from seqconv.tasks.series.features import SeriesFeatures, SeriesPart, SeriesTraining
from seqconv.tasks.series.holes import describe_holes
from seqconv.tasks.series.split import cut_series
from seqconv.tasks.series.windows import WindowSpec
from seqconv.training.loop import calibrate

SECOND = np.timedelta64(1, "s")


class WindowForecaster(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A network that reads windows; the parameters are those of `SeriesForecaster`."""

    task = "series"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows in chronological order.

        Args:
            X: `[T, C]`; the times of a frame are its index, or its first column of times.
            y: target of each row, `[T]` or `[T, D]`; None: the columns of X.

        Raises:
            DataError, ConfigError, ValueError: too few rows for a window, rows out of order, infinite values, a
                constant column, or a parameter out of range.
        """
        times, values = self._read_rows(X, reset=True)
        targets = values if y is None else _read_target(y)
        check_consistent_length(values, targets)
        self._flat = targets.ndim == 1
        targets = targets.reshape(len(values), -1)
        self._places = [_find_column(values, target) for target in targets.T]
        spec = self._make_spec(self._place_rows(times))
        guessed = {} if self._has_network else default_series_settings(len(values), spec.length, values.shape[1])
        recipe = self._make_recipe(guessed=guessed)
        stamps = self._stamps(times, len(values), spec.interval_s)
        data = self._make_data(stamps, values, targets, spec, recipe)
        self._features = data.features
        if recipe.training.model == BLEND:
            self._model = self._train_blend(data, recipe)
            self._features = self._model.features
        else:
            self._model = self._train(data, recipe)
            self._calibrate(data, recipe)
        kept = spec.lookback + spec.delays[-1]
        self._end = None if times is None else times[-kept:], values[-kept:]
        return self

    def _calibrate(self, data: SeriesTraining, recipe: SeriesRecipe) -> None:
        if data.validation is not None:
            self._features = calibrate(self._model.predict, data.validation, data.features, recipe.training)
        elif recipe.training.levels:  # not calibrated: no rows are left for that
            count = self._features.target.outputs * max(len(recipe.training.quantiles), 1)
            self._features = replace(self._features, margins=(0.0,) * count)

    def _train_blend(self, data: SeriesTraining, recipe: SeriesRecipe) -> Model:
        """The network and the baselines, weighed by their errors on the rows held out."""
        if data.validation is None:
            raise ConfigError("model='blend' is weighed on rows held out; got none. Set validation=0.2")
        loss, split = recipe.training.loss, data.untested
        network = self._train(data, replace(recipe, training=replace(recipe.training, model=NETWORK)))
        baselines = fit_baselines(TASKS[self.task], split, others=False, blended=KINDS[self.task].blended)
        blended = fit_blend(evaluate(network, split, loss), baselines, split, self.task, loss, refit=False)
        features, bounds = data.features, blended.scored.validation_bounds
        if bounds is not None:
            features = features.calibrate(bounds, np.asarray(data.validation.targets), recipe.training.coverage)
        weights = join_parts(Parts(network.weights, blended.members, blended.factors), self.task)
        return Model(network.plan, weights, recipe, self._threads(), features)

    def _choose_model(self) -> str | None:
        if self.model not in ("", NETWORK, BLEND):
            raise ConfigError(f"model must be network or blend for windows of an array; got {self.model!r}")
        return self.model or None

    def predict(self, X: Any) -> np.ndarray:
        """The forecast for each row: `[T]`, `[T, D]` for y `[T, D]`; several leads: `[T, leads]` or `[T, leads, D]`.

        Raises:
            DataError, ValueError: no row has a whole window, or the columns differ from those in training.
        """
        check_is_fitted(self, "_model")
        times, values = self._read_rows(X, reset=False)
        rows = len(values)
        times, values = self._join(times, values)
        found = self._naive(values)
        anchors, (answers, *_) = self._answer(times, values)
        self._place_answers(found, anchors, answers)
        return self._reshape(found[-rows:])

    def predict_interval(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound of the interval for each row, each with the shape of `predict(X)`.

        Intervals are calibrated on the rows held out for validation; without any they are mostly too narrow. Rows
        without a whole window have NaN.

        Raises:
            DataError, ValueError: see `predict`, and a network without intervals.
        """
        check_is_fitted(self, "_model")
        if self._features.levels or not self._features.margins:
            raise DataError("the network must be trained with intervals; it has none. Fit with interval=0.8")
        low, high = self._predict_bounds(X)
        return low, high

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """See `SeriesForecaster.predict_quantiles`."""
        check_is_fitted(self, "_model")
        if not self._features.levels:
            raise DataError("the network must be trained with quantiles; it has none. Fit with quantiles=[0.1, 0.9]")
        return np.stack(self._predict_bounds(X))

    def _predict_bounds(self, X: Any) -> list[np.ndarray]:
        times, values = self._read_rows(X, reset=False)
        rows = len(values)
        anchors, (answers, *bounds) = self._answer(*(joined := self._join(times, values)))
        found = np.full((len(bounds), len(joined[1]), *answers.shape[1:]), np.nan)
        for each, bound in zip(found, bounds, strict=True):
            self._place_answers(each, anchors, bound)
        return [self._reshape(each[-rows:]) for each in found]

    def _place_answers(self, found: np.ndarray, anchors: np.ndarray, answers: np.ndarray) -> None:
        """Write answers `[A, leads, D]` to the rows of `found` `[T, leads, D]` that they are for."""
        spec = self._features.spec
        for place, lead in enumerate(spec.leads):
            at = anchors + lead - spec.step
            known = (at < len(found)) & ~np.isnan(answers[:, place]).any(axis=1)
            found[at[known], place] = answers[known, place]

    def forecast(self, X: Any = None) -> np.ndarray:
        """The forecast made at the last row: `[leads]`, or `[leads, D]` for y `[T, D]`.

        Args:
            X: rows up to now; None: the training rows.

        Raises:
            DataError, ValueError: the newest window is not whole, or the columns differ from those in training.
        """
        check_is_fitted(self, "_model")
        joined = self._end if X is None else self._join(*self._read_rows(X, reset=False))
        newest: np.ndarray = self._answer(*joined)[1][0][-1]
        if np.isnan(newest).any():
            raise DataError("X must end in a window without a hole or NaN, to forecast from; it does not. Fill it in")
        return newest[:, 0] if self._flat else newest

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R² of `predict(X)`, the mean over several leads. If y is None: for the columns of X."""
        truth = self._read_rows(X, reset=False)[1] if y is None else _read_target(y)
        predicted = self.predict(X)
        leads = np.moveaxis(predicted, 1, 0) if len(self._features.spec.leads) > 1 else predicted[None]
        return float(np.mean([r2_score(truth, each, sample_weight=sample_weight) for each in leads]))

    def _make_spec(self, interval_s: int) -> WindowSpec:
        leads: list[Any] = np.asarray(self.lead).reshape(-1).tolist()
        for name, value in (("lookback", self.lookback), ("step", self.step), *(("lead", lead) for lead in leads)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{name} must be a whole number of rows, at least 1; got {value!r}")
        if self.lookback % self.step or not leads or sorted(set(leads)) != leads:
            raise ConfigError(
                f"lookback must be a multiple of step and the leads must be ascending; got lookback={self.lookback}, "
                f"step={self.step}, lead={self.lead}"
            )
        delays = tuple(int(lead) - int(self.step) for lead in leads)
        return WindowSpec(int(self.lookback), int(self.step), delays, interval_s)

    def _make_data(
        self, times: np.ndarray, values: np.ndarray, targets: np.ndarray, spec: WindowSpec, recipe: SeriesRecipe
    ) -> SeriesTraining:
        """Windows to train on and, from the newest rows, to validate on, if any."""
        rows = len(values)
        if rows < spec.reach:
            reach = f"at least {spec.reach} rows (lookback and lead)"
            raise DataError(f"X must have {reach}; got n_samples = {rows}. Use a shorter lookback or more rows")
        cut = round(rows * (1 - self._held_out_fraction(recipe)))
        if self.validation and min(cut, rows - cut) < spec.reach:
            must = f"validation and training rows must each hold a window of {spec.reach} rows"
            raise ConfigError(f"{must}; got {rows - cut} and {cut}. Change validation or lookback")
        cut = cut if min(cut, rows - cut) >= spec.reach else rows
        joined, columns, outputs = self._name_columns_of(values, targets, recipe)
        change = recipe.features.change and min(self._places) >= 0
        scaler, levels = Scaler.fit(joined[:cut], columns, outputs), recipe.training.quantiles
        judged = recipe.training.metric
        features = SeriesFeatures(columns, outputs, scaler, spec, change=change, levels=levels, judged=judged)
        series = Series(times, joined, features.columns, spec.interval_s, "X", clock="counted")
        scaled = features.scale(series)
        (train, _), (validation, _) = found = [
            self._cut(features, series, scaled, *span) for span in ((0, cut), (cut, rows))
        ]
        held_out = len(validation.targets) > 0
        if not len(train.targets) or (self.validation and not held_out):
            held = bool(len(train.targets))
            where, span = ("among the rows held out", slice(cut, rows)) if held else ("to train on", slice(cut))
            what, column = describe_holes(series, features, span, found[held][1])
            cure = "Fill it in" if column else "Count the rows by giving X as an array, without times"
            raise DataError(
                f"X must hold a window without a hole or NaN {where}; it has none: {what}. {cure}, or use a shorter "
                "lookback"
            )
        return TrainingData(train, validation if held_out else None, features)

    def _name_columns_of(
        self, values: np.ndarray, targets: np.ndarray, recipe: SeriesRecipe
    ) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
        """The rows, the names of their columns, and those of the targets: after what a network reads; the baselines of
        a blend read the target too, so there it is one of the columns of X."""
        names = tuple(f"input {number}" for number in range(values.shape[1]))
        if recipe.training.model != BLEND:
            outputs = tuple(f"target {number}" for number in range(targets.shape[1]))
            return np.concatenate([values, targets], axis=1), (*names, *outputs), outputs
        if min(self._places) < 0 or len(set(self._places)) < len(self._places):
            raise ConfigError("model='blend' forecasts columns of X; y must be among them. Add it, or use a network")
        return values, names, tuple(names[place] for place in self._places)

    def _cut(
        self, features: SeriesFeatures, series: Series, scaled: np.ndarray, first: int, last: int
    ) -> tuple[SeriesPart, Mapping[str, int]]:
        part, dropped = cut_series(features, series, scaled, first, last)
        inputs = replace(part.inputs, values=_first_columns(scaled, self.n_features_in_))
        return replace(part, inputs=inputs), dropped

    def _answer(self, times: np.ndarray | None, values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Every anchor with a window in these rows, and its point forecasts `[A, leads, D]`, NaN if it is not whole,
        followed by the bounds of their intervals or their quantiles, if any."""
        features = self._features
        spec = features.spec
        needed = spec.span
        if len(values) < needed:
            raise DataError(f"X must have at least {needed} rows, to fill a window; got n_samples = {len(values)}")
        stamps = self._stamps(times, len(values), spec.interval_s)
        joined = values
        if len(features.columns) > self.n_features_in_:
            unknown = np.full(len(values), np.nan)
            targets = np.stack([values[:, place] if place >= 0 else unknown for place in self._places])
            joined = np.concatenate([values, targets.T], axis=1)
        scaled = features.scale(Series(stamps, joined, features.columns, spec.interval_s, "X"))
        anchors, inputs = spec.live_anchors(len(values)), _first_columns(scaled, self.n_features_in_)
        outputs = self._model.predict(features.inputs(inputs, anchors))
        outputs[spec.is_broken(anchors, stamps, inputs)] = np.nan
        forecast, bounds = features.target.finish(outputs, features.base_at(scaled, anchors))
        return anchors, [forecast, *(bounds or ())]

    def _naive(self, values: np.ndarray) -> np.ndarray:
        """For each row the newest known value of the target, else its mean, `[T, leads, D]`."""
        features = self._features
        found = np.empty((len(values), len(features.spec.leads), len(self._places)))
        found[:] = features.scaler.mean[features.target_columns]
        for index, place in enumerate(self._places):
            for number, lead in enumerate(features.spec.leads):
                if place >= 0 and lead < len(values):
                    past = values[:-lead, place]
                    found[lead:, number, index] = np.where(np.isnan(past), found[lead:, number, index], past)
        return found

    def _reshape(self, found: np.ndarray) -> np.ndarray:
        found = found[..., 0] if self._flat else found
        return found[:, 0] if found.shape[1] == 1 else found

    # Rows and times

    def _read_rows(self, X: Any, reset: bool) -> tuple[np.ndarray | None, np.ndarray]:
        """Timestamps of the rows, if any, and their values float64 `[T, C]`."""
        times, rest = split_times(X)
        values = validate_data(self, rest, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        if times is not None and (np.diff(times) <= np.timedelta64(0, "s")).any():
            raise DataError(
                "X must be in chronological order without repeated times; it is not. Sort its rows, do not shuffle"
            )
        return times, np.asarray(values)

    def _place_rows(self, times: np.ndarray | None) -> int:
        """Interval of the rows in seconds; for monthly rows, a month counts as one second."""
        self._monthly = False
        if times is None or len(times) < 2:
            return 1
        months, seconds = np.diff(_to_months(times)), np.diff(times)
        self._monthly = bool(months[0] > 0 and (months == months[0]).all() and (seconds != seconds[0]).any())
        if self._monthly:
            return int(months[0] / SECOND)
        return space_rows(times, 0, "X", lambda row: f"X, row {row + 1}", local=False)[1]

    def _stamps(self, times: np.ndarray | None, rows: int, interval_s: int) -> np.ndarray:
        """Timestamps of the rows; rows without times are counted."""
        if times is None:
            return np.asarray(START + np.arange(rows) * interval_s * SECOND)
        return _to_months(times) if self._monthly else times

    def _join(self, times: np.ndarray | None, values: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
        """The rows, after the last rows of training if their times continue those."""
        end, last = self._end
        if times is None or end is None:
            return None, values
        interval_s = self._features.spec.interval_s
        before, after = (self._stamps(each, len(each), interval_s) for each in (end, times))
        if after[0] - before[-1] != interval_s * SECOND:
            return times, values
        return np.concatenate([end, times]), np.concatenate([last, values])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.target_tags.multi_output = tags.regressor_tags.poor_score = True
        tags.target_tags.required = False
        return tags


def _read_target(y: Any) -> np.ndarray:
    options = {"ensure_2d": False, "dtype": np.float64, "ensure_all_finite": "allow-nan", "input_name": "y"}
    target = np.asarray(check_array(y, **options))
    if target.ndim > 2:
        raise DataError(f"y must be of shape [T] or [T, D]; got {target.shape}")
    return target


def _find_column(values: np.ndarray, target: np.ndarray) -> int:
    """Index of the column that equals the target; -1: none."""
    same = (np.array_equal(column, target, equal_nan=True) for column in values.T)
    return next((place for place, found in enumerate(same) if found), -1)


def _first_columns(scaled: np.ndarray, count: int) -> np.ndarray:
    return np.ascontiguousarray(scaled[:, :count])


def _to_months(times: np.ndarray) -> np.ndarray:
    return np.asarray(START + times.astype("datetime64[M]").astype(np.int64) * SECOND)
