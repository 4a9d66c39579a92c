"""The calendar as numbers: the position of a time within the day, the week and the year.

Networks and baselines share one definition of a year: the mean length of 365.2425 days, counted from the start of 2001,
which has no jumps. Baselines saved by version 0.1.0 read the calendar year divided by 365 days instead.
"""

import numpy as np

from seqconv.data.frequency import DAY_S, WEEK_S

CALENDAR = ("day", "week", "year")  # periods of the calendar inputs
FORMER_YEAR = "calendar year"  # read by baselines of 0.1.0
CALENDAR_S = {"day": float(DAY_S), "week": float(WEEK_S), "year": 365.2425 * DAY_S}
MONDAY = np.datetime64("2001-01-01T00:00:00")  # the start of a week, a year and a day
YEAR = np.timedelta64(365, "D")


def read_calendar(times: np.ndarray, periods: tuple[str, ...]) -> np.ndarray:
    """Sine and cosine of the position in each period, float64 `[T, 2 * periods]`, for stamps datetime64[s] `[T]`."""
    angles = [_read_angle(times, name) for name in periods]
    return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)


def _read_angle(times: np.ndarray, period: str) -> np.ndarray:
    seconds = (times - MONDAY).astype("timedelta64[s]").astype(np.float64)
    return np.asarray(2 * np.pi * (seconds % CALENDAR_S[period]) / CALENDAR_S[period])


def read_phases(times: np.ndarray, periods: tuple[str, ...]) -> np.ndarray:
    """The same for baselines, which also support `FORMER_YEAR`; rounded as in 0.1.0, because trees compare exactly."""
    places = {
        "day": (times - times.astype("datetime64[D]")) / np.timedelta64(DAY_S, "s"),
        "week": (times - MONDAY) / np.timedelta64(WEEK_S, "s") % 1,
        FORMER_YEAR: (times - times.astype("datetime64[Y]")) / YEAR,
        "year": (times - MONDAY) / np.timedelta64(1, "s") / CALENDAR_S["year"] % 1,
    }
    return np.stack([wave(2 * np.pi * places[name]) for name in periods for wave in (np.sin, np.cos)], axis=1)
