"""Durations in settings and reports."""

import math
import re

from seqconv.errors import ConfigError, OptionError

UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
CALENDAR_UNITS = {"mo": 1, "q": 3, "y": 12}  # in months
_COUNTED = r"bd|mo?|months?|q|quarters?|y|years?|rows?|steps?"  # what is counted in rows or by the calendar


def split_duration(text: str, name: str = "duration") -> tuple[float, str]:
    """The amount and the unit of a duration; no unit: rows. `bd` is a business day.

    >>> split_duration("12mo"), split_duration("1.5h"), split_duration("30")
    ((12.0, 'mo'), (1.5, 'h'), (30.0, ''))

    Raises:
        OptionError: not a number with one of the units, or with none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w|bd|mo|q|y|)", text.strip())
    if found is None:
        raise OptionError(
            f'{name} must be a number, of rows or with a unit (s, min, h, d, bd, w, mo, q, y), such as "10d"; '
            f"got {text!r}"
        )
    return float(found[1]), found[2]


def parse_duration(text: str, name: str = "duration") -> int:
    """Seconds in `"90min"`, `"24h"`, `"10d"`.

    >>> parse_duration("1h")
    3600

    Raises:
        ConfigError: not a number followed by s, min, h, d or w, or not a whole number of seconds.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)", text.strip())
    if found is None:
        counted = "lead" in name and re.fullmatch(rf"\d+\s*({_COUNTED}|)", text.strip(), re.IGNORECASE)
        cure = ". Use --horizon in its place for rows, months (mo) or business days (bd)" if counted else ""
        kind = ConfigError if "." in name else OptionError  # a setting, or an option
        raise kind(f'{name} must be a number with a unit (s, min, h, d, w), such as "10d"; got {text!r}{cure}')
    seconds = float(found[1]) * UNITS_S[found[2]]
    if not seconds.is_integer():
        raise ConfigError(f"{name} must be a whole number of seconds; got {text!r}")
    return int(seconds)


def parse_seconds(text: str, name: str = "duration") -> float:
    """Seconds in `"20ms"`, `"1.5s"`, `"10min"`.

    >>> parse_seconds("20ms")
    0.02

    Raises:
        ConfigError: not a number above 0 followed by ms, s, min, h, d or w.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|w)", text.strip())
    if found is None or not float(found[1]):
        raise ConfigError(f'{name} must be a number with a unit (ms, s, min, h, d, w), such as "20ms"; got {text!r}')
    return float(found[1]) / 1000 if found[2] == "ms" else float(found[1]) * UNITS_S[found[2]]


def show_seconds(seconds: float) -> str:
    """A duration in the largest unit that divides it, readable by `parse_seconds`.

    >>> show_seconds(0.02), show_seconds(90), show_seconds(3600.0)
    ('20ms', '90s', '1h')
    """
    return to_duration(int(seconds)) if seconds >= 1 and seconds == int(seconds) else f"{seconds * 1000:.10g}ms"


def split_range(text: str) -> list[str]:
    """The first and the last duration of a range, or the only one.

    >>> split_range("1h to 96h"), split_range("6h")
    (['1h', '96h'], ['6h'])
    """
    return text.split(" to ", 1)


def to_duration(seconds: int) -> str:
    """A duration in the largest unit that divides it, readable by `parse_duration`.

    >>> to_duration(7200), to_duration(90)
    ('2h', '90s')
    """
    unit = max((name for name, size in UNITS_S.items() if seconds % size == 0), key=lambda name: UNITS_S[name])
    return f"{seconds // UNITS_S[unit]}{unit}"


def show_duration(seconds: int) -> str:
    """A duration for people: from two days on days if whole, else hours, minutes or seconds: `"30 d"`, `"25 h"`."""
    if seconds >= 2 * UNITS_S["d"] and seconds % UNITS_S["d"] == 0:
        return f"{seconds // UNITS_S['d']} d"
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds} s"


def parse_budget(text: str, name: str = "budget") -> float:
    """Seconds in `"30s"`, `"5m"`, `"1.5h"`; infinity where there is no budget.

    >>> parse_budget("5m"), parse_budget("")
    (300.0, inf)

    Raises:
        ConfigError: not a number above 0 followed by s, m, min or h.
    """
    if not text:
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)", text.strip())
    if found is None or not float(found[1]):
        raise ConfigError(f"{name} must be a time with a unit (s, m, h), such as 30s or 5m; got {text!r}")
    return float(found[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600}[found[2]]
