"""seqconv: small, fast sequence models on an ordinary CPU.

>>> import seqconv
>>> run = seqconv.train("demo-text")  # doctest: +SKIP
>>> seqconv.load(run.folder).predict(["not bad at all"])  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import Any

# The OpenMP runtime reads this once, when the native module is loaded. Its default lets a thread that waits spin for
# milliseconds, which on a machine that also does something else costs more than the work itself.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_HOMES = {
    "Predictor": "models.predictor",
    "Recipe": "recipes.recipe",
    "Run": "training.folder",
    "SeqconvError": "errors",
    "SequenceClassifier": "estimators.classifiers",
    "SeriesForecaster": "estimators.forecaster",
    "TextClassifier": "estimators.classifiers",
    "backtest": "evaluation.backtest",
    "compare_runs": "evaluation.comparison",
    "evaluate": "evaluation.assessment",
    "load": "models.predictor",
    "read_recipe": "recipes.recipe",
    "read_sequences": "data.readers.sequences",
    "read_series": "data.readers.series",
    "read_texts": "data.readers.texts",
    "shrink": "training.compression",
    "train": "training.run",
    "write_report": "training.folder",
}


__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Public names are loaded on first use, so that importing the package costs next to nothing."""
    if name == "__version__":
        return import_module("importlib.metadata").version("seqconv")
    if name not in _HOMES:
        raise AttributeError(f"module 'seqconv' has no attribute {name!r}")
    return getattr(import_module(f"seqconv.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
