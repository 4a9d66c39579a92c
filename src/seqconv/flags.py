"""Flags of the command line that stand for settings of a recipe; help and ranges come from the settings."""

import dataclasses
from collections.abc import Mapping

from seqconv.config import TASKS
from seqconv.errors import ConfigError

FLAGS = {  # flag -> the setting it stands for
    "text": "data.text",
    "label": "data.label",
    "time": "data.time",
    "target": "data.target",
    "inputs": "data.inputs",
    "lookback": "windows.lookback",
    "step": "windows.step",
    "lead": "windows.leads",
    "calendar": "data.calendar",
    "interval": "data.interval",
    "time-zone": "data.zone",
    "header": "data.header",
    "validation": "data.validation_file",
    "test": "data.test_file",
}
Values = Mapping[str, str | bool | None]


def describe_flag(flag: str) -> str:
    """The help text of the setting that a flag stands for.

    >>> describe_flag("step")
    'time between the rows of a window'
    """
    section, _, name = FLAGS[flag].partition(".")
    for kinds in TASKS.values():
        for field in dataclasses.fields(kinds[section]) if section in kinds else ():  # type: ignore[arg-type]
            if field.name == name:
                return str(field.metadata["help"])
    raise KeyError(flag)


def tasks_of(flags: Values) -> list[str]:
    """The tasks that have all of these flags' settings.

    Raises:
        ConfigError: no task has them all.
    """
    given = [flag for flag, value in flags.items() if value]
    found = []
    for task, kinds in TASKS.items():
        known = {f"{section}.{name}" for section, kind in kinds.items() for name in kind.names()}
        if all(FLAGS[flag] in known for flag in given):
            found.append(task)
    if not found:
        names = " and ".join(f"--{flag}" for flag in given)
        raise ConfigError(f"{names} do not go together: each is for another kind of data. Leave some out")
    return found


def to_overrides(flags: Values) -> tuple[str, ...]:
    """Flags as `section.key=value` overrides; lists are apart by commas."""
    found = []
    for flag, value in flags.items():
        if isinstance(value, bool) and value:
            found.append(f"{FLAGS[flag]}=true")
        elif isinstance(value, str) and value:
            found.append(f"{FLAGS[flag]}={_to_toml(flag, value)}")
    return tuple(found)


def _to_toml(flag: str, value: str) -> str:
    if flag not in ("label", "target", "inputs", "lead"):
        return value
    names = (name.strip().replace("\\", "\\\\").replace('"', '\\"') for name in value.split(","))
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
