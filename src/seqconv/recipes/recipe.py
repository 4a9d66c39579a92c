"""A recipe: everything that decides a run, read from TOML, checked, and written again."""

import copy
import dataclasses
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

from seqconv.errors import ConfigError, OptionError, nearest, shorten
from seqconv.recipes.examples import ExampleSettings, ForecastConfig, SequenceConfig, TextConfig, WindowConfig
from seqconv.recipes.sections import (
    BLEND,
    FORECAST_LOSSES,
    KINDS,
    NETWORK,
    Kind,
    LayerSpec,
    NetworkConfig,
    PanelDataConfig,
    SequenceDataConfig,
    SeriesDataConfig,
    TextDataConfig,
    TrainingConfig,
    read_setting,
)
from seqconv.recipes.settings import Settings

DataSettings = TypeVar("DataSettings", bound=Settings, covariant=True)
FeatureSettings = TypeVar("FeatureSettings", bound=ExampleSettings, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Recipe(Generic[DataSettings, FeatureSettings]):
    """Everything that determines a run: data, features, network, training."""

    name: str
    description: str
    data: DataSettings
    features: FeatureSettings
    network: NetworkConfig
    training: TrainingConfig

    @property
    def task(self) -> str:
        """`text`, `series`, `panel` or `sequence`."""
        return next(task for task, kind in KINDS.items() if type(self.data) is kind.data)

    @property
    def has_layers(self) -> bool:
        """Its model is, or may be, the network of its layers, alone or in a blend; not one that is fitted without."""
        kind = KINDS[self.task]
        return kind.networks and self.training.model not in kind.baselines

    @property
    def blended(self) -> tuple[str, ...]:
        """Baselines that may stand next to its network in a blend, the simplest first."""
        return tuple(kind for kind in KINDS[self.task].blended if self.features.blends(kind))

    @property
    def network_training(self) -> TrainingConfig:
        """How its network is trained; one that learns no bounds answers points, whatever the intervals."""
        pointwise = KINDS[self.task].pointwise
        return dataclasses.replace(self.training, coverage=0.0, quantiles=()) if pointwise else self.training

    def to_dict(self) -> dict[str, Any]:
        """The recipe as a table that `recipe_from_dict` reads."""
        sections: tuple[Any, ...] = (self.data, self.features, self.network, self.training)
        tables = {part.section(): _plain(dataclasses.asdict(part)) for part in sections}
        return {"name": self.name, "description": self.description, "task": self.task, **tables}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") else value  # a number of numpy's


TextRecipe = Recipe[TextDataConfig, TextConfig]
SeriesRecipe = Recipe[SeriesDataConfig, WindowConfig]
PanelRecipe = Recipe[PanelDataConfig, ForecastConfig]
SequenceRecipe = Recipe[SequenceDataConfig, SequenceConfig]
AnyRecipe = Recipe[Any, Any]
Layers = str | Sequence[LayerSpec]  # the name or TOML file of a recipe that has some, or a list of them


def recipe_from_dict(table: dict[str, Any], name: str = "") -> AnyRecipe:
    """A checked recipe from a TOML table.

    Raises:
        ConfigError: an unknown task, section or setting, a wrong type, or a value out of range.
    """
    task = table.get("task")
    if task not in KINDS:
        raise ConfigError(f"task must be one of {', '.join(map(repr, KINDS))}; got {task!r}")
    kind = KINDS[task]
    for section in table:
        if isinstance(table[section], dict):
            _check_known(section, table[section], kind)
        if section not in {"name", "description", "task", *kind.sections}:
            raise ConfigError(
                f"unknown section [{section}] in a recipe for {kind.title}. {nearest(section, kind.sections)}"
            )
        if section in kind.sections and not isinstance(table[section], dict):
            raise ConfigError(f"[{section}] must be a table; got {table[section]!r}")
    parts: dict[str, Any] = {name: each.from_dict(table.get(name, {})) for name, each in kind.sections.items()}
    training = parts["training"]
    if training.model not in kind.models:
        model = training.model
        raise ConfigError(f"training.model: unknown model {model!r} for {kind.title}. {nearest(model, kind.models)}")
    if training.levels and not (kind.calibrated or (kind.forecasts and training.loss in FORECAST_LOSSES)):
        what, got, cure = "coverage", str(training.coverage), "Set it to 0"
        if training.quantiles:
            what, got, cure = "quantiles", str(list(training.quantiles)), "Leave it out"
        raise ConfigError(
            f"training.{what} is for forecasts with the loss {', '.join(FORECAST_LOSSES[:-1])} or "
            f"{FORECAST_LOSSES[-1]}; got {got} for {kind.title} with {training.loss}. {cure}"
        )
    if not training.epochs and not parts["network"].weights:
        raise ConfigError("training.epochs must be at least 1; got 0")
    usual = TrainingConfig()
    for of_classes in ("class_weight", "threshold", "positive"):
        if kind.forecasts and getattr(training, of_classes) != getattr(usual, of_classes):
            raise ConfigError(f"training.{of_classes} is for classes; got it for {kind.title}. Leave it out")
    if training.model == BLEND and training.loss == "as_printed":
        raise ConfigError("training.model: blend adds logits, which the loss as_printed has not. Use --model network")
    parts["features"] = parts.pop(kind.features.section())
    return Recipe(name=str(table.get("name", name)), description=str(table.get("description", "")), **parts)


def _check_known(section: str, names: Iterable[str], kind: Kind) -> None:
    """Refuse settings that other kinds of data have."""
    for name in names:
        homes = [each.title for each in KINDS.values() if _has(each, section, name)]
        if homes and not _has(kind, section, name):
            raise ConfigError(f"{section}.{name} is for {', '.join(homes)}; got it for {kind.title}. Leave it out")


def _has(kind: Kind, section: str, name: str) -> bool:
    own = kind.sections.get(section)
    return own is not None and own.read_name(name) in own.names()


def to_toml(recipe: AnyRecipe) -> str:
    """The recipe as TOML that `read_recipe` reads."""
    return tables_to_toml(recipe.to_dict())


def to_explained_toml(recipe: AnyRecipe) -> str:
    """The same, with the meaning of each setting above it as a comment."""
    sections, section, lines = KINDS[recipe.task].sections, "", []
    for line in to_toml(recipe).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        fields = dataclasses.fields(sections[section]) if section in sections else ()  # type: ignore[arg-type]
        texts = [field.metadata["help"] for field in fields if line.startswith(f"{field.name} = ")]
        lines += [*(f"# {text}" for text in texts), line]
    return "\n".join([*lines, ""])


def tables_to_toml(tables: Mapping[str, Any]) -> str:
    """Tables of a recipe as TOML."""
    import tomli_w

    return tomli_w.dumps(tables)


def recipe_names() -> list[str]:
    """Names of the built-in recipes."""
    folder = resources.files("seqconv") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_recipe(name_or_path: str, overrides: tuple[str, ...] = ()) -> AnyRecipe:
    """A recipe by name or from a TOML file, with `section.key=value` overrides.

    Raises:
        ConfigError: no such recipe or file, invalid TOML, or an invalid setting.
    """
    if name_or_path in recipe_names():
        text, name = (resources.files("seqconv") / "recipes" / f"{name_or_path}.toml").read_text("utf-8"), name_or_path
    elif name_or_path.endswith(".toml"):
        try:
            text, name = Path(name_or_path).read_text("utf-8"), Path(name_or_path).stem
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name_or_path}: must be a readable TOML file in UTF-8; got: {error}") from error
    else:
        raise ConfigError(f"unknown recipe {name_or_path!r}. {nearest(name_or_path, recipe_names())}")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise ConfigError(f"{name_or_path}: must be valid TOML; {shorten(error)}") from error
    return recipe_from_dict(apply_overrides(table, overrides), name)


def take_network(recipe: AnyRecipe, network: Layers) -> AnyRecipe:
    """The recipe with other layers.

    Args:
        network: name or file of a recipe, whose training settings come with its layers; or a list of layers, see
            `seqconv.layers`, with which those of `recipe` stay.

    Raises:
        ConfigError: no such recipe, one for another task, or no list of layers.
    """
    title = KINDS[recipe.task].title
    if not isinstance(network, str):
        layers = _read_layers(network)
        if not KINDS[recipe.task].networks:
            raise OptionError(f"network: {title} has no layers of one's own; got {len(layers)}. Leave it out")
        training = recipe.training if recipe.has_layers else dataclasses.replace(recipe.training, model=NETWORK)
        return dataclasses.replace(recipe, network=NetworkConfig(layers=layers), training=training)
    other = read_recipe(network)
    if other.task != recipe.task:
        got = f"got {network!r}, for {KINDS[other.task].title}"
        raise OptionError(f"network must be a recipe for {title}; {got}. Choose another")
    return dataclasses.replace(recipe, network=other.network, training=other.training)


def _read_layers(network: Any) -> tuple[LayerSpec, ...]:
    """The layers of a list as plain tables; what each holds is checked once the data are known."""
    must = "must be the name of a recipe, or a list of layers such as seqconv.layers.Conv(32, 7)"
    if not isinstance(network, list | tuple) or not network:
        raise OptionError(f"network {must}; got {shorten(repr(network), 60)}. Correct it")
    for number, layer in enumerate(network, 1):
        if not isinstance(layer, dict) or not isinstance(layer.get("layer"), str):
            call = f". Call it: {layer.__name__}(...)" if callable(layer) and hasattr(layer, "__name__") else ""
            raise OptionError(f"network {must}; item {number} is {shorten(repr(layer), 60)}{call}")
    return tuple(_plain(list(network)))


def apply_overrides(table: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A recipe's table with `section.key=value` overrides.

    Raises:
        ConfigError: a malformed override, or one that names nothing in the recipe.
    """
    for override in overrides:
        table = _override(table, override)
    return table


def _override(table: dict[str, Any], override: str) -> dict[str, Any]:
    path, equals, text = override.partition("=")
    section, _, rest = read_setting(path.strip()).partition(".")
    kind = KINDS.get(table.get("task", ""))
    sections = kind.sections if kind else {}
    if not equals or not rest:
        raise ConfigError(f"--set must look like section.key=value, such as training.epochs=4; got {override!r}")
    if section not in sections:
        if kind:
            _check_known(section, (rest,), kind)
        raise ConfigError(f"--set: unknown section {section!r}. {nearest(section, sections)}")
    table = copy.deepcopy(table)
    target: Any = table.setdefault(section, {})
    *parents, key = rest.split(".")
    try:
        for parent in parents:
            target = target[int(parent)] if isinstance(target, list) else target[parent]
        is_text = any(field.name == key and field.type is str for field in dataclasses.fields(sections[section]))  # type: ignore[arg-type]
        target[key] = text if is_text else _parse_value(text)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ConfigError(f"--set: {path!r} names nothing in this recipe") from error
    return table


def _parse_value(text: str) -> Any:
    """A TOML value, or else the text itself, so that quotes can be left out."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


Guesses = dict[str, tuple[Any, str]]  # setting -> value, and the note about it
