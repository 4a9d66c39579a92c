"""Command-line flags for settings of a recipe; help and ranges come from the settings."""

import dataclasses
import functools
import re
from collections.abc import Mapping

from seqconv.recipes.sections import KINDS

FLAGS = {  # flag -> the setting it sets
    "text": "data.text",
    "label": "data.label",
    "weight": "data.weight",
    "group": "data.group",
    "split": "data.split",
    "time": "data.time",
    "target": "data.target",
    "columns": "data.columns",
    "inputs": "data.inputs",
    "id": "data.id",
    "horizon": "forecast.horizon",
    "known": "data.known",
    "past": "data.past",
    "static": "data.static",
    "holidays": "data.holidays",
    "frequency": "data.frequency",
    "duplicates": "data.duplicates",
    "fill": "data.fill",
    "lookback": "windows.lookback",
    "step": "windows.step",
    "lead": "windows.leads",
    "calendar": "data.calendar",
    "every": "data.interval",
    "time-zone": "data.zone",
    "header": "data.header",
    "validation": "data.validation_file",
    "test": "data.test_file",
    "unit": "text.unit",
    "model": "training.model",
    "class-weight": "training.class_weight",
    "threshold": "training.threshold",
    "positive": "training.positive",
    "epochs": "training.epochs",
    "coverage": "training.coverage",
    "quantiles": "training.quantiles",
    "metric": "training.metric",
    "budget": "training.budget",
    "refit": "training.refit",
    "seed": "training.seed",
}
METAVARS = {  # of flags whose value is not a column name
    **dict.fromkeys(("inputs", "id", "known", "past", "static"), "COLUMN,..."),
    "columns": "COLUMN,...|all",
    "horizon": "ROWS|TIME",
    "holidays": "COUNTRY",
    "frequency": "TIME",
    "duplicates": "sum|mean|first|last",
    "fill": "previous|linear|zero",
    **dict.fromkeys(("lookback", "step", "every"), "TIME"),
    "lead": "TIME,...",
    "time-zone": "ZONE",
    "header": "yes|no",
    **dict.fromkeys(("validation", "test"), "FILE"),
    "unit": "word|character|both",
    **dict.fromkeys(("model", "metric"), "NAME"),
    "class-weight": "balanced|CLASS=WEIGHT,...",
    "threshold": "f1|precision=P|recall=R|cost=FP:FN|known=F|P",
    "positive": "CLASS",
    "coverage": "FRACTION",
    "quantiles": "LEVEL,...",
    "budget": "30s|5m",
    **dict.fromkeys(("epochs", "seed"), "N"),
}
LISTS = ("label", "target", "columns", "inputs", "lead", "id", "known", "past", "static")
NUMBERS = ("quantiles",)  # lists of numbers
UNUSED = ("epochs", "coverage")  # settings of networks, which panels do not have
Flags = Mapping[str, str | bool]


def is_flag_of(flag: str, sections: tuple[str, ...], task: str) -> bool:
    """Whether a flag sets something in one of these sections (none: any) of a task (empty: any)."""
    section, _, name = FLAGS[flag].partition(".")
    if sections and section not in sections:
        return False
    own = KINDS[task].sections if task else {}
    return not task or (section in own and name in own[section].names() and name not in UNUSED)


def describe_flag(flag: str) -> str:
    """The help text of a flag, from its setting.

    >>> describe_flag("step"), describe_flag("label")
    ('Time between the rows of a window.', 'Label column, or several 0/1 columns. [default: detected]')
    """
    text, _, empty = str(_setting(flag).metadata["help"]).partition("; empty: ")
    return f"{capitalise(text)}." + (empty and f" [default: {empty}]")


def capitalise(text: str) -> str:
    """A sentence, from a help text that begins small."""
    return text[:1].upper() + text[1:]


def section_of(flag: str) -> str:
    """The section of a flag's setting."""
    return FLAGS[flag].partition(".")[0]


def default_of(flag: str) -> object:
    """The default of a flag's setting."""
    return _setting(flag).default


@functools.cache
def _setting(flag: str) -> "dataclasses.Field[object]":
    section, _, name = FLAGS[flag].partition(".")
    sections = [kind.sections[section] for kind in KINDS.values() if section in kind.sections]
    fields = (field for kind in sections for field in dataclasses.fields(kind))  # type: ignore[arg-type]
    return next(field for field in fields if field.name == name)


def to_overrides(flags: Flags) -> tuple[str, ...]:
    """Flags as `section.key=value` overrides; list values are separated by commas."""
    found = []
    for flag, value in flags.items():
        if isinstance(value, bool) and value:
            found.append(f"{FLAGS[flag]}=true")
        elif isinstance(value, str) and value:
            found.append(f"{FLAGS[flag]}={_to_toml(flag, value)}")
    return tuple(found)


def _to_toml(flag: str, value: str) -> str:
    if flag in NUMBERS:
        return f"[{value}]"
    if flag not in LISTS:
        return value
    names = (name.strip().replace("\\", "\\\\").replace('"', '\\"') for name in value.split(","))
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def name_flags(message: str, flags: Flags) -> str:
    """A message in which settings have the names of the flags that were typed.

    >>> name_flags("windows.leads must be ascending", {"lead": "2h,1h", "step": ""})
    '--lead must be ascending'
    """
    for flag, value in flags.items():
        if value:
            message = re.sub(rf"\b{re.escape(FLAGS[flag])}\b", f"--{flag}", message)
    return message
