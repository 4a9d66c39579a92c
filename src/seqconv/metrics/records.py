"""Records of results: frozen dataclasses that are written as JSON and read back."""

import dataclasses
import math
import types
import typing
import warnings
from typing import Any, ClassVar, NamedTuple, Self

Json = dict[str, Any]


class Bounds(NamedTuple):
    """The range of a number, in the type of a field: `Annotated[int, Bounds(1, 9)]`; NaN and infinity lie in none."""

    low: float
    high: float


class Record:
    """What a frozen dataclass inherits to become a JSON object and back.

    A field is a key of the same name, without the underscore at the end that keeps it from being a keyword. A field
    that is None by default has no key while it is None; one that does not count when records are compared has none at
    all. JSON has neither NaN nor infinity: both become null, and null where a number belongs is read as NaN.

    Attributes:
        closed: a key that is no field is refused, not ignored.
        former: the names in 0.1.0 of keys, which are also read, and written for one version more.
    """

    closed: ClassVar[bool] = False
    former: ClassVar[dict[str, str]] = {}

    def to_dict(self) -> Json:
        """What JSON holds of it."""
        found: Json = _write_record(self)
        return found | {former: found[key] for key, former in self.former.items() if key in found}

    @classmethod
    def from_dict(cls, table: Any) -> Self:
        """The record that `to_dict` wrote. The messages of all errors begin with the name of the field.

        Raises:
            TypeError: a value of another type.
            KeyError: a key is missing.
            ValueError: a number out of its range, or a key that is no field of a closed record.
        """
        found: Self = _read_record(cls, table)
        return found

    def __getitem__(self, key: str) -> Any:
        """What JSON holds under a key: in 0.1.0 results were dictionaries, and one version more they read as such."""
        value = self.to_dict()[key]
        what = f"results[{key!r}] is deprecated and will go: use results.{self._locate(key)}, or results.to_dict()"
        warnings.warn(what, DeprecationWarning, stacklevel=2)
        return value

    def __contains__(self, key: object) -> bool:
        """Whether JSON has a key, as `in` said of the dictionaries of 0.1.0."""
        what = "`in` results is deprecated and will go: compare an attribute with None, or ask results.to_dict()"
        warnings.warn(what, DeprecationWarning, stacklevel=2)
        return key in self.to_dict()

    __iter__ = None  # else loops would try the keys 0, 1, 2, ...

    def _locate(self, key: str) -> str:
        """The attribute that a key stands for."""
        key = next((now for now, former in self.former.items() if former == key), key)
        return next(each.name for each in _fields(self) if _key(each) == key)


def _fields(record: Any) -> "list[dataclasses.Field[Any]]":
    return [each for each in dataclasses.fields(record) if each.compare]


def _key(field: "dataclasses.Field[Any]") -> str:
    return field.name.removesuffix("_")


def _write_record(record: Any) -> Json:
    values = ((each, getattr(record, each.name)) for each in _fields(record))
    return {_key(each): _write(value) for each, value in values if value is not None or each.default is not None}


def _write(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()  # which a record may write in its own way
    if dataclasses.is_dataclass(value):
        return _write_record(value)
    if isinstance(value, dict):
        return {name: _write(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_write(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read_record(kind: Any, table: Any) -> Any:
    kinds, table = typing.get_type_hints(kind, include_extras=True), _check(table, dict)
    former = getattr(kind, "former", {}).items()
    table = {key: table[name] for key, name in former if name in table} | table
    needed = {_key(each): each for each in _fields(kind)}
    for key in table.keys() - needed.keys() if getattr(kind, "closed", False) else ():
        raise ValueError(f".{key:.40} is no field of this format")
    for key, each in needed.items():
        if key not in table and each.default is dataclasses.MISSING:
            raise KeyError(f".{key} is missing")
    return kind(
        **{
            each.name: _read_part(f".{key}", kinds[each.name], table[key])
            for key, each in needed.items()
            if key in table
        }
    )


def _read_part(name: str, kind: Any, value: Any) -> Any:
    """A value inside another one; the message of an error names both."""
    try:
        return _read(kind, value)
    except (KeyError, TypeError, ValueError) as error:
        raise type(error)(f"{name}{error.args[0]}") from None


def _read(kind: Any, value: Any) -> Any:
    """A value of this type, of what `_write` made of it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is typing.Annotated:
        return _check_bounds(_read(parts[0], value), parts[1])
    if origin in (types.UnionType, typing.Union):
        return _read_one(parts, value)
    if origin is dict:
        return {name: _read_part(f"[{name!r:.40}]", parts[1], each) for name, each in _check(value, dict).items()}
    if origin in (list, tuple):
        return origin(_read_part(f"[{place}]", parts[0], each) for place, each in enumerate(_check(value, list)))
    if dataclasses.is_dataclass(kind):
        return _read_record(kind, value)
    if kind is float:
        return math.nan if value is None else _check(value, int | float)
    return _check(value, kind)


def _read_one(kinds: tuple[Any, ...], value: Any) -> Any:
    """A value of the first of these types that it may be of."""
    problems = []
    for kind in kinds:
        try:
            return _read(kind, value)
        except (KeyError, TypeError) as problem:
            problems.append(problem)
    raise problems[0]


def _check(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f" must be {getattr(kind, '__name__', kind)}; got {value!r:.40}")
    return value


def _check_bounds(value: Any, bounds: Bounds) -> Any:
    if not bounds.low <= value <= bounds.high or not math.isfinite(value):
        raise ValueError(f" must be from {bounds.low:g} to {bounds.high:g}; got {value!r:.40}")
    return value
