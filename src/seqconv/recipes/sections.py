"""Every setting of a recipe, once: type, default, range, help. Checks, flags, docs and bundles follow from it."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from seqconv.errors import ConfigError
from seqconv.recipes.durations import parse_budget
from seqconv.recipes.examples import ForecastConfig, SequenceConfig, TextConfig, WindowConfig
from seqconv.recipes.settings import Settings, setting
from seqconv.recipes.spaces import PANEL_MODELS, SEQUENCE_MODELS, SEQUENCE_SPACE, SERIES_SPACE, TEXT_SPACE, Space

ALL = ("*",)  # columns
LayerSpec = dict[str, Any]  # a layer's kind and settings, as in TOML
NETWORK, BLEND = "network", "blend"  # models that are no baselines: that of the layers, and it with baselines
BEST = "best"  # in place of a model: the single one that is best on the validation rows
FORECAST_LOSSES = ("mae", "mse", "huber")
HOLDOUT = (
    "how examples are held out; stratified: class proportions kept, duplicates together; random: the last part of the "
    "shuffled examples"
)

UPDATES = "files of newer rows that are learned too, the oldest first, as seqconv update adds them"
DECIMAL = "decimal mark of numbers written as text; the other one may separate thousands"


class _DataSettings(Settings):
    @classmethod
    def section(cls) -> str:
        return "data"


@dataclass(frozen=True, kw_only=True)
class TextDataConfig(_DataSettings):
    """Where labelled texts come from and how they are split."""

    source: str = setting("", "a data set (imdb or demo-text), or the path of a file or folder")
    updates: tuple[str, ...] = setting((), UPDATES)
    text: str = setting("", "text column; empty: detected")
    label: tuple[str, ...] = setting((), "label column, or several 0/1 columns; empty: detected")
    target: tuple[str, ...] = setting((), "column of numbers to predict in place of classes")
    columns: tuple[str, ...] = setting(
        (), "further columns to learn from: texts, numbers, categories, dates; all: every other one"
    )
    header: Literal["guess", "yes", "no"] = setting("guess", "whether the first row of a table holds the column names")
    weight: str = setting("", "column of what each row weighs in training; empty: all weigh the same")
    group: str = setting("", "column of groups whose rows stay in one split, such as reviews of one film; empty: none")
    split: str = setting("", "column that says train, validation or test of each row; empty: none")
    validation_file: str = setting("", "file of validation data; empty: held out from the training data")
    test_file: str = setting("", "file of test data; empty: that of the source, or held out")
    validation: float = setting(0.2, "fraction of the training texts held out for validation", low=0.001, high=0.9)
    test: float = setting(0.2, "fraction of the texts held out for testing if there is no test", low=0.001, high=0.9)
    holdout: Literal["stratified", "random"] = setting("stratified", HOLDOUT)


@dataclass(frozen=True, kw_only=True)
class SequenceDataConfig(_DataSettings):
    """Where labelled sequences come from and how they are split."""

    source: str = setting("", "path of a .ts, .tsv, .arff or .npz file, or of a table")
    updates: tuple[str, ...] = setting((), UPDATES)
    id: tuple[str, ...] = setting(
        (), "columns that tell the sequences of a table apart, which has a row for each step; empty: a row a sequence"
    )
    time: str = setting("", "time column of such a table; none: steps in the order of the rows; empty: inferred")
    label: tuple[str, ...] = setting((), "column of the classes; empty: detected")
    target: tuple[str, ...] = setting((), "column of numbers to predict in place of classes")
    inputs: tuple[str, ...] = setting((), "columns that are read; empty: all other columns of numbers")
    interval: str = setting("", "time between two steps, such as 20ms; empty: that of the times, or steps are counted")
    header: Literal["guess", "yes", "no"] = setting("guess", "whether the first row of a table holds the column names")
    decimal: Literal["guess", "point", "comma"] = setting("guess", DECIMAL)
    layout: Literal["guess", "channels first", "channels last"] = setting(
        "guess", "the axes of an .npz file after the sequences: channels and steps, or steps and channels"
    )
    weight: str = setting("", "column of what each row weighs in training; empty: all weigh the same")
    group: str = setting("", "column of groups whose rows stay in one split, such as reviews of one film; empty: none")
    split: str = setting("", "column that says train, validation or test of each row; empty: none")
    validation_file: str = setting("", "file of validation sequences; empty: held out from the training sequences")
    test_file: str = setting("", "file of test sequences; empty: NAME_TEST next to NAME_TRAIN, or held out")
    validation: float = setting(0.2, "fraction of the training sequences held out for validation", low=0.001, high=0.9)
    test: float = setting(
        0.2, "fraction of the sequences held out for testing if there is no test", low=0.001, high=0.9
    )
    holdout: Literal["stratified", "random"] = setting("stratified", HOLDOUT)


@dataclass(frozen=True, kw_only=True)
class SeriesDataConfig(_DataSettings):
    """Where a time series comes from and how it is split, in time order."""

    source: str = setting("", "a data set (jena, etth1, weather or demo-series), or the path of a table")
    updates: tuple[str, ...] = setting((), UPDATES)
    time: str = setting(
        "", "time column, or several such as date,hour; none: count the rows, whatever their times; empty: detected"
    )
    dates: Literal["guess", "day first", "month first"] = setting("guess", "how dates like 03/04/2021 are written")
    decimal: Literal["guess", "point", "comma"] = setting("guess", DECIMAL)
    interval: str = setting("", "time between two rows, for a table without times", unit="duration")
    zone: str = setting("", "time zone of timestamps without one, such as Europe/Berlin; empty: left as they are")
    header: Literal["guess", "yes", "no"] = setting("guess", "whether the first row of a table holds the column names")
    target: tuple[str, ...] = setting((), 'columns to forecast; "*": every column that the network reads')
    inputs: tuple[str, ...] = setting((), "columns that the network reads; empty: all")
    missing: str = setting("-9999", "number that stands for a missing value; empty: none")
    calendar: bool = setting(False, "add time of day, week and year as inputs")
    validation_file: str = setting("", "file of validation rows; with test_file, instead of fractions")
    test_file: str = setting("", "file of test rows")
    train_end: float = setting(0.7, "end of the training split, as a fraction of the rows", low=0.01, high=0.99)
    validation_end: float = setting(
        0.85, "end of the validation split, as a fraction of the rows", low=0.01, high=0.999
    )
    test_end: float = setting(1.0, "end of the test split, as a fraction of the rows", low=0.02, high=1.0)
    reach_back: bool = setting(
        False, "let validation and test windows read rows before their split; their targets never lie there"
    )


@dataclass(frozen=True, kw_only=True)
class PanelDataConfig(_DataSettings):
    """Where a table of one or many series comes from, and what its columns are."""

    source: str = setting("", "path of a table with a row for each series and time")
    updates: tuple[str, ...] = setting((), UPDATES)
    id: tuple[str, ...] = setting((), "columns that tell the series of a table apart; empty: inferred")
    time: str = setting(
        "", "time column, or several such as date,hour; empty: inferred; none: count the rows, whatever their times"
    )
    dates: Literal["guess", "day first", "month first"] = setting("guess", "how dates like 03/04/2021 are written")
    decimal: Literal["guess", "point", "comma"] = setting("guess", DECIMAL)
    frequency: str = setting("", "time from row to row, such as 15min, 1d, 1bd (business days), 1mo, 1q; empty: found")
    zone: str = setting("", "time zone of timestamps without one, such as Europe/Berlin; empty: left as they are")
    header: Literal["guess", "yes", "no"] = setting("guess", "whether the first row of a table names its columns")
    target: tuple[str, ...] = setting((), "column to forecast; empty: the only column of numbers")
    known: tuple[str, ...] = setting((), "columns whose future is known when a forecast is made, such as promotions")
    past: tuple[str, ...] = setting((), "further columns to learn from, known up to the forecast only")
    static: tuple[str, ...] = setting((), "columns that hold one value for each series, such as a region")
    holidays: str = setting(
        "",
        "country or region whose holidays are known, such as DE or DE-BY (requires the extra `holidays`); empty: none",
    )
    missing: str = setting("-9999", "number that stands for a missing value; empty: none")
    duplicates: Literal["refuse", "sum", "mean", "first", "last"] = setting(
        "refuse", "what to do with several rows of one series and time"
    )
    fill: Literal["none", "previous", "linear", "zero"] = setting(
        "none", "how to fill missing values of the target; none: they are left out"
    )


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(Settings):
    """The layers, in order."""

    layers: tuple[LayerSpec, ...] = setting((), "a table for each layer: its kind and its settings")
    unscaled: bool = setting(False, "these weights forecast in the units of the targets, not in standard deviations")
    weights: str = setting("", "file of Keras with the weights to start from, which 0 epochs leave; empty: random ones")

    @classmethod
    def section(cls) -> str:
        return "network"


@dataclass(frozen=True)
class Kind:
    """What the recipes of one task contain.

    Args:
        title: what people call the task.
        data, features: their sections of settings.
        start: the recipe that training on a data file starts from.
        baselines: models that can be fitted instead of the network.
        forecasts: the outputs are numbers, which may have prediction intervals.
        networks: its recipes may lay out networks too.
        calibrated: numbers that baselines predict have intervals too, calibrated on the validation rows.
        refitted: baselines that need no validation rows, so that the final fit may use them.
        several: the task for several series, and for rows that follow the calendar, where this one takes neither.
        pointwise: its networks learn no bounds: intervals lie around whatever they answer.
        blended: baselines that may stand next to the network in a blend, the simplest first; `fit_to` fits them again.
        space, models_space: what a search over settings tries for a network, and for a model that is fitted without.
    """

    title: str
    data: type[Settings]
    features: type[Settings]
    start: str
    baselines: tuple[str, ...]
    forecasts: bool = False
    refitted: tuple[str, ...] = ()
    networks: bool = True
    several: str = ""
    blended: tuple[str, ...] = ()
    calibrated: bool = False
    pointwise: bool = False
    space: Space = field(default_factory=dict)
    models_space: Space = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """What `training.model` can be."""
        return (*((NETWORK,) * self.networks), *((BLEND,) * bool(self.blended)), *self.baselines, BEST)

    @property
    def singles(self) -> tuple[str, ...]:
        """The baselines that are no blend: with the network of the layers, what `BEST` chooses from."""
        return tuple(name for name in self.baselines if name != BLEND)

    @property
    def sections(self) -> dict[str, type[Settings]]:
        """Every section of a recipe, by name."""
        return {"data": self.data, self.features.section(): self.features, **TRAINED}


RIDGES = ("minirocket", "multirocket", "hydra", "multirocket-hydra", "quant", "blend")
KINDS = {
    "text": Kind(
        "text classification",
        TextDataConfig,
        TextConfig,
        "text",
        ("majority", "mean", "median", "tf-idf", "nb-svm", "words", "characters"),
        refitted=("words", "characters"),
        blended=("words", "characters"),
        calibrated=True,
        pointwise=True,
        space=TEXT_SPACE,
    ),
    "series": Kind(
        "time-series forecasting",
        SeriesDataConfig,
        WindowConfig,
        "series",
        ("naive", "seasonal", "ridge", "boosting"),
        forecasts=True,
        several="panel",
        blended=("naive", "seasonal", "ridge", "boosting"),
        space=SERIES_SPACE,
        models_space={"windows": SERIES_SPACE["windows"]},
    ),
    "panel": Kind(
        "forecasting of one or many series",
        PanelDataConfig,
        ForecastConfig,
        "panel",
        ("naive", "seasonal", "theta", "ets", "ridge", "squashed", "boosting", "network", "blend"),
        forecasts=True,
        refitted=("ridge", "squashed", "boosting", "network", "blend"),
        networks=False,
        models_space=PANEL_MODELS,
    ),
    "sequence": Kind(
        "time-series classification",
        SequenceDataConfig,
        SequenceConfig,
        "ucr",
        ("majority", "mean", "median", "dtw", "rocket", *RIDGES),
        refitted=RIDGES,
        calibrated=True,
        space=SEQUENCE_SPACE,
        models_space=SEQUENCE_MODELS,
    ),
}
_BASELINES = "; ".join(f"{', '.join(kind.baselines)} ({task})" for task, kind in KINDS.items())


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """How the network is trained."""

    model: str = setting(
        NETWORK,
        f"model to fit: {NETWORK}, or a baseline: {_BASELINES}; {BLEND} (text, series): both; {BEST}: the best of all",
    )
    loss: Literal["binary_crossentropy", "categorical_crossentropy", "as_printed", "mae", "mse", "huber"] = setting(
        "binary_crossentropy", "loss function; as_printed: the book's, on an output without a sigmoid"
    )
    optimiser: Literal["rmsprop", "adam", "adagrad"] = setting("rmsprop", "optimiser")
    learning_rate: float = setting(1e-3, "learning rate of the optimiser", low=1e-9, high=10.0)
    schedule: Literal["constant", "cosine", "plateau"] = setting(
        "constant", "learning rate; cosine: falls to zero; plateau: halves after two epochs without a better loss"
    )
    warmup: int = setting(0, "epochs over which the learning rate rises to its value", low=0)
    clip_norm: float = setting(0.0, "maximum global gradient norm; 0: no clipping", low=0.0)
    batch_size: int = setting(128, "examples per step", low=1)
    epochs: int = setting(10, "maximum number of epochs", low=0)
    steps_per_epoch: int = setting(0, "random batches per epoch; 0: every example once, shuffled", low=0)
    patience: int = setting(0, "stop after this many epochs without a better validation loss; 0: never", low=0)
    averaging: float = setting(
        0.0, "decay of the exponential moving average of the weights, per epoch; 0: no averaging", low=0.0, high=0.99
    )
    coverage: float = setting(
        0.0,
        "coverage that the prediction intervals should have, such as 0.8; 0: no intervals",
        low=0.0,
        high=0.99,
        former="interval",
    )
    quantiles: tuple[float, ...] = setting(
        (), "levels of the quantiles to predict in place of intervals, such as 0.1,0.5,0.9; empty: none"
    )
    class_weight: str = setting(
        "none",
        "weights of the classes in training: none; balanced: all classes weigh the same; or CLASS=WEIGHT,... (1 for "
        "the others)",
    )
    threshold: str = setting(
        "",
        "probability above which a label is assigned, or of two classes the positive one: a number, or chosen on the "
        "validation rows by f1, precision=0.95, recall=0.9 or cost=FP:FN (what a wrong and a missed one cost); or "
        "known=0.95: below a probability that so many validation rows reach the answer is none of the classes; "
        "empty: 0.5",
    )
    positive: str = setting("", "of two classes the one that the threshold is for; empty: the rarer one")
    refit: bool = setting(
        False, "retrain on training and validation rows, for the best number of epochs, before testing"
    )
    metric: str = setting(
        "",
        "metric by which epochs, blends and models are chosen, such as macro_f1, auc, rmse or wql; empty: the loss for "
        "epochs and blends, accuracy (F1 of several labels), MAE or MASE for models",
    )
    budget: str = setting(
        "",
        "time that a run may take, such as 30s or 5m: what takes longer on this machine is left out; empty: no limit",
    )
    seed: int = setting(0, "seed of all random choices", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_budget(self.budget, "training.budget")
        found = self.quantiles
        numbers = all(type(each) in (float, int) for each in found)
        if not numbers or not all(one < other for one, other in pairwise((0, *found, 1))):
            got = ", ".join(map(str, found)).strip("[]")
            raise ConfigError(f"training.quantiles must be levels above 0 and below 1, ascending; got {got:.60}")

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that are predicted next to the point forecast; of intervals, of their two bounds."""
        return self.quantiles or (((1 - self.coverage) / 2, (1 + self.coverage) / 2) if self.coverage else ())

    @property
    def logit_loss(self) -> str:
        """The loss for a model whose outputs are logits, as those of baselines are."""
        return "binary_crossentropy" if self.loss == "as_printed" else self.loss

    @classmethod
    def section(cls) -> str:
        return "training"


TRAINED: dict[str, type[Settings]] = {"network": NetworkConfig, "training": TrainingConfig}


def read_setting(path: str) -> str:
    """The present name of a setting.

    >>> read_setting("training.interval"), read_setting("data.interval")
    ('training.coverage', 'data.interval')
    """
    section, _, name = path.partition(".")
    kinds = (kind.sections[section] for kind in KINDS.values() if section in kind.sections)
    return next((f"{section}.{now}" for kind in kinds if (now := kind.read_name(name)) != name), path)
