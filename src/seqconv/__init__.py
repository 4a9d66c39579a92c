"""seqconv: small, fast sequence models on an ordinary CPU.

>>> import seqconv
>>> run = seqconv.train("demo-text")  # doctest: +SKIP
>>> seqconv.load(run.folder).predict(["not bad at all"])  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING

from seqconv.models import former  # noqa: F401  (old pickles load once this is imported)

if TYPE_CHECKING:
    from seqconv.data.datasets import read_panel
    from seqconv.data.readers.sequences import read_sequences
    from seqconv.data.readers.series import read_series
    from seqconv.data.readers.texts import read_texts
    from seqconv.errors import SeqconvError
    from seqconv.estimators.classifiers import SequenceClassifier, TextClassifier
    from seqconv.estimators.forecaster import SeriesForecaster, forecast
    from seqconv.estimators.regressors import TextRegressor
    from seqconv.estimators.sequences import SequenceRegressor
    from seqconv.models.exchange.hub import pull, push
    from seqconv.models.predictor import Predictor, load
    from seqconv.recipes.recipe import Recipe, read_recipe
    from seqconv.serving.files import predict_batches
    from seqconv.training.assessment import evaluate
    from seqconv.training.backtest import backtest
    from seqconv.training.comparison import compare_runs
    from seqconv.training.compression import shrink
    from seqconv.training.export import export_keras, export_onnx, export_torch
    from seqconv.training.finished import Run
    from seqconv.training.folder import Options, write_report
    from seqconv.training.monitoring import monitor
    from seqconv.training.run import summary, train
    from seqconv.training.trackers import log_json, log_mlflow, log_tensorboard, log_wandb
    from seqconv.training.tuning import tune

    __version__: str

__all__ = [
    "Options",
    "Predictor",
    "Recipe",
    "Run",
    "SeqconvError",
    "SequenceClassifier",
    "SequenceRegressor",
    "SeriesForecaster",
    "TextClassifier",
    "TextRegressor",
    "backtest",
    "compare_runs",
    "evaluate",
    "export_keras",
    "export_onnx",
    "export_torch",
    "forecast",
    "load",
    "log_json",
    "log_mlflow",
    "log_tensorboard",
    "log_wandb",
    "monitor",
    "predict_batches",
    "pull",
    "push",
    "read_panel",
    "read_recipe",
    "read_sequences",
    "read_series",
    "read_texts",
    "shrink",
    "summary",
    "train",
    "tune",
    "write_report",
]
_HOMES = {  # as the imports for type checkers above
    "Options": "training.folder",
    "Predictor": "models.predictor",
    "Recipe": "recipes.recipe",
    "Run": "training.finished",
    "SeqconvError": "errors",
    "SequenceClassifier": "estimators.classifiers",
    "SequenceRegressor": "estimators.sequences",
    "SeriesForecaster": "estimators.forecaster",
    "TextClassifier": "estimators.classifiers",
    "TextRegressor": "estimators.regressors",
    "backtest": "training.backtest",
    "compare_runs": "training.comparison",
    "evaluate": "training.assessment",
    "export_keras": "training.export",
    "export_onnx": "training.export",
    "export_torch": "training.export",
    "forecast": "estimators.forecaster",
    "load": "models.predictor",
    "log_json": "training.trackers",
    "log_mlflow": "training.trackers",
    "log_tensorboard": "training.trackers",
    "log_wandb": "training.trackers",
    "monitor": "training.monitoring",
    "predict_batches": "serving.files",
    "pull": "models.exchange.hub",
    "push": "models.exchange.hub",
    "read_panel": "data.datasets",
    "read_recipe": "recipes.recipe",
    "read_sequences": "data.readers.sequences",
    "read_series": "data.readers.series",
    "read_texts": "data.readers.texts",
    "shrink": "training.compression",
    "summary": "training.run",
    "train": "training.run",
    "tune": "training.tuning",
    "write_report": "training.folder",
}

if not TYPE_CHECKING:  # to a type checker, any name would exist

    def __getattr__(name: str) -> object:
        """Public names are loaded on first use, so that importing the package costs next to nothing."""
        if name == "__version__":
            return import_module("importlib.metadata").version("seqconv")
        if name not in _HOMES:
            raise AttributeError(f"module 'seqconv' has no attribute {name!r}")
        return getattr(import_module(f"seqconv.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
