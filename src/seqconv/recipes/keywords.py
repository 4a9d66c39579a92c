"""Settings as keyword arguments: a name without its section, and a value of Python's."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, get_origin

from seqconv.errors import OptionError, nearest
from seqconv.recipes.recipe import tables_to_toml
from seqconv.recipes.sections import KINDS
from seqconv.recipes.settings import describe_type

FORMER = {"lead": "windows.leads", "every": "data.interval"}  # as the command line calls them
FILES = {"test": "data.test_file", "validation": "data.validation_file"}  # where the value is no fraction
Field = dataclasses.Field[Any]


def write_overrides(settings: Mapping[str, Any], others: Iterable[str] = ()) -> tuple[str, ...]:
    """Keyword arguments as `section.key=value` overrides; None is no value.

    Args:
        settings: by name, such as `epochs`, or by section and name, such as `training.epochs`.
        others: further keyword arguments of the caller, for hints.

    Raises:
        OptionError: no such setting, one of several, or a value that is none.

    >>> write_overrides({"epochs": 4, "target": "sales", "lookback": "2d"})
    ('training.epochs=4', 'data.target=["sales"]', 'windows.lookback=2d')
    """
    known = _list_settings()
    given = {name: value for name, value in settings.items() if value is not None}
    return tuple(_write(*_find(name, value, known, others), name, value) for name, value in given.items())


def _list_settings() -> dict[str, list[Field]]:
    """The fields of each setting, which several tasks may have, by section and name; layers are no setting."""
    found: dict[str, list[Field]] = {}
    for kind in KINDS.values():
        for section, settings in kind.sections.items():
            for field in dataclasses.fields(settings):  # type: ignore[arg-type]
                found.setdefault(f"{section}.{field.name}", []).append(field)
    del found["network.layers"], found["data.source"]
    return found


def _find(name: str, value: Any, known: Mapping[str, list[Field]], others: Iterable[str]) -> tuple[str, Field]:
    """The setting that a name means, and its field."""
    name = FILES[name] if name in FILES and not isinstance(value, int | float) else FORMER.get(name, name)
    paths = [path for path in known if name in (path, path.partition(".")[2])]
    if len(paths) > 1:  # of several tasks, with values of different types
        paths = [path for path in paths if any(field.type is type(value) for field in known[path])]
    if len(paths) == 1:
        return paths[0], known[paths[0]][0]
    if paths := [path for path in known if path.endswith(f".{name}")]:
        fields = [known[path][0] for path in paths]
        choice = " or ".join(f"{describe_type(field)} ({field.metadata['help']})" for field in fields)
        raise OptionError(f"{name} must be {choice}; got {value!r:.60}. Correct it")
    names = [*others, *FORMER, *(path.partition(".")[2] for path in known)]
    raise OptionError(f"{name}: unknown setting. {nearest(name, dict.fromkeys(names))}")


def _write(path: str, field: Field, name: str, value: Any) -> str:
    value = str(value) if isinstance(value, PurePath) else value
    if isinstance(value, Mapping):  # such as weights of classes
        value = ",".join(f"{key}={each}" for key, each in value.items())
    if field.type is str:
        return f"{path}={value}"
    if get_origin(field.type) is tuple:
        value = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    try:
        return f"{path}={_to_toml(value)}"
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} must be a number, a text, or a list of them; got {value!r:.60}") from error


def _to_toml(value: Any) -> str:
    """On one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_to_toml, value))}]"
    return tables_to_toml({"": value.item() if hasattr(value, "item") else value}).partition(" = ")[2].strip()
