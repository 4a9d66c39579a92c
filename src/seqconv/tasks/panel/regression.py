"""What regressions on windows share: logarithms, the choice among several fits, and the fit to all rows."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Self, TypeVar

import numpy as np

from seqconv.tasks.baselines import Stored
from seqconv.tasks.panel.calibration import fit_spread
from seqconv.tasks.panel.features import PanelSplit, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import PointModel
from seqconv.tasks.panel.split import all_examples

MOST_LOG = 700.0  # beyond which the exponential function is infinite
MOST_CHANGE = 20.0  # of a target in units of its window's scale, beyond which it is taken for an outlier


@dataclass(frozen=True)
class Regression(PointModel):
    """A model that is fitted to examples of all series.

    Args:
        logged: 1: it forecasts logarithms, int64 `[1]`.
    """

    logged: Annotated[np.ndarray, Stored(np.int64, "1", 0, 1)]

    def point(self, inputs: PanelInputs) -> np.ndarray:
        if not self.logged[0]:
            return self.point_read(inputs)
        return np.asarray(np.expm1(np.minimum(self.point_read(inputs.log_values), MOST_LOG)))

    @abstractmethod
    def point_read(self, inputs: PanelInputs) -> np.ndarray:
        """Point forecasts `[N, H]` in the unit of the values that it reads: logarithms if it is `logged`."""

    @abstractmethod
    def fit_again(self, inputs: PanelInputs) -> Self:
        """The same settings fitted to these examples, without a spread."""

    def refit(self, split: PanelSplit) -> Self:
        """The same settings and spread, fitted to all rows of the split."""
        return self.refit_to(all_examples(self.features, split.train.inputs.rows))

    def refit_to(self, inputs: PanelInputs) -> Self:
        """The same settings and spread, fitted to these examples."""
        return replace(self.fit_again(inputs), spread=self.spread)


Fitted = TypeVar("Fitted", bound=Regression)


def choose_fit(split: PanelSplit, models: Iterable[Fitted]) -> Fitted:
    """The model that errs least on the validation examples, with the spread of its errors there.

    Args:
        models: at least one.
    """
    validation = split.validation
    scales = find_scales(validation.inputs, split.features.season)[:, None]
    best, least, chosen = None, np.inf, np.empty(0)
    for model in models:
        points = model.point(validation.inputs) / scales
        error = float(np.nanmean(np.abs(points - np.asarray(validation.targets))))
        if error < least:
            best, least, chosen = model, error, points
    assert best is not None
    return replace(best, spread=fit_spread(chosen, validation))
