"""What a search over settings varies: read from a file or a table, checked, and applied to a recipe."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqconv.errors import ConfigError, OptionError, nearest, shorten
from seqconv.networks.layers.kinds import SETTINGS
from seqconv.recipes.durations import parse_duration, to_duration
from seqconv.recipes.recipe import AnyRecipe, recipe_from_dict
from seqconv.recipes.sections import KINDS, LayerSpec
from seqconv.recipes.spaces import Space

FIXED = ("data", "network")  # sections that decide what is judged, and by what layers
FIXED_SETTINGS = ("training.metric", "training.budget", "forecast.season")  # errors are in units of a season's
Value = str | int | float | bool


@dataclass(frozen=True)
class Choice:
    """One setting of a recipe, or of all layers of a kind, and what is tried for it.

    Args:
        home: a section, or a kind of layer.
        values: what is tried; of a range its ends.
        span: the values are the ends of a range.
        log: of a range, drawn by its logarithm.
        times: each is multiplied by what the recipe has.
    """

    home: str
    setting: str
    values: tuple[Value, ...]
    span: bool = False
    log: bool = False
    times: bool = False

    @property
    def name(self) -> str:
        """For messages and tables."""
        return f"{self.home}.{self.setting}"

    def find_own(self, table: Mapping[str, Any]) -> Value | None:
        """What it is in the table of a recipe; None: nothing that is tried."""
        own = {place[self.setting] for place in _find_places(table, self.home) if self.setting in place}
        if self.times:
            return next((value for value in self.values if value == 1), None) if own else None
        value = next(iter(own)) if len(own) == 1 else None
        inside = value is not None and (
            self.values[0] <= value <= self.values[1] if self.span else value in self.values
        )
        return value if inside else None

    def apply(self, table: Mapping[str, Any], value: Value) -> bool:
        """Put a value into the table of a recipe; whether there is a place for it."""
        places = [place for place in _find_places(table, self.home) if not self.times or self.setting in place]
        for place in places:
            place[self.setting] = _multiply(place[self.setting], value, self.name) if self.times else value
        return bool(places)

    def show(self, value: Value) -> str:
        """A value for people.

        >>> Choice("conv", "filters", (0.5, 1), times=True).show(0.5)
        'x0.5'
        """
        return f"{'x' if self.times else ''}{value:.4g}" if isinstance(value, float) else f"{'x' * self.times}{value}"


def _find_places(table: Mapping[str, Any], home: str) -> Iterator[dict[str, Any]]:
    """The tables in that of a recipe that a section's, or layers', settings stand in."""
    if home in table:
        yield table[home]
    else:
        yield from _find_layers(table["network"]["layers"], home)


def _find_layers(layers: list[LayerSpec], kind: str) -> Iterator[LayerSpec]:
    for spec in layers:
        if spec.get("layer") == kind:
            yield spec
        for inner in (spec.get("layers", []), *spec.get("branches", [])):
            yield from _find_layers(inner, kind)


def _multiply(own: Any, factor: Any, name: str) -> Value:
    """A number or a duration, multiplied; whole numbers stay whole, and at least 1."""
    if isinstance(own, str):
        return to_duration(round(parse_duration(own, name) * factor))
    if isinstance(own, bool):
        raise ConfigError(f"space: {name}: a switch cannot be multiplied. Name its values: [true, false]")
    return max(1, round(own * factor)) if isinstance(own, int) else float(own * factor)


def apply_choices(recipe: AnyRecipe, choices: list[Choice], values: Mapping[str, Value]) -> AnyRecipe:
    """The recipe with the values of these choices, by name; those without a value stay.

    Raises:
        ConfigError: a value out of range.
    """
    table = recipe.to_dict()
    for choice in choices:
        if choice.name in values:
            choice.apply(table, values[choice.name])
    return recipe_from_dict(table, recipe.name)


def read_space(space: Space | str | Path | None, recipe: AnyRecipe) -> list[Choice]:
    """What is varied of a recipe.

    Args:
        space: a TOML file, or such a table: for each section or kind of layer its settings, each with a list of
            values, `{ low, high }`, `{ low, high, log = true }` or `{ times = [...] }`; None: that of the task.

    Raises:
        ConfigError: a file that cannot be read, or a setting or values that do not fit the recipe.
    """
    kind = KINDS[recipe.task]
    usual = space is None
    if space is None:
        space = kind.space if recipe.has_layers else kind.models_space
    elif isinstance(space, str | Path):
        space = _read_file(Path(space))
    if not isinstance(space, Mapping):
        raise OptionError(f"space must be a TOML file, or a table of sections; got {space!r:.60}")
    choices = []
    for home, settings in space.items():
        if not isinstance(settings, Mapping):
            raise ConfigError(f"space: {home} must be a table of settings; got {settings!r:.60}")
        for name, values in settings.items():
            choices.append(_read_choice(home, name, values, recipe))
    found = [fitted for each in choices if (fitted := _fit(each, recipe, usual)) is not None]
    if not found:
        model = recipe.training.model
        raise OptionError(f"space must name what to vary; the model {model} has no usual settings")
    return found


def _read_file(path: Path) -> Space:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # of TOML and of UTF-8 too
        raise OptionError(f"space must be a TOML file in UTF-8; {path}: {shorten(error)}") from error


def _read_choice(home: str, name: str, values: Any, recipe: AnyRecipe) -> Choice:
    """A choice, checked for what does not depend on the recipe's own values."""
    sections = {key: each.names() for key, each in KINDS[recipe.task].sections.items() if key not in FIXED}
    known = sections | {key: list(each) for key, each in SETTINGS.items()}
    if home in FIXED or f"{home}.{name}" in FIXED_SETTINGS:
        raise ConfigError(f"space: {home}.{name} cannot be varied: it decides what trials are judged by. Leave it out")
    if home not in known:
        raise ConfigError(f"space: {home} is no section of this recipe, and no layer. {nearest(home, known)}")
    if name not in known[home]:
        raise ConfigError(f"space: {home} has no setting {name!r}. {nearest(name, known[home])}")
    where = f"space: {home}.{name}"
    if isinstance(values, list | tuple):
        return Choice(home, name, _check_values(values, where))
    form = set(values) if isinstance(values, Mapping) else set()
    if form == {"times"}:
        factors = _check_values(values["times"], where)
        if all(isinstance(each, int | float) and 0 < each < math.inf for each in factors):
            return Choice(home, name, factors, times=True)
    elif {"low", "high"} <= form <= {"low", "high", "log"}:
        low, high, log = values["low"], values["high"], values.get("log", False)
        typed = all(type(each) in (int, float) for each in (low, high)) and isinstance(log, bool)
        if typed and low < high and (low > 0 or not log):
            return Choice(home, name, (low, high), span=True, log=log)
    raise ConfigError(
        f"{where} must be a list of values, {{ times = [0.5, 1, 2] }}, or {{ low = 1, high = 9 }}, which may have "
        f"log = true above 0; got {values!r:.80}"
    )


def _check_values(values: Any, where: str) -> tuple[Value, ...]:
    kinds = (str, int, float, bool)
    if not isinstance(values, list | tuple) or not values or not all(isinstance(each, kinds) for each in values):
        raise ConfigError(f"{where} must have values, each a number, a text or true or false; got {values!r:.80}")
    return tuple(dict.fromkeys(values))


def _fit(choice: Choice, recipe: AnyRecipe, usual: bool) -> Choice | None:
    """The choice with the values that the recipe can have; None: it has no place for it, or no two of them.

    Raises:
        ConfigError: a value that a user gave does not fit.
    """
    kept: list[Value] = []
    for value in choice.values:
        table = recipe.to_dict()
        try:
            if not choice.apply(table, value):
                if usual:
                    return None
                raise ConfigError(f"the network has no {choice.home} with {choice.setting}")
            recipe_from_dict(table, recipe.name)
        except ConfigError as error:
            if not usual:
                raise ConfigError(f"space: {choice.name}: {error}") from error
            continue
        kept.append(value)
    own = [place.get(choice.setting) for place in _find_places(recipe.to_dict(), choice.home)]
    if choice.span and any(isinstance(each, float) for each in own):
        kept = [float(each) for each in kept]  # a fraction from 0 to 1 is more than these two
    return replace(choice, values=tuple(kept)) if len(kept) > 1 or not usual else None
