"""Layers that read ids."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqconv.networks.inputs import UNKNOWN
from seqconv.networks.layers.base import IDS, Field, Layer, Shape
from seqconv.networks.layers.settings import Factor, Outputs, Rows, Size
from seqconv.networks.layers.weights import Weight, ones, uniform, zeros


@dataclass(frozen=True)
class ReadsIds(Layer, family=True):
    """A layer with a table that has a row for each of `rows` ids, and perhaps more.

    `silent` is the row that stands in for those that storage leaves out; None: they are zero.
    """

    rows: Rows
    reads = IDS
    must_lead = "reads ids"
    silent: ClassVar[int | None] = UNKNOWN

    @abstractmethod
    def row_sizes(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Magnitude of each row of the by-id arrays, float64 `[rows]`; 0 for rows that storage leaves out."""

    def silent_row(self, table: np.ndarray) -> np.ndarray:
        """The content of the rows that storage leaves out, in the shape of `table[0]`."""
        return np.zeros_like(table[0]) if self.silent is None else np.asarray(table[self.silent])


class _Words(ReadsIds, family=True):
    """A single table by word; words that storage leaves out read as the unknown word."""

    def row_sizes(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Norms of the rows minus that of the unknown word."""
        (table,) = arrays
        return np.asarray(np.linalg.norm((table - self.silent_row(table)).reshape(len(table), -1), axis=1), np.float64)


@dataclass(frozen=True)
class Embed(_Words):
    """Row `id` of a table: ids `[B, L]` -> `[B, L, width]`. Starts uniform in ±0.05."""

    width: Size

    def weights(self) -> dict[str, Weight]:
        """The table."""
        return {"embeddings": Weight((self.rows, self.width), uniform(0.05), by_id=True)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(L, width)`."""
        return (shape[0], self.width)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """The same."""
        return field

    def multiply_adds(self, shape: Shape) -> int:
        """A look-up costs none."""
        return 0

    def details(self) -> list[str]:
        """Rows and width."""
        return [str(self.rows), str(self.width)]


@dataclass(frozen=True)
class TokenConv(_Words):
    """1D convolution over one-hot ids: y[t] = bias + sum_k table[x[t + k], k], ids `[B, L]` -> `[B, L', filters]`.

    `L' = L - kernel + 1`; an input shorter than the kernel is padded on the left with padding ids (0) and gives one
    step. The padding id has rows in the table like any other. The table starts uniform in ±0.01.

    Reference: Johnson and Zhang 2015, arXiv:1412.1058.
    """

    filters: Size
    kernel: Size
    activates = True

    def weights(self) -> dict[str, Weight]:
        """Table, with a value for each id, tap and filter, and bias."""
        table = Weight((self.rows, self.kernel, self.filters), uniform(0.01), by_id=True)
        return {"table": table, "bias": Weight((self.filters,), zeros)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(L', filters)`."""
        return (max(shape[0] - self.kernel + 1, 1), self.filters)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """`kernel` steps."""
        return field.widen(self.kernel)

    def multiply_adds(self, shape: Shape) -> int:
        """One addition for every step, tap and filter."""
        return self.shape_after(shape)[0] * self.kernel * self.filters

    def details(self) -> list[str]:
        """Filters and kernel."""
        return [str(self.filters), str(self.kernel)]


MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio. Reference: Knuth, TAOCP 3, section 6.4


@dataclass(frozen=True)
class NgramBag(ReadsIds):
    """A linear layer on the words and n-grams of a text: ids `[B, L]` -> `[B, outputs]`.

    Over the distinct features f of a text: y = gain * sum_f scale[f] table[f] / sqrt(sum_f scale[f]^2), or 0 for a text
    without any. Features are its ids except padding (0), in rows 0 to `rows` - 1, and all n-grams of 2 to `longest` ids
    without padding, hashed to one of the `buckets` rows after those: start with h = id_1, set h = h * MULTIPLIER + id_j
    for each further id, and finally h = h ^ (h >> 32), all modulo 2^64; the bucket is (h mod 2^63) mod `buckets`.
    The table starts at zero. `scale` is fixed: log-count ratios (see `networks.ngrams.fit_scales`), or ones.

    Reference: Wang and Manning 2012, "Baselines and bigrams", ACL; Joulin et al. 2017, arXiv:1607.01759 (buckets).
    """

    outputs: Outputs
    longest: Size
    buckets: Size
    gain: Factor = 1.0
    silent = None

    def weights(self) -> dict[str, Weight]:
        """Table and scale."""
        shape = (self.rows + self.buckets, self.outputs)
        return {"table": Weight(shape, zeros, by_id=True), "scale": Weight(shape, ones, by_id=True, trained=False)}

    def shape_after(self, shape: Shape) -> Shape:
        """`(outputs,)`."""
        return (self.outputs,)

    def field_after(self, field: Field, shape: Shape) -> Field:
        """All steps."""
        return Field(shape[0], field.stride)

    def multiply_adds(self, shape: Shape) -> int:
        """For a text without padding whose n-grams all differ."""
        return shape[0] * self.longest * self.outputs

    def details(self) -> list[str]:
        """Longest n-gram and buckets."""
        return [str(self.longest), f"{self.buckets} buckets"]

    def row_sizes(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Norms of the rows times their scale."""
        table, scale = arrays
        return np.asarray(np.linalg.norm(table * scale, axis=1), np.float64)
