"""Bootstrap intervals of statistics that are functions of sums over rows, as means, ratios and F1 are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from seqconv.metrics.records import Record

RESAMPLES = 2000
FEWEST_BLOCKS = 10
BOUNDS = (0.025, 0.975)
Z = 1.959964  # the normal quantile of the upper end
MOST_GROUPS = 10_000  # drawn one by one; more rows are drawn in random groups
MOST_DRAWN = 1_000_000  # at once
MOST_DISTINCT = 64  # different rows that are drawn by how often each comes

Sums = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Estimate(Record):
    """A statistic and the bounds of its 95 % interval; NaN where it is not defined or the rows cannot tell."""

    value: float
    low: float
    high: float

    def show(self) -> list[str]:
        """The value and the interval as two cells."""
        return [f"{self.value:.4g}", f"{self.low:.4g} to {self.high:.4g}"]


class Bootstrap:
    """Sums of named columns over all rows and over each resample; all statistics share the resamples.

    Neighbouring rows of a series are alike, so its rows are drawn in blocks of neighbours; the end is joined to the
    start, so that every row is drawn equally often.

    Reference: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13 (percentiles); Kunsch 1989,
    Annals of Statistics 17, 1217-1241 (blocks); Politis and Romano 1992 (joined ends).
    """

    def __init__(self, columns: Mapping[str, np.ndarray], block: int = 1, seed: int = 0) -> None:
        """Draw the resamples.

        Args:
            columns: `[N]` or `[N, K]` each; `rows`, which counts the rows, is added.
            block: rows drawn together; 1 for independent rows. Fewer than 10 blocks give no interval.
        """
        count, self.block = len(next(iter(columns.values()))), block
        parts = {name: np.asarray(part, np.float64) for name, part in columns.items()} | {"rows": np.ones(count)}
        table = np.concatenate([part.reshape(count, -1) for part in parts.values()], axis=1)
        self.whole = _split_columns(table.sum(axis=0)[None], parts)
        self.resampled: Sums | None = None
        if count >= FEWEST_BLOCKS * block:
            self.resampled = _split_columns(resample_sums(table, block, np.random.default_rng(seed)), parts)

    def estimate(self, statistic: Callable[[Sums], np.ndarray]) -> Estimate:
        """Of a statistic of sums, `[R]` or `[R, K]` each, that returns `[R]`."""
        return self.estimate_each(lambda sums: statistic(sums)[:, None])[0]

    def estimate_each(self, statistic: Callable[[Sums], np.ndarray]) -> list[Estimate]:
        """Of several statistics at once: `[R, S]`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = statistic(self.whole)[0]
            if self.resampled is None:
                return [Estimate(float(value), np.nan, np.nan) for value in values]
            resampled = statistic(self.resampled)
        return [find_ends(float(value), others) for value, others in zip(values, resampled.T, strict=True)]

    def estimate_fraction(self, part: Callable[[Sums], np.ndarray], whole: Callable[[Sums], np.ndarray]) -> Estimate:
        """Of a fraction of what is counted: `part` of `whole`, `[R]` each; see `fill_flat`."""
        return self.estimate_fractions(lambda sums: part(sums)[:, None], lambda sums: whole(sums)[:, None])[0]

    def estimate_fractions(
        self, part: Callable[[Sums], np.ndarray], whole: Callable[[Sums], np.ndarray]
    ) -> list[Estimate]:
        """Of several at once: `[R, S]` each, or `[R, 1]` for a whole that they share."""
        found = self.estimate_each(lambda sums: part(sums) / whole(sums))
        counts = np.broadcast_to(whole(self.whole)[0] / self.block, len(found))
        return [fill_flat(each, float(count)) for each, count in zip(found, counts, strict=True)]


def fill_flat(found: Estimate, count: float) -> Estimate:
    """A fraction of `count` independent things, with Wilson's interval where all resamples agree.

    They do where all rows are right, or none: drawn again, they always are. New rows need not be.

    Reference: Wilson 1927, Journal of the American Statistical Association 22, 209-212.

    >>> round(fill_flat(Estimate(1.0, 1.0, 1.0), 113).low, 3)
    0.967
    """
    if found.low != found.high or not count:
        return found
    wide = Z**2 / count
    centre = (found.value + wide / 2) / (1 + wide)
    half = np.sqrt(found.value * (1 - found.value) * wide + wide**2 / 4) / (1 + wide)
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Estimate(found.value, min(low, found.value), max(high, found.value))


def _split_columns(sums: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found, first = {}, 0
    for name, part in parts.items():
        width = 1 if part.ndim == 1 else part.shape[1]
        found[name] = sums[:, first] if part.ndim == 1 else sums[:, first : first + width]
        first += width
    return found


def find_ends(value: float, resampled: np.ndarray) -> Estimate:
    """Percentiles of the resamples in which the statistic is defined."""
    ordered = np.sort(resampled[~np.isnan(resampled)])
    if np.isnan(value) or not len(ordered):
        return Estimate(value, np.nan, np.nan)
    # picked, not interpolated: infinities stay what they are
    low, high = (float(ordered[round(each * (len(ordered) - 1))]) for each in BOUNDS)
    return Estimate(value, low, high)


def resample_sums(rows: np.ndarray, block: int, generator: np.random.Generator) -> np.ndarray:
    """Sums of each resample, `[RESAMPLES, K]`, of rows `[N, K]`; see `Bootstrap`."""
    count = len(rows)
    if block == 1:
        return _resample_alone(rows, generator)
    joined = np.concatenate([np.zeros((1, rows.shape[1])), rows, rows[: block - 1]]).cumsum(axis=0)
    totals = joined[block:] - joined[:-block]  # [N, K]: the block that starts at each row
    blocks = round(count / block)
    return np.stack([totals[generator.integers(0, count, blocks)].sum(axis=0) for _ in range(RESAMPLES)])


def _resample_alone(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    distinct, times = np.unique(rows, axis=0, return_counts=True)
    if len(distinct) <= MOST_DISTINCT:
        # drawing rows = drawing how often each distinct row comes: four of them for right and wrong of two
        return np.asarray(generator.multinomial(times.sum(), times / times.sum(), RESAMPLES) @ distinct)
    if len(rows) > MOST_GROUPS:
        # sums of random groups of rows, drawn as rows are, vary as much in total
        starts = np.linspace(0, len(rows), MOST_GROUPS, endpoint=False).astype(np.int64)
        rows = np.add.reduceat(rows[generator.permutation(len(rows))], starts, axis=0)
    count = len(rows)
    several = max(1, min(MOST_DRAWN // count, RESAMPLES))
    found = []
    for first in range(0, RESAMPLES, several):
        own = np.arange(min(several, RESAMPLES - first)) * count
        drawn = generator.integers(0, count, (len(own), count)) + own[:, None]
        found.append(np.bincount(drawn.ravel(), minlength=len(own) * count).reshape(-1, count) @ rows)
    return np.concatenate(found)


def paired_interval(
    network_errors: np.ndarray, baseline_errors: np.ndarray, block: int, seed: int
) -> tuple[float, float, float]:
    """How much smaller the network's mean error is than a baseline's on the same rows, with a 95 % interval.

    Bootstrap of 1 - mean(network) / mean(baseline), both resampled together. Neighbouring rows of a series err
    alike, so rows are drawn in blocks of neighbours; the end is joined to the start, so that every row is drawn
    equally often.

    Args:
        network_errors, baseline_errors: `[N]`, row by row of the same examples, at least 0.
        block: rows drawn together; 1 for independent examples.

    Returns:
        Relative improvement, low and high end (0.07: 7 % smaller; negative: larger). Fewer than 10 blocks say
        too little: the bounds are then minus and plus infinity. Against a baseline without error the improvement is
        0 if the network makes none either, else minus infinity.

    Reference: Kunsch 1989, Annals of Statistics 17, 1217-1241 (blocks); Politis and Romano 1992, "A circular
    block-resampling procedure for stationary data" (joined ends); Efron and Tibshirani 1993, chapter 13 (percentiles).
    """
    errors = np.stack([network_errors, baseline_errors], axis=1).astype(np.float64)  # [N, 2]
    improvement = float(_improvement(errors.sum(axis=0)[None])[0])
    if len(errors) < FEWEST_BLOCKS * block:
        return improvement, -np.inf, np.inf
    sums = resample_sums(errors, block, np.random.default_rng(seed))
    # picked, not interpolated: infinities stay what they are
    ordered = np.sort(_improvement(sums))
    low, high = (ordered[round(each * (RESAMPLES - 1))] for each in BOUNDS)
    return improvement, float(low), float(high)


def _improvement(sums: np.ndarray) -> np.ndarray:
    network, baseline = sums[:, 0], sums[:, 1]
    without_error = np.where(network > 0, -np.inf, 0.0)
    ratio = network / np.where(baseline > 0, baseline, 1.0)
    return np.where(baseline > 0, 1 - ratio, without_error)
