"""What regressions on windows share: the form of numbers, the choice among several fits, and the fit to all rows."""

import re
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Self, TypeVar

import numpy as np

from seqconv.tasks.baselines import Arrays, Stored
from seqconv.tasks.panel.calibration import fit_spread
from seqconv.tasks.panel.features import PanelSplit, find_scales
from seqconv.tasks.panel.inputs import PanelInputs
from seqconv.tasks.panel.models import PointModel
from seqconv.tasks.panel.reading import Windows, read_windows
from seqconv.tasks.panel.split import all_examples

# of the numbers that are read and forecast: as they are, logarithms, squashed (see `Windows`)
FORMS = PLAIN, LOGGED, SQUASHED = range(3)
MOST_LOG = 700.0  # beyond which the exponential function is infinite
MOST_CHANGE = 20.0  # of a target in units of its window's scale, beyond which it is taken for an outlier


@dataclass(frozen=True)
class Regression(PointModel):
    """A model that is fitted to examples of all series.

    Args:
        form: of numbers, of `FORMS`, int64 `[1]`.
    """

    form: Annotated[np.ndarray, Stored(np.int64, "1", 0, len(FORMS) - 1)]

    def point(self, inputs: PanelInputs) -> np.ndarray:
        found = self.point_read(take_form(inputs, int(self.form[0])))
        return np.asarray(np.expm1(np.minimum(found, MOST_LOG))) if self.form[0] == LOGGED else found

    def read(self, inputs: PanelInputs) -> Windows:
        """The windows of examples whose values are in its form."""
        return read_windows(self.features, inputs, self.form[0] == SQUASHED)

    @classmethod
    def complete(cls, arrays: Arrays) -> Arrays:
        return rename_form(arrays)

    @abstractmethod
    def point_read(self, inputs: PanelInputs) -> np.ndarray:
        """Point forecasts `[N, H]` in the unit of the values that it reads, see `take_form`."""

    @abstractmethod
    def fit_again(self, inputs: PanelInputs) -> Self:
        """The same settings fitted to these examples, without a spread."""

    def refit(self, split: PanelSplit) -> Self:
        """The same settings and spread, fitted to all rows of the split."""
        return self.refit_to(all_examples(self.features, split.train.inputs.rows))

    def refit_to(self, inputs: PanelInputs) -> Self:
        """The same settings and spread, fitted to these examples."""
        return replace(self.fit_again(inputs), spread=self.spread)


def take_form(inputs: PanelInputs, form: int) -> PanelInputs:
    """The examples with their values in one of `FORMS`; squashed ones are the same, as windows are scaled first."""
    return inputs.log_values if form == LOGGED else inputs


def rename_form(arrays: Arrays) -> Arrays:
    """Stored arrays with the name of today for what was called `logged`, when there were two forms."""
    return {re.sub(r"(^|_)logged$", r"\1form", name): array for name, array in arrays.items()}


Fitted = TypeVar("Fitted", bound=Regression)


def choose_fit(split: PanelSplit, models: Iterable[Fitted]) -> Fitted:
    """The model that errs least on the validation examples, with the spread of its errors there.

    Args:
        models: at least one.
    """
    best, least, chosen = None, np.inf, np.empty(0)
    for model in models:
        points, error = judge_points(split, model)
        if error < least:
            best, least, chosen = model, error, points
    assert best is not None
    return replace(best, spread=fit_spread(chosen, split.validation))


def judge_points(split: PanelSplit, model: Regression) -> tuple[np.ndarray, float]:
    """The scaled point forecasts of the validation examples, `[N, H]`, and their mean absolute error."""
    validation = split.validation
    points = model.point(validation.inputs) / find_scales(validation.inputs, split.features.season)[:, None]
    return points, float(np.nanmean(np.abs(points - np.asarray(validation.targets))))
