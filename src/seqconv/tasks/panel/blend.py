"""A weighted mean of models of a panel, the weights chosen on the validation examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import Annotated, get_type_hints

import numpy as np

from seqconv.tasks.baselines import Arrays, Stored, check_fields
from seqconv.tasks.examples import Split
from seqconv.tasks.panel.boosting import Boosting
from seqconv.tasks.panel.calibration import fit_factors, follow_errors, measure_usual, weigh_by_age
from seqconv.tasks.panel.features import PanelFeatures, PanelPart, find_scales
from seqconv.tasks.panel.forecasts import LEVELS, MEDIAN, measure_pinball, to_quantiles
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.judging import measure_all
from seqconv.tasks.panel.local import METHODS, Local
from seqconv.tasks.panel.models import PanelModel
from seqconv.tasks.panel.naive import SeasonalNaive
from seqconv.tasks.panel.network import PanelNetwork, complete_networks
from seqconv.tasks.panel.regression import FORMS, rename_form
from seqconv.tasks.panel.ridge import Ridge

MEMBERS: dict[str, type[PanelModel]] = {
    "seasonal": SeasonalNaive,
    "theta": Local,
    "ets": Local,
    "ridge": Ridge,
    "boosting": Boosting,
    "network": PanelNetwork,
    "squashed": Ridge,
}
FORMER = 5  # members of the first blends
ROUNDS = 30  # of the choice of weights: each is a multiple of one thirtieth


@dataclass(frozen=True)
class Blend(PanelModel):
    """Quantiles averaged over the members, level by level, and widened or narrowed to hold what they should.

    Args:
        weights: of `MEMBERS`, not negative, the sum 1, float64 `[M]`.
        factors: of the distance of each level's quantile from the median, float64 `[levels]`.
        seen: the first step that neither members nor factors have seen, int64 `[1]`.
        usual: what its errors are next to its intervals, see `measure_usual`, float64 `[1]`; 0: not known.
        seasonal_season, ...: the arrays of each member; empty where its weight is zero.
    """

    weights: Annotated[np.ndarray, Stored(np.float64, "M", 0, 1)]
    factors: Annotated[np.ndarray, Stored(np.float64, "levels", 0)]
    seen: Annotated[np.ndarray, Stored(np.int64, "1")]
    usual: Annotated[np.ndarray, Stored(np.float64, "1", 0)]
    seasonal_season: Annotated[np.ndarray, Stored(np.int64, "seasonal", 1)]
    seasonal_spread: Annotated[np.ndarray, Stored(np.float64, "seasonalH seasonalQ")]
    theta_method: Annotated[np.ndarray, Stored(np.int64, "theta", 0, len(METHODS) - 1)]
    ets_method: Annotated[np.ndarray, Stored(np.int64, "ets", 0, len(METHODS) - 1)]
    ridge_weights: Annotated[np.ndarray, Stored(np.float64, "ridgeP ridgeF ridgeH")]
    ridge_bias: Annotated[np.ndarray, Stored(np.float64, "ridgeP ridgeH")]
    ridge_penalty: Annotated[np.ndarray, Stored(np.float64, "ridge", 0)]
    ridge_form: Annotated[np.ndarray, Stored(np.int64, "ridge", 0, len(FORMS) - 1)]
    ridge_spread: Annotated[np.ndarray, Stored(np.float64, "ridgeH ridgeQ")]
    boosting_columns: Annotated[np.ndarray, Stored(np.int64, "T nodes", 0)]
    boosting_thresholds: Annotated[np.ndarray, Stored(np.float64, "T nodes", most=np.inf)]
    boosting_kept: Annotated[np.ndarray, Stored(np.uint8, "T nodes", 0, 255)]
    boosting_leaves: Annotated[np.ndarray, Stored(np.float64, "T leaves")]
    boosting_form: Annotated[np.ndarray, Stored(np.int64, "boosting", 0, len(FORMS) - 1)]
    boosting_spread: Annotated[np.ndarray, Stored(np.float64, "boostingH boostingQ")]
    network_spread: Annotated[np.ndarray, Stored(np.float64, "networkH networkQ")]
    network_form: Annotated[np.ndarray, Stored(np.int64, "network", 0, len(FORMS) - 1)]
    network_steps: Annotated[np.ndarray, Stored(np.int64, "network", 1)]
    network_weight: Annotated[np.ndarray, Stored(np.float64, "networkM", 0, 1)]
    network_part: Annotated[np.ndarray, Stored(np.float64, "networkM", 0, 1)]
    network_first: Annotated[np.ndarray, Stored(np.float32, "networkM networkF networkU")]
    network_first_bias: Annotated[np.ndarray, Stored(np.float32, "networkM networkU")]
    network_second: Annotated[np.ndarray, Stored(np.float32, "networkM networkU networkU")]
    network_second_bias: Annotated[np.ndarray, Stored(np.float32, "networkM networkU")]
    network_last: Annotated[np.ndarray, Stored(np.float32, "networkM networkU networkH")]
    network_last_bias: Annotated[np.ndarray, Stored(np.float32, "networkM networkH")]
    network_linear: Annotated[np.ndarray, Stored(np.float32, "networkM networkF networkH")]
    network_linear_bias: Annotated[np.ndarray, Stored(np.float32, "networkM networkH")]
    squashed_weights: Annotated[np.ndarray, Stored(np.float64, "squashedP squashedF squashedH")]
    squashed_bias: Annotated[np.ndarray, Stored(np.float64, "squashedP squashedH")]
    squashed_penalty: Annotated[np.ndarray, Stored(np.float64, "squashed", 0)]
    squashed_form: Annotated[np.ndarray, Stored(np.int64, "squashed", 0, len(FORMS) - 1)]
    squashed_spread: Annotated[np.ndarray, Stored(np.float64, "squashedH squashedQ")]

    def member(self, name: str) -> PanelModel:
        """One of the models that are averaged."""
        kind = MEMBERS[name]
        own = {each.name: getattr(self, f"{name}_{each.name}") for each in fields(kind) if each.name != "features"}
        return kind(self.features, **own)

    @property
    def used(self) -> dict[str, float]:
        """The weights above zero by name."""
        return {name: float(each) for name, each in zip(MEMBERS, self.weights, strict=True) if each > 0}

    def check(self) -> None:
        if abs(self.weights.sum() - 1) > 1e-9 or len(self.weights) != len(MEMBERS):
            raise ValueError(f"weights must be {len(MEMBERS)} fractions that add up to 1; they do not")
        for name in self.used:
            check_fields(self.member(name))

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        """With what former blends did not have: the newest members, unused, usual errors, and weights of networks."""
        arrays, weights = complete_networks(arrays, "network_"), arrays.get("weights", np.zeros(0))
        if not FORMER <= len(weights) < len(MEMBERS):
            return arrays
        found = _list_empty() | {"seen": np.zeros(1, np.int64), "usual": np.zeros(1)} | rename_form(arrays)
        return found | {"weights": np.append(weights, np.zeros(len(MEMBERS) - len(weights)))}

    def forecast(self, inputs: PanelInputs) -> np.ndarray:
        found = self._average(inputs)
        median = found[..., MEDIAN : MEDIAN + 1]
        level = follow_errors(self.features, inputs, int(self.seen[0]), float(self.usual[0]), self._average)
        return np.asarray(median + level[:, None, None] * self.factors * (found - median))

    def _average(self, inputs: PanelInputs) -> np.ndarray:
        found = np.zeros((len(inputs), inputs.horizon, len(LEVELS)))
        for name, weight in self.used.items():
            found += weight * np.sort(self.member(name).forecast(inputs), axis=2)
        return found

    def refit(self, split: Split[PanelFeatures, PanelInputs]) -> "Blend":
        """Its members fitted to all rows of the split, with weights and factors for their forecasts of the validation
        and the test examples: the newest rows say most of the next ones."""
        models = {name: self.member(name) for name in self.used}
        weights, learned = _weigh(self.features, models, [split.validation, split.test])
        fitted = {name: models[name].refit(split) for name, weight in weights.items() if weight > 0}
        return _make_blend(self.features, weights, learned, fitted)


def fit_blend(features: PanelFeatures, validation: PanelPart, fit: Mapping[str, Callable[[], PanelModel]]) -> Blend:
    """Fit every member, then weigh them on the validation examples.

    Args:
        fit: fits each of `MEMBERS` that suits the data.
    """
    models = {name: each() for name, each in fit.items()}
    weights, learned = _weigh(features, models, [validation])
    kept = {name: each for name, each in models.items() if weights[name] > 0}
    return _make_blend(features, weights, learned, kept)


def _weigh(
    features: PanelFeatures, models: Mapping[str, PanelModel], parts: Sequence[PanelPart]
) -> tuple[dict[str, float], Arrays]:
    """Weights of models by their names, and what their blend learns from the examples of these parts."""
    forecasts = [[to_quantiles(each.predict(part.inputs)) for part in parts] for each in models.values()]
    quantiles = np.stack([np.concatenate(each) for each in forecasts])
    targets = np.concatenate([np.asarray(part.targets) for part in parts])
    inputs = reduce(PanelInputs.join, (part.inputs for part in parts))
    scales = find_scales(inputs, features.season)

    def judge(forecasts: np.ndarray, truth: np.ndarray) -> float:
        return features.target.rank(measure_all(forecasts, truth, scales))

    weights = choose_weights(quantiles, targets, judge if features.judged else average_pinball)
    blended = np.tensordot(weights, quantiles, 1)
    ages = weigh_by_age(inputs)
    learned = {
        "factors": fit_factors(blended, targets, ages),
        "seen": np.array([inputs.rows.steps[inputs.anchors].max() + inputs.horizon]),
        "usual": np.array([measure_usual(blended, targets, ages)]),
    }
    return dict(zip(models, weights.tolist(), strict=True)), learned


def _make_blend(
    features: PanelFeatures, weights: Mapping[str, float], learned: Arrays, models: Mapping[str, PanelModel]
) -> Blend:
    own = np.array([weights.get(name, 0.0) for name in MEMBERS])
    return Blend(features, own, **(_list_empty() | learned | _name_arrays(models)))


def _list_empty() -> Arrays:
    """The arrays of members that are not used."""
    hints = get_type_hints(Blend, include_extras=True)
    stored = {each.name: hints[each.name].__metadata__[0] for each in fields(Blend) if "_" in each.name}
    return {name: np.zeros((0,) * len(each.shape.split()), each.kind) for name, each in stored.items()}


def _name_arrays(models: Mapping[str, PanelModel]) -> Arrays:
    return {f"{name}_{key}": array for name, model in models.items() for key, array in model.arrays.items()}


def average_pinball(quantiles: np.ndarray, targets: np.ndarray) -> float:
    """The mean pinball loss of quantiles `[N, H, levels]` for targets `[N, H]`, NaN where none is known."""
    return float(np.nanmean(measure_pinball(quantiles, targets)))


def choose_weights(
    quantiles: np.ndarray, targets: np.ndarray, judge: Callable[[np.ndarray, np.ndarray], float] = average_pinball
) -> np.ndarray:
    """Weights `[M]` of models with quantiles `[M, N, H, levels]` whose mean is best for targets `[N, H]`.

    Begins with the best model and adds the one that helps most, again and again, each as often as it is chosen.

    Args:
        judge: gives a number that is smaller for better quantiles.

    Reference: Caruana et al. 2004, "Ensemble selection from libraries of models", ICML.
    """
    chosen, total = np.zeros(len(quantiles)), np.zeros(quantiles.shape[1:])
    best, least = chosen, np.inf
    for turn in range(1, ROUNDS + 1):
        losses = [judge((total + each) / turn, targets) for each in quantiles]
        place = int(np.argmin(losses))
        chosen = chosen + (np.arange(len(chosen)) == place)
        total = total + quantiles[place]
        if losses[place] < least:
            best, least = chosen, losses[place]
    return np.asarray(best / max(best.sum(), 1))
