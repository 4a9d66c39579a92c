"""Forecasts of tables in memory: the model behind `SeriesForecaster` where it is given a table or a panel."""

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqconv.data.datasets import open_table
from seqconv.data.records import Panel, PanelData
from seqconv.errors import OptionError, in_python
from seqconv.metrics.errors import Metrics
from seqconv.models.predictor import Predictor
from seqconv.recipes.recipe import AnyRecipe, read_recipe, recipe_from_dict
from seqconv.recipes.sections import KINDS
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.completion import complete, settle
from seqconv.tasks.panel.answers import (
    add_later,
    check_values,
    describe_unknown,
    forecast_panel,
    list_forecasts,
    list_future,
    to_frame,
)
from seqconv.tasks.panel.features import PanelPart
from seqconv.tasks.panel.memory import open_panel, reopen_panel
from seqconv.tasks.panel.scores import SCORES, score_series
from seqconv.tasks.panel.task import PANEL
from seqconv.training.budget import Timer
from seqconv.training.fitted import judge, settle_model
from seqconv.training.fitting import fit_split
from seqconv.training.folder import Options
from seqconv.training.loop import Listener

Given = Mapping[str, Any]  # settings that a user gave, by name


class TableModel:
    """A model that was judged on the newest rows of each series and then fitted to all rows.

    Attributes:
        panel: the series that it was fitted to.
        verdict: how good such forecasts were, in a sentence.
        notes: what was inferred.
        scores: of every model, on the validation and the test rows.
        series: scores of each series on the test rows, see `score_series`.
    """

    def __init__(self, bundle: AnyBundle, panel: Panel, threads: int) -> None:
        self.bundle, self.panel, self.threads = bundle, panel, threads
        self.verdict, self.notes = "", panel.notes
        self.scores: dict[str, dict[str, Metrics]] = {}
        self.series: dict[str, np.ndarray] = {}
        self._predictor: Predictor | None = None

    @classmethod
    def fit(cls, table: Any, columns: Given, training: Given, horizon: str, threads: int) -> Self:
        """Fit a model to a table.

        Args:
            table: a frame, a path or a panel.
            columns: settings of `[data]`.
            training: settings of `[training]`.
            horizon: rows or a duration; empty: by the frequency.

        Raises:
            SeqconvError: see `read_panel`; series too short for the horizon.
        """
        with in_python():
            panel = open_panel(table, {name: each for name, each in columns.items() if name != "holidays"})
            check_values(panel)
            recipe, notes = _complete(panel, columns, training, horizon)
            split = PANEL.split(PanelData(panel), recipe, threads, None)
            usual = "model" not in training
            with tempfile.TemporaryDirectory() as folder:  # of a network's checkpoints
                options = Options(threads=threads, baselines=usual)
                fitted = fit_split(recipe, split, options, Path(folder), Listener(), Timer())
            found = cls(fitted.bundle, panel, threads)
        judgement = judge(fitted, split, recipe.training.loss)
        found.verdict, found.notes = judgement.verdict, (*split.facts["notes"], *notes)
        found.scores = {each.name: {"validation": each.validation, "test": each.test} for each in judgement.baselines}
        found.scores[fitted.name] = {"validation": judgement.validation, "test": judgement.test}
        found.series = score_series(fitted.scored.test_outputs, split.test, split.features.season)
        return found

    def forecast(self, table: Any = None, steps: int | None = None, future: Any = None) -> Any:
        """A frame with a row for each series and step, see `SeriesForecaster.forecast`."""
        horizon = self.bundle.features.horizon
        if steps is not None and not (isinstance(steps, int | np.integer) and 1 <= steps <= horizon):
            cure = "Fit with a longer horizon" if isinstance(steps, int) and steps > horizon else "Correct it"
            raise OptionError(f"steps must be a whole number from 1 to {horizon}; got {steps!r}. {cure}")
        with in_python():
            panel = self._open(table)
            if future is not None:
                panel = add_later(self.bundle, panel, open_table(future, self.bundle.recipe.data))
            for note in describe_unknown(self.bundle, panel, steps or horizon):
                warnings.warn(note, UserWarning, stacklevel=3)
            quantiles = forecast_panel(self._load(), panel)[:, :steps]
            return to_frame(panel, list_forecasts(self.bundle, panel, quantiles))

    def future_frame(self, table: Any = None) -> Any:
        """The rows to forecast, as a form to fill in."""
        with in_python():
            panel = self._open(table)
            return to_frame(panel, list_future(self.bundle, panel))

    def evaluate(self, table: Any = None) -> Any:
        """A frame with the scores of each series."""
        with in_python():
            panel = self._open(table)
            found = self.series if table is None else score_series(*self._answer(panel), self.bundle.features.season)
        columns: dict[str, Any] = {name: [key[place] for key in panel.keys] for place, name in enumerate(panel.names)}
        for name in SCORES:
            columns[name] = np.full(len(panel), 0 if name == "forecasts" else np.nan, found[name].dtype)
            columns[name][found["series"]] = found[name]
        return to_frame(panel, columns)

    def skill(self, table: Any) -> float:
        """1 - MASE / MASE of the seasonal naive forecast, over all forecasts of a table."""
        with in_python():
            found = score_series(*self._answer(self._open(table)), self.bundle.features.season)
        own, naive = (float((found[name] * found["forecasts"]).sum()) for name in ("mase", "mase_seasonal_naive"))
        return 1 - own / naive if naive else float("nan")

    def _answer(self, panel: Panel) -> tuple[np.ndarray, PanelPart]:
        """Outputs for every forecast of a panel whose truth is known, and these forecasts."""
        part, _ = PANEL.take(self.bundle, PanelData(panel), self.threads)
        if self.bundle.seen is not None and part.keys is not None:
            checked, seen = self.bundle.seen.check(part.keys)
            if seen.any():
                warning = f"{int(seen.sum()):,} of {int(checked.sum()):,} forecasts were trained on: this is no test"
                warnings.warn(warning, UserWarning, stacklevel=4)
        return self._load().model.predict(part.inputs), part

    def _open(self, table: Any) -> Panel:
        """The series of a table, read as those of the fit were; None: those."""
        return self.panel if table is None else reopen_panel(self.bundle, table)

    def _load(self) -> Predictor:
        if self._predictor is None:
            self._predictor = Predictor(self.bundle, threads=self.threads)
        return self._predictor

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_predictor": None}


def _complete(panel: Panel, columns: Given, training: Given, horizon: str) -> tuple[AnyRecipe, tuple[str, ...]]:
    """The recipe for these series, with what is left open inferred, and notes."""
    recipe, data = read_recipe(KINDS[PANEL.name].start), PanelData(panel)
    table = recipe.to_dict()
    table["name"] = "table"
    table["data"] |= {"source": panel.source} | ({"holidays": columns["holidays"]} if "holidays" in columns else {})
    table["training"] |= training
    given = {f"training.{name}" for name in training}
    if horizon:
        table["forecast"]["horizon"] = horizon
        given.add("forecast.horizon")
    recipe = settle(recipe_from_dict(table), data)
    recipe = replace(settle_model(recipe), description=recipe.description)
    return complete(recipe, PANEL.guess(recipe, data, given), given)
