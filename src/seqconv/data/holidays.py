"""Public holidays of a country or region, by the package `holidays`."""

from typing import Any

import numpy as np

from seqconv.errors import OptionError, nearest, need


def find_holidays(place: str, first: np.datetime64, last: np.datetime64) -> np.ndarray:
    """The holidays from the year of one day to that of another, datetime64[D], ascending.

    Args:
        place: a country, or a region of it: `DE`, `DE-BY`, `US-CA`.

    Raises:
        OptionError: an unknown place.
        MissingExtra: the package `holidays` is not installed.
    """
    holidays: Any = need("holidays", "holidays")
    country, _, region = place.partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise OptionError(f"holidays: unknown country {country!r}. {nearest(country, known)}")
    if region and region not in known[country]:
        raise OptionError(f"holidays: unknown region {region!r} of {country}. {nearest(region, known[country])}")
    years = range(int(str(first)[:4]), int(str(last)[:4]) + 1)
    days = holidays.country_holidays(country, subdiv=region or None, years=years)
    return np.array(sorted(days), "datetime64[D]")
