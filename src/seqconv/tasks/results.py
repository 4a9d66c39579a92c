"""What runs and backtests (`metrics.json`), evaluations and comparisons find, as pages and the command line show it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from seqconv.data.display import Card, Shown
from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.class_scores import CalibrationChange, ClassScores
from seqconv.metrics.comparison import Comparison
from seqconv.metrics.errors import Metrics
from seqconv.metrics.forecast_scores import ForecastScores, IntervalScores
from seqconv.metrics.panel_scores import PanelScores
from seqconv.metrics.precision_recall import Curve
from seqconv.metrics.records import Json, Record
from seqconv.networks.summary import LayerSummary
from seqconv.tasks.drift import VariableChange

FORMAT = 1  # of metrics.json; version 0.1.0 wrote the same without a number


@dataclass(frozen=True, kw_only=True)
class Setup(Record):
    """What was run, how and with which versions.

    Args:
        format: of `metrics.json`.
        run: the folder.
        recipe, description: of the recipe, whose tables are the `settings`.
        refit: the model was fitted again, on training and validation rows.
        versions: of Python and the packages; `threads` and `machine`.
    """

    format: int = FORMAT
    run: str
    recipe: str
    description: str
    task: str
    engine: str
    refit: bool
    settings: Json
    versions: dict[str, str | int]


@dataclass(frozen=True)
class BaselineScores(Record):
    """The scores of one baseline.

    Args:
        kind: its name in `training.model`.
        seconds: to build its features, fit and score, all of it.
        weight: what it makes up of a blend, 0 to 1; None: it is not in one.
    """

    kind: str
    name: str
    validation: Metrics
    test: Metrics
    seconds: float
    weight: float | None = None


@dataclass(frozen=True, kw_only=True)
class Judgement(Record):
    """A model and the baselines scored on the same rows.

    Args:
        validation, test: the model's metrics.
        verdict: one sentence on whether it beats the baselines.
        beats_baselines: it is better than each by more than noise; None: there are none.
        comparisons: with each baseline, the strongest first.
        intervals: what the intervals around forecasts hold; None: the model has none.
        confusion: examples by true class (row) and predicted class (column); None: not one class, or too many.
        curves: precision and recall, see `ClassTarget.draw_curves`; None: of no class.
        calibration: of class probabilities; None: there are none, or nothing has calibrated them.
    """

    validation: Metrics
    test: Metrics
    verdict: str
    baselines: list[BaselineScores]
    beats_baselines: bool | None
    comparisons: list[Comparison]
    intervals: IntervalScores | None = None
    confusion: list[list[int]] | None = None
    curves: list[Curve] | None = None
    calibration: CalibrationChange | None = None


@dataclass(frozen=True)
class BetterBaseline(Record):
    """A baseline that is better than the network on the validation rows.

    Args:
        improvement, low, high: as in `Comparison`.
        run: folder of the run that keeps it.
        says: one sentence.
    """

    name: str
    improvement: float
    low: float
    high: float
    run: str
    says: str


@dataclass(frozen=True)
class Change(Record):
    """The first score of a model on the same `n` rows, before and after its update.

    Args:
        before: rows of a class that it did not have count as wrong.
    """

    n: int
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class UpdateResults(Record):
    """What an update has changed.

    Args:
        model: the folder of the model that was updated.
        file: with the newer rows.
        refit: the model was fitted again, to old and newer rows; else it went on from what it was, on the newer rows.
        metric: the score of the changes.
        old, new: on the old test rows, and on newer ones held out; None: there are none.
        classes: those that the model did not have.
        says: one sentence on the rows.
        variables: the newer rows next to the training rows of the model; None: it does not know what they were like.
    """

    model: str
    file: str
    refit: bool
    metric: str
    old: Change | None = None
    new: Change | None = None
    classes: list[str]
    says: str
    variables: list[VariableChange] | None = None


@dataclass(frozen=True, kw_only=True)
class RunResults(Judgement, Setup):
    """What a run found.

    Args:
        better_baseline: on the validation rows; None: there is none.
        seconds: of each part of the run.
        metric: the score that people read first.
        model: `network`, or the name of the baseline in its place.
        best_epoch: whose weights are the model's; 0: the start was best, or the model is a baseline.
        network: its layers.
        facts: about the data.
        classes: their names; None: numbers are forecast.
        targets: the columns that are forecast; None: the answers are classes.
        update: what the update of a model has changed; None: it is a new one.
    """

    former: ClassVar = {"better_baseline": "offer"}

    better_baseline: BetterBaseline | None
    seconds: dict[str, float]
    metric: str
    model: str
    parameters: int
    epochs: int
    best_epoch: int
    network: list[LayerSummary]
    facts: Json
    classes: list[str] | None = None
    targets: list[str] | None = None
    update: UpdateResults | None = None

    @classmethod
    def from_dict(cls, table: Any) -> Self:
        found = super().from_dict(table)
        splits = found.facts.get("splits", {})
        if not isinstance(splits, dict) or not all(isinstance(each, dict) for each in splits.values()):
            raise TypeError(f".facts.splits must be a table for each split; got {splits!r:.40}")
        training = found.settings.get("training", {})
        if not isinstance(training, dict):
            raise TypeError(f".settings.training must be a table; got {training!r:.40}")
        return found

    def list_models(self, name: str) -> list[BaselineScores]:
        """The baselines and, last, the model of the run under this name."""
        own = BaselineScores("", name, self.validation, self.test, self.seconds["train"])
        return [*self.baselines, own]


@dataclass(frozen=True, kw_only=True)
class FoldFacts(Record):
    """What a fold is made of.

    Args:
        train_rows, test_rows: how many there are.
        from_, to: first and last time that is tested; None: the rows have no times.
    """

    train_rows: int
    test_rows: int | None = None
    from_: str | None = None
    to: str | None = None


@dataclass(frozen=True, kw_only=True)
class FoldResults(FoldFacts, Judgement):
    """What one fold of a backtest found.

    Args:
        fold: counted from 1.
        train: `n`: training examples.
        seconds: of training.
    """

    fold: int
    epochs: int
    best_epoch: int
    train: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class FoldScores(Record):
    """The score of a model over the test examples of all folds, and of each fold alone.

    Args:
        value, low, high: over all, see `Estimate`.
        fold_mean, fold_std: of `by_fold`.
    """

    name: str
    value: float
    low: float
    high: float
    fold_mean: float
    fold_std: float
    by_fold: list[float]

    @property
    def score(self) -> Estimate:
        """Over all folds."""
        return Estimate(self.value, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class BacktestResults(Setup):
    """What a backtest found.

    Args:
        window: training rows of a series: `growing` or `rolling`.
        metric, classes, targets, verdict, beats_baselines, comparisons: as of a run, over all folds.
        n: test examples of all folds.
    """

    window: str
    metric: str
    n: int
    network: FoldScores
    baselines: list[FoldScores]
    comparisons: list[Comparison]
    verdict: str
    beats_baselines: bool | None
    folds: list[FoldResults]
    classes: list[str] | None = None
    targets: list[str] | None = None
    seconds: float


@dataclass(frozen=True)
class OrderProbe(Record):
    """What order is worth to a model: its metrics on `n` examples as they are, and with the order of each shuffled."""

    as_is: Metrics
    shuffled: Metrics
    n: int


@dataclass(frozen=True)
class TrainedOn(Record):
    """How many of the rows that a model is scored on it was trained on.

    Args:
        n: rows scored.
        checked: those that could be checked: of a very large training set the model knows only some.
        rows: of these, those that it was trained on.
        metrics: on the other checked rows; None: all or none of the checked rows were trained on.
    """

    n: int
    checked: int
    rows: int
    metrics: dict[str, Estimate] | None = None


@dataclass(frozen=True, repr=False)
class EvaluationResults(Shown, Record):
    """What a model scores on labelled data; `to_dict` has the keys of `scores` between its own.

    Args:
        model: its folder.
        source: of the data.
        notes: what their reader had to say.
        test: of the test set of the model's own run, the metrics that training printed.
        order_probe: the same.
        trained_on: how many of the rows the model was trained on; None: it does not know, as in version 0.1.0.
    """

    model: str
    task: str
    source: str
    notes: list[str]
    scores: ClassScores | ForecastScores | PanelScores
    test: Metrics | None = None
    order_probe: OrderProbe | None = None
    trained_on: TrainedOn | None = None

    def to_dict(self) -> Json:
        found = super().to_dict()
        scores: Json = found.pop("scores")
        return {name: found.pop(name) for name in ("model", "task", "source", "notes")} | scores | found

    def card(self) -> Card:
        """Every score with its interval."""
        rows = [[name.replace("_", " "), *each.show()] for name, each in self.scores.metrics.items()]
        return Card(f"{self.model} on {self.source}", self.notes, [["score", "value", "95 % interval"], *rows])

    @classmethod
    def from_dict(cls, table: Any) -> Self:
        return super().from_dict({**table, "scores": table})

    def _locate(self, key: str) -> str:
        return f"scores.{self.scores._locate(key)}" if key in self.scores.to_dict() else super()._locate(key)
