"""The strongest periods of a series."""

import math
from typing import NamedTuple

import numpy as np

FEWEST = 3  # repetitions of a period that the series must contain
CHANCE = 0.01  # probability that noise without any period shows one
AROUND = 1.5  # frequencies within that factor of a peak are its neighbourhood
SMALLEST = 0.005  # fraction of the variance below which a period is not reported
HARMONICS = (
    2,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
    11,
    12,
)  # a period divided by these is a harmonic of it; a seventh is not: day and week
MOST_ROWS = 2**18  # newest rows examined
MOST_GAPS = 4  # even steps for each row at which a series is still laid on them


class Period(NamedTuple):
    """A period in rows, and the fraction of the variance around the trend at its frequency (0 to 1)."""

    rows: int
    fraction: float


def find_periods(values: np.ndarray, most: int = 3) -> list[Period]:
    """The strongest periods of a series `[T]`, the strongest first; missing values (NaN) are set to the trend.

    A period is a peak of the periodogram that noise would hardly reach: the power of noise is exponentially
    distributed with a scale that varies slowly with the frequency, estimated by the median around the peak.

    Reference: Fisher 1929, "Tests of significance in harmonic analysis" (the peak against all others); here against
    the median around it, because the power of most series falls with the frequency.
    """
    series = np.asarray(values[-MOST_ROWS:], np.float64)
    known = ~np.isnan(series)
    if known.sum() < 4 * FEWEST:
        return []
    place = np.arange(len(series))
    slope, level = np.polyfit(place[known], series[known], 1)
    centred = np.where(known, series - slope * place - level, 0.0)
    if np.abs(centred).max() <= 1e-9 * np.abs(series[known]).max():  # a straight line, up to rounding
        return []
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that no model takes, as it says later
        power = np.abs(np.fft.rfft(centred * np.hanning(len(series)))) ** 2
    found: list[Period] = []
    for peak in _find_peaks(power):
        rows, fraction = round(len(series) / peak), float(power[peak - 1 : peak + 2].sum() / power.sum())
        if fraction >= SMALLEST and not any(_is_redundant(rows, period.rows) for period in found):
            found.append(Period(rows, fraction))
    return found[:most]


def lay_on_grid(times: np.ndarray, values: np.ndarray, interval_s: int) -> np.ndarray:
    """The values `[T]` at even steps, NaN where a row is missing; as they are where the times are too uneven for that.

    Args:
        times: datetime64[s] `[T]`, not falling.
    """
    steps = (times - times[:1]).astype(np.int64) // interval_s
    if not len(steps) or steps[-1] >= MOST_GAPS * len(values):
        return values
    laid = np.full(int(steps[-1]) + 1, np.nan)
    laid[steps] = values
    return laid


def _find_peaks(power: np.ndarray) -> list[int]:
    """Indices of the significant peaks, the highest first."""
    last = len(power) - 1
    tallest = power[2:-1]
    peaks = 2 + np.flatnonzero((tallest >= power[1:-2]) & (tallest > power[3:]))
    needed = math.log2(max(last, 2) / CHANCE)
    chosen = []
    for peak in peaks[np.argsort(-power[peaks], kind="stable")][:200].tolist():
        around = power[max(1, math.floor(peak / AROUND) - 2) : math.ceil(peak * AROUND) + 3]
        if peak >= FEWEST and power[peak] > needed * np.median(around):
            chosen.append(peak)
    return chosen


def _is_redundant(rows: int, other: int) -> bool:
    """Whether it is the other period or one of its harmonics."""
    near = max(1, round(0.1 * other))
    return any(abs(rows * part - other) <= max(near, part // 2) for part in (1, *HARMONICS))
