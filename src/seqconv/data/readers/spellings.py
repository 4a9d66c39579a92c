"""Dates written with names of months, as quarters or as weeks, and clocks like `1 p.m.` -> `2020-01-31 13:00`."""

import re
import unicodedata
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

# in English, German, French, Spanish, Portuguese, Italian and Dutch, without accents
_MONTHS = (
    "january januar jaenner janner janvier enero janeiro gennaio januari",
    "february februar feber fevrier febrero fevereiro febbraio februari",
    "march marz maerz mrz mars marzo marco maart mrt",
    "april avril abril aprile",
    "may mai mayo maio maggio mei",
    "june juni juin junio junho giugno",
    "july juli juillet julio julho luglio",
    "august aout agosto augustus",
    "september septembre septiembre setiembre setembro settembre",
    "october oktober octobre octubre outubro ottobre",
    "november novembre noviembre novembro",
    "december dezember decembre diciembre dezembro dicembre",
)
_QUARTERS = "q qtr quarter quartal t trim trimestre trimester kwartaal"
_HALVES = "h half halbjahr semester semestre"
_WEEKS = "w wk week kw woche kalenderwoche semaine semana settimana"
_MONTHS_OF = dict.fromkeys(_QUARTERS.split(), 3) | dict.fromkeys(_HALVES.split(), 6) | {"m": 1}
# 1st of January, 1er janvier, 1º de enero, Wed, 1 Jan
_SKIPPED = re.compile(r"of|the|del?|st|nd|rd|th|er|o|(mon|tues?|wed(nes)?|thu(rs?)?|fri|sat(ur)?|sun)(day)?")

_CLOCK = r"((?:T|,? +)\d{1,2}(?::\d\d.*| ?[AaPp]\.?[Mm]\.?))$"  # the time of day after a date
# 01.01.2021 00:00 - 01.01.2021 01:00: the step that begins there
_SPAN = r"^(.{8,22}\d) [-\u2013] ((?:\d+[-./]){2}\d.*)$"
_HALF = re.compile(r"(\d{1,2})(:\d\d[\d:.]*)? ?([AaPp])\.?[Mm]\.?")
_DATE = re.compile(r"[\w\s.,/:'\u2019\u2013-]{4,40}")
_PIVOT = 69  # years of two digits are from 1969 to 2068, as POSIX has it


def respell(cells: "polars.Series") -> "polars.Series":
    """Times `[T]` with their dates in ISO 8601 as far as they are known; other cells as they are."""
    import polars

    cells = cells.str.replace(_SPAN, "$1")
    clocks = cells.str.extract(_CLOCK).fill_null("")
    dates = cells.str.strip_suffix(clocks)
    parts = []
    for part, change in ((dates, _to_iso), (clocks, _to_clock)):
        known = part.unique()
        changed = polars.Series([change(each) for each in known], dtype=polars.String)
        parts.append(part.replace_strict(known, changed))
    return (parts[0] + parts[1]).alias(cells.name)


def respell_cell(cell: str) -> str:
    """The same for one cell.

    >>> respell_cell("Q2 2020"), respell_cell("2020-W05"), respell_cell("1. März 2020, 1 p.m."), respell_cell("Jan-20")
    ('2020-04-01', '2020-01-27', '2020-03-01 1:00 PM', '2020-01-01')
    """
    if cell.endswith("\n"):  # before which Python's $ matches, and that of polars does not
        return _to_iso(cell)
    cell = re.sub(_SPAN, r"\1", cell)
    found = re.search(_CLOCK, cell)
    clock = found[1] if found else ""
    return _to_iso(cell.removesuffix(clock)) + _to_clock(clock)


def _to_clock(text: str) -> str:
    clock = text.lstrip("T, ")
    found = _HALF.fullmatch(clock)
    if found:
        clock = f"{found[1]}{found[2] or ':00'} {found[3].upper()}M"
    return clock and " " + clock


def find_month(name: str) -> int:
    """The number of a month, from its name or an abbreviation of it; 0: it is none.

    >>> find_month("Januar"), find_month("févr."), find_month("week")
    (1, 2, 0)
    """
    return _find_named_month(_to_plain(name).strip(" ."))


def _to_plain(text: str) -> str:
    """In lower case, without accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(each))


def _to_iso(text: str) -> str:
    """A date as `2020-01-31`, the first day of a longer period; the text itself if it is not such a date."""
    plain = _to_plain(text)
    if not _DATE.fullmatch(plain):
        return text
    words = [word for word in re.findall(r"[a-z]+|\d+", plain) if not _SKIPPED.fullmatch(word)]
    names = [word for word in words if not word.isdigit()]
    shape = "".join("#" if word.isdigit() else "a" for word in words)
    joined = re.search(r"[^\s\d]\d\d$", plain) is not None  # Jan-20, but Jan 20 may be a day
    try:
        found = _read_date(words, shape, names[0] if names else "", joined)
    except ValueError:  # no such month, day or week
        return text
    return found.isoformat() if found else text


def _read_date(words: list[str], shape: str, name: str, joined: bool) -> date | None:
    month = _find_named_month(name)
    numbers = [int(word) for word in words if word.isdigit()]
    sizes = [len(word) for word in words if word.isdigit()]
    if shape == "##" and max(sizes) == 4 and min(sizes) < 3:  # 2020-1, 01/2020
        return date(max(numbers), min(numbers), 1)
    if month:
        return _read_named(month, shape, numbers, sizes, joined)
    if name in _MONTHS_OF or name in _WEEKS.split():
        return _read_period(name, shape, numbers, sizes)
    return None


def _read_named(month: int, shape: str, numbers: list[int], sizes: list[int], joined: bool) -> date | None:
    first, last = (_to_year(numbers[at], sizes[at]) if numbers else 0 for at in (0, -1))
    if shape in ("a#", "#a") and (sizes == [4] or (shape == "a#" and sizes == [2] and joined)):
        return date(first, month, 1)
    if shape == "#a#" and sizes[0] < 3 and sizes[1] in (2, 4):
        return date(last, month, numbers[0])
    if shape == "a##" and sizes[0] < 3 and (sizes[1] == 4 or (sizes[1] == 2 and joined)):
        return date(last, month, numbers[0])
    if shape == "#a#" and sizes[0] == 4 and sizes[1] < 3:
        return date(first, month, numbers[1])
    return None


def _read_period(name: str, shape: str, numbers: list[int], sizes: list[int]) -> date | None:
    """2020Q1 and 2020-W05-1 if the year is first, else Q1 2020 and 1Q20."""
    if shape in ("#a#", "#a##") and sizes[0] == 4:
        year, rest, width = numbers[0], numbers[1:], sizes[1]
    elif shape in ("a##", "#a#") and (sizes[1] == 4 or (sizes[1] == 2 and name in _QUARTERS.split())):
        year, rest, width = _to_year(numbers[1], sizes[1]), numbers[:1], sizes[0]
    else:
        return None
    if name in _MONTHS_OF:
        return date(year, 1 + _MONTHS_OF[name] * (rest[0] - 1), 1) if len(rest) == 1 and width < 3 else None
    if width == 3 and len(rest) == 1:  # 2020W051
        rest = [rest[0] // 10, rest[0] % 10]
    return date.fromisocalendar(year, rest[0], rest[1] if rest[1:] else 1)


def _to_year(number: int, digits: int) -> int:
    return number if digits != 2 else number + (2000 if number < _PIVOT else 1900)


@cache
def _find_named_month(word: str) -> int:
    """The month whose names alone begin with these three or more letters; 0: none."""
    found = {number for number, names in enumerate(_MONTHS, 1) for name in names.split() if name.startswith(word)}
    return found.pop() if len(found) == 1 and len(word) > 2 else 0
