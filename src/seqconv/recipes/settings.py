"""Settings: dataclass fields with help, range and unit, checked when an object is created."""

import dataclasses
import itertools
from typing import Any, Literal, Self, get_args, get_origin

from seqconv.errors import ConfigError, nearest
from seqconv.recipes.durations import parse_duration, split_range


def setting(
    default: Any, help: str, *, low: float | None = None, high: float | None = None, unit: str = "", former: str = ""
) -> Any:
    """A dataclass field that carries its own help text, range and unit.

    Args:
        unit: `duration` for text such as "10d", `duration ranges` for texts such as "6h" and "1h to 96h".
        former: its name in earlier versions, which recipes and models may still have.
    """
    metadata = {"help": help, "low": low, "high": high, "unit": unit, "former": former}
    return dataclasses.field(default=default, metadata=metadata)


def parse_number(text: str, name: str) -> float:
    """The number in a setting; NaN, which equals nothing, if it is empty.

    Raises:
        ConfigError: not a number.
    """
    try:
        return float(text or "nan")
    except ValueError as error:
        raise ConfigError(f"{name} must be a number, or empty; got {text!r}") from error


class Settings:
    """Base class of frozen dataclasses whose fields are `setting`s; checks and reads them.

    Raises:
        ConfigError: a field of the wrong type or out of range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            _check(field, getattr(self, field.name), self.section())

    @classmethod
    def section(cls) -> str:
        """Name of the recipe's table that holds these settings.

        Raises:
            TypeError: a subclass that does not name its section.
        """
        raise TypeError(f"{cls.__name__} has no section")

    @classmethod
    def names(cls) -> list[str]:
        """Names of the settings."""
        return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]

    @classmethod
    def read_name(cls, name: str) -> str:
        """The present name of a setting."""
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        return next((field.name for field in fields if name and field.metadata["former"] == name), name)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Pickles of earlier versions have former names."""
        self.__dict__.update({self.read_name(name): value for name, value in state.items()})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Settings from a TOML table.

        Raises:
            ConfigError: an unknown name, a wrong type or a value out of range.
        """
        values = {cls.read_name(name): value for name, value in values.items()}
        for name in values:
            if name not in cls.names():
                raise ConfigError(f"[{cls.section()}]: unknown setting {name!r}. {nearest(name, cls.names())}")
        lists = {field.name for field in dataclasses.fields(cls) if get_origin(field.type) is tuple}  # type: ignore[arg-type]
        found = {}
        for name, value in values.items():
            alone = name in lists and isinstance(value, str)  # a single name is a list of one
            found[name] = (value,) if alone else tuple(value) if isinstance(value, list) else value
        return cls(**found)


SAID: dict[Any, str] = {  # types in words
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple: "a list",
}


def describe_type(field: dataclasses.Field[Any]) -> str:
    """What the values of a setting are: type and range, or the choices."""
    if get_origin(field.type) is Literal:
        *most, last = get_args(field.type)
        return f"{', '.join(most)} or {last}"
    unit, kind = field.metadata["unit"], get_origin(field.type) or field.type
    span = _say_span(field)
    return {"duration": "a duration", "duration ranges": "durations"}.get(unit) or SAID[kind] + (span and f", {span}")


def _say_span(field: dataclasses.Field[Any]) -> str:
    low, high = field.metadata["low"], field.metadata["high"]
    if low is None:
        return "" if high is None else f"at most {high}"
    return f"at least {low}" if high is None else f"from {low} to {high}"


def _check(field: dataclasses.Field[Any], value: Any, section: str) -> None:
    name = f"{section}.{field.name}"
    if get_origin(field.type) is Literal:
        if value not in get_args(field.type):
            raise ConfigError(f"{name} must be {describe_type(field)}; got {value!r}")
        return
    expected = get_origin(field.type) or field.type
    if type(value) is not expected and not (expected is float and type(value) is int):
        raise ConfigError(f"{name} must be {SAID[expected]}; got {value!r}")
    if field.type == tuple[str, ...] and not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{name} must be a list of texts; got {list(value)!r}")
    if field.metadata["unit"] == "duration" and (value or field.default):  # an empty default means no duration
        parse_duration(value, name)
    if field.metadata["unit"] == "duration ranges":
        for part in itertools.chain.from_iterable(map(split_range, value)):
            parse_duration(part, name)
    low, high = field.metadata["low"], field.metadata["high"]
    # negated comparisons, so that NaN is refused too
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise ConfigError(f"{name} must be {_say_span(field)}; got {value!r}")
