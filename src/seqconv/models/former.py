"""Finds the classes of version 0.1.0 in their present modules, for pickles that name the former ones."""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

SETTINGS = (
    "NetworkConfig SequenceConfig SequenceDataConfig SeriesDataConfig TextConfig TextDataConfig TrainingConfig "
    "WindowConfig"
)
LAYERS = (
    "Add Channelwise Concat Conv Dense Dropout Embed Flatten GlobalAveragePool GlobalMaxPool Gru LastStep Lstm MaxPool "
    "NgramBag Normalise Patch Relu Residual SubtractLast Tanh TokenConv"
)
HOMES = {  # module of 0.1.0 -> present modules, and the classes that moved there
    "config": {"recipes.recipe": "Recipe", "recipes.sections": SETTINGS},
    "estimators": {"estimators.base": "Model", "estimators.classifiers": "SequenceClassifier TextClassifier"},
    "features": {
        "tasks.sequence.features": "SequenceFeatures",
        "tasks.series.features": "SeriesFeatures",
        "tasks.text.features": "TextFeatures",
    },
    "forecaster": {"estimators.forecaster": "SeriesForecaster"},
    "models": {"networks.layers.kinds": LAYERS},
    "tokens": {"tasks.text.vocabulary": "Vocabulary"},
    "windows": {"tasks.scaling": "Scaler", "tasks.series.windows": "WindowSpec"},
}


def find_class(module: str, name: str) -> object:
    """A class by the module of 0.1.0 that held it.

    Raises:
        AttributeError: that module held no such class.
    """
    for home, names in HOMES[module].items():
        if name in names.split():
            return getattr(import_module(f"seqconv.{home}"), name)
    raise AttributeError(f"module 'seqconv.{module}' has no attribute {name!r}")


# two modules of 0.1.0 are packages now; these are their `__getattr__`
find_layer: Callable[[str], object] = partial(find_class, "models")
find_estimator: Callable[[str], object] = partial(find_class, "estimators")


class _FormerModules:
    """The other modules of 0.1.0, created when imported, which only old pickles do.

    It implements finder and loader without their base classes: `importlib.abc` would add ten milliseconds to every
    start.
    """

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != "seqconv" or name not in HOMES:
            return None
        return ModuleSpec(fullname, self)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Use the default module."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = partial(find_class, module.__name__.partition(".")[2])


sys.meta_path.append(_FormerModules())
