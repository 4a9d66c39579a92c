"""The named public data sets: where they are published, and what identifies them."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]  # bytes done, total bytes (0: unknown)


@dataclass(frozen=True)
class Remote:
    """A public data set.

    Args:
        files: accepted file and folder names, preferred first.
        size: of the download, in bytes.
        sha256: of the download; empty if none is published (the size and the zip's own checksum are checked instead).
        columns: number of numeric columns of a series.
    """

    url: str
    files: tuple[str, ...]
    size: int
    sha256: str
    columns: int = 0

    @property
    def download(self) -> str:
        """The name of the downloaded file."""
        return self.url.rpartition("/")[2]


REMOTES = {
    # Reference: tensorflow/datasets, datasets/imdb_reviews/checksums.tsv (size, SHA-256)
    "imdb": Remote(
        url="http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        files=("aclImdb_v1.tar.gz", "aclImdb", "imdb.npz"),
        size=84_125_825,
        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    ),
    # Reference: the Keras tutorials' download logs (size); no checksum of this zip is published
    "jena": Remote(
        url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip",
        files=("jena_climate_2009_2016.csv", "jena_climate_2009_2016.csv.zip"),
        size=13_568_290,
        sha256="",
        columns=14,
    ),
    # Reference: darts, darts/datasets (MD5 of the same file: 8381763947c85f4be6ac456c508460d6)
    "etth1": Remote(
        url="https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/ETTh1.csv",
        files=("ETTh1.csv",),
        size=2_589_657,
        sha256="f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        columns=7,
    ),
    # no checksum is published; this is that of the file behind the results in docs
    "weather": Remote(
        url="https://huggingface.co/datasets/thuml/Time-Series-Library/resolve/main/weather/weather.csv",
        files=("weather.csv",),
        size=7_235_425,
        sha256="34ee981d07313e51da2a50bb600072c8ae4a69cb4b0651f4cb93a069d7a2ba63",
        columns=21,
    ),
}
GENERATED = ("demo-text", "demo-series", "demo-sales")
NAMES = (*REMOTES, *GENERATED)


def count_columns(source: str) -> int:
    """Number of numeric columns of a public series; 0 for any other source, which must be read to find out."""
    return REMOTES[source].columns if source in REMOTES else 0
