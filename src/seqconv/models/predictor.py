"""A saved model in memory: raw texts, series or sequences in, answers in the user's terms out."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqconv.data.display import Card, Shown
from seqconv.data.memory import hidden_folder, write_data
from seqconv.data.records import Panel, Sequences
from seqconv.errors import DataError, OptionError
from seqconv.models.format import read_bundle
from seqconv.networks.engines.choice import check_engine, create_network
from seqconv.networks.network import Model
from seqconv.networks.threads import count_threads
from seqconv.recipes.sections import BLEND, NETWORK
from seqconv.tasks.baselines import restore
from seqconv.tasks.blend import Blend, split_parts
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.explanation import Explanation
from seqconv.tasks.kinds import TASKS, find_task
from seqconv.tasks.streaming import State, Stream, read_state
from seqconv.tasks.task import Source, Task
from seqconv.tasks.text_explanation import TextExplanations

MOST = 20  # answers that are named


class Forecast(NamedTuple):
    """Point forecasts with lower and upper bounds, each float64 `[N, H, targets]` in the targets' units."""

    point: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The point forecasts, by their name in version 0.1.0."""
        warnings.warn("Forecast.middle is deprecated. Use Forecast.point", DeprecationWarning, stacklevel=2)
        return self.point


class Predictor(Shown):
    """A model in memory; immutable, and safe to call from several threads one at a time. It can be pickled and copied,
    for other processes."""

    def __init__(self, bundle: AnyBundle, engine: str = "native", threads: int = 0) -> None:
        self.bundle = bundle
        self._chosen = engine, threads
        self.model = create_model(bundle, engine, threads)
        self._task = find_task(bundle.recipe)

    def __reduce__(self) -> tuple[Any, ...]:
        """The bundle, from which the network is made again."""
        return type(self), (self.bundle, *self._chosen)

    def card(self) -> Card:
        """What the model is, what it takes and what it answers."""
        recipe, target = self.bundle.recipe, self.bundle.features.target
        parameters = sum(array.size for array in self.bundle.weights.values())
        kind = "classes" if target.fraction else "numbers"
        lines = (
            f"takes {self._task.takes}, in {self._task.method}",
            f"answers {kind}: {', '.join(target.names[:MOST])}",
            f"{parameters:,} parameters",
        )
        return Card(f"{self._task.model}, {recipe.training.model}: {recipe.description}", lines)

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Probability of each class, float32 `[N, classes]`, in the order of `bundle.features.classes`.

        Raises:
            DataError: not a text model, a model trained on ids without words, or an item that is not a text.
        """
        return self._predict_classes("text", texts)

    def classify(self, sequences: Sequences) -> np.ndarray:
        """Probability of each class, float32 `[N, classes]`, in the order of `bundle.features.classes`.

        Raises:
            DataError: not a model for time-series classification, or a different number of channels.
        """
        return self._predict_classes("sequence", sequences)

    def regress(self, examples: Any) -> np.ndarray:
        """The number that is predicted for each sequence or text, and the bounds of its interval or its quantiles, if
        the model has any, in the number's unit, float64 `[N, 1 + bounds]`.

        Raises:
            DataError: not a model for such numbers, or what `classify` or `predict` refuses.
        """
        task = self._check("sequence" if hasattr(examples, "offsets") else "text")
        if self.bundle.features.target.fraction:
            raise DataError(f"this model predicts classes, not numbers. Use {task.method}")
        return np.asarray(task.predict(self, examples))

    def forecast(self, values: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """Point forecasts in the targets' units, one for each row that can end a whole window, the newest included.

        Args:
            values: rows at the model's sampling interval, `[T, C]`, columns as in `bundle.features.columns`.
            times: of the rows, datetime64 `[T]`; required by a model that reads the calendar, and used to find windows
                that cross a hole.

        Returns:
            float64 `[N, H, targets]`, N = T - lookback + step: value n is for the rows of
            `spec.target_rows(anchors)[n]`, which may lie past the last row given; NaN where the window holds a missing
            value or a hole.

        Raises:
            DataError: not a forecasting model, wrong columns, or fewer rows than one window.
        """
        return np.asarray(self._check("series").predict(self, values, times)[0])

    def forecast_interval(self, values: np.ndarray, times: np.ndarray | None = None) -> Forecast:
        """What `forecast` returns, with the bounds of intervals that cover `training.coverage` of the validation rows.

        Args:
            values, times: as for `forecast`.

        Raises:
            DataError: see `forecast`, and a model without intervals.
        """
        point, bounds = self._check("series").predict(self, values, times)
        if bounds is None or self.bundle.features.target.levels:
            raise DataError("this model has no intervals. Train with --set training.coverage=0.8")
        return Forecast(point, *bounds)

    def forecast_quantiles(self, values: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """Quantiles of what `forecast` forecasts, at the levels of `training.quantiles`, float64 `[N, H, targets, Q]`.

        Args:
            values, times: as for `forecast`.

        Raises:
            DataError: see `forecast`, and a model without quantiles.
        """
        _, quantiles = self._check("series").predict(self, values, times)
        if quantiles is None or not self.bundle.features.target.levels:
            raise DataError("this model has no quantiles. Train with --quantiles 0.1,0.5,0.9")
        return np.stack(quantiles, axis=-1)

    def forecast_panel(self, panel: Panel) -> np.ndarray:
        """Quantiles of the rows after the newest value of each series, float64 `[S, H, Q]`: at the levels of
        `training.quantiles` or, without any, at 0.1, 0.2, ... 0.9.

        Raises:
            DataError: not a model of a panel, a column is missing, or a series without a value.
        """
        quantiles: np.ndarray = self._check("panel").predict(self, panel)
        return np.asarray(self.bundle.features.choose_levels(quantiles))

    def stream(self, state: State | str | Path | None = None) -> Stream:
        """Answers after each row, step or word that its method `push` is given, each at the cost of one window.

        Args:
            state: of an earlier stream of this model, or the file that it was written to; None: begin.

        Raises:
            ConfigError: a model that does not read one window; the message says why.
            DataError: the state is of another model, or damaged.
        """
        return self._task.stream(self, read_state(state) if isinstance(state, str | Path) else state)

    def explain(
        self, example: Any = None, *, file: str | Path | None = None, row: int = 1, column: str = "", **options: Any
    ) -> Explanation:
        """Why the model answers as it does for one example.

        Args:
            example: a text; a sequence, `[L]` or `[L, C]`; or the newest rows of a series, a data frame.
            file: a file that holds it, in place of `example`.
            row: number of the text or sequence in the file, from 1.
            column: of texts or times in the file; empty: as in training.
            options: as the flags of `seqconv explain` are called: `class_name`; or `at`, `target`, `lead`; `series`,
                `step`.

        Raises:
            SeqconvError: an example that the model does not take, or an option of other models.
        """
        task, given = self._task, {name.removesuffix("_name"): str(each) for name, each in options.items() if each}
        for name in given:
            if name not in (*task.options, *task.file_options):
                raise OptionError(f"{name} does not apply to {task.model}. Leave it out")
        if example is None or isinstance(example, str | Path):
            source = Source(
                None if example is None else str(example), None if file is None else Path(file), row, column
            )
            return _show(task.explain(self, task.read_example(self.bundle, source), given))
        if hasattr(example, "columns"):
            with hidden_folder() as folder:
                table, _ = write_data(example, folder / "data", {})
                return _show(
                    task.explain(
                        self, task.read_example(self.bundle, Source(file=table, row=row, column=column)), given
                    )
                )
        steps = np.asarray(example, np.float64)
        steps = steps.reshape(len(steps), -1)
        return _show(task.explain(self, task.read_request(self.bundle, [steps.tolist()], 1), given))

    def _predict_classes(self, name: str, examples: Any) -> np.ndarray:
        """The probabilities of a task's examples."""
        task = self._check(name)
        if not self.bundle.features.target.fraction:
            raise DataError("this model predicts numbers, not classes. Use regress")
        return np.asarray(task.predict(self, examples))

    def _check(self, name: str) -> Task:
        """The task of that name, which must be the model's."""
        task = self._task
        if task.name != name:
            raise DataError(f"this model takes {task.takes}, not {TASKS[name].takes}. Use {task.method}")
        return task


def _show(found: Explanation) -> Explanation:
    """An explanation that shows itself."""
    return TextExplanations(found) if isinstance(found, list) else found


def create_model(bundle: AnyBundle, engine: str = "native", threads: int = 0) -> Model:
    """The network, baseline or blend of a bundle; `engine` and `threads` apply to networks only.

    Raises:
        ConfigError, DataError, MissingExtra: see `networks.engines.choice.create_network`.
    """
    training, task, own = bundle.recipe.training, bundle.recipe.task, bundle.recipe.network_training
    check_engine(engine)
    if not bundle.recipe.has_layers:
        kinds = find_task(bundle.recipe).baselines
        return restore(kinds, training.model, bundle.features, bundle.weights)
    if training.model != BLEND:
        return create_network(engine, bundle.plan, bundle.weights, own, count_threads(threads))
    parts, kinds = split_parts(bundle.weights, task), find_task(bundle.recipe).baselines
    network = create_network(engine, bundle.plan, parts.network, own, count_threads(threads))
    members = {kind: restore(kinds, kind, bundle.features, own) for kind, own in parts.members.items()}
    return Blend({NETWORK: network, **members}, parts.factors, bundle.features)


def load(folder: str | Path, **settings: Any) -> Predictor:
    """The model of a run or model folder.

    Args:
        settings: `engine` and `threads`, as for `Predictor`.

    Raises:
        BundleError: the folder holds no readable model.
    """
    return Predictor(read_bundle(Path(folder)), **settings)
