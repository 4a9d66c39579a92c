"""The works that the benchmarks time: their networks, their sizes, who does them, and how much faster ours must be."""

from dataclasses import dataclass

from seqconv.networks.layers.base import Plan
from seqconv.networks.layers.kinds import Conv, Dense, Embed, GlobalMaxPool, Gru, LastStep, Lstm, MaxPool, Relu

BATCH = 128
THREADS = 2
VOCABULARY = 10_000
LENGTH = 500
REVIEWS = 25_000
CHANNELS = 14
LOOKBACK, STEP, DELAY = 1440, 6, 144
SERIES_ROWS = 420_000
TRAINING_ROWS = 200_001
SPLIT_ROWS = 100_000
WINDOWS = SPLIT_ROWS - LOOKBACK - DELAY
SEED = 0
OURS = "seqconv"

_SCORE = (GlobalMaxPool(), Dense(32, 1))
_NEWEST = (LastStep(), Dense(32, 1))
_CONV5 = (Conv(32, 32, 5), Relu())
PLANS: dict[str, Plan] = {
    "imdb-conv1d": (Embed(VOCABULARY, 128), Conv(128, 32, 7), Relu(), MaxPool(5), Conv(32, 32, 7), Relu(), *_SCORE),
    "imdb-lstm": (Embed(VOCABULARY, 32), Lstm(32, 32), *_NEWEST),
    "jena-conv1d": (Conv(CHANNELS, 32, 5), Relu(), MaxPool(3), *_CONV5, MaxPool(3), *_CONV5, *_SCORE),
    "jena-conv1d-gru": (Conv(CHANNELS, 32, 5), Relu(), MaxPool(3), *_CONV5, Gru(32, 32, 0.1, 0.5), *_NEWEST),
    "jena-gru": (Gru(CHANNELS, 32, 0.2, 0.2), *_NEWEST),
}


@dataclass(frozen=True, kw_only=True)
class Work:
    """One thing to time.

    Args:
        name: also the name of the result file.
        kind: what a worker is to do; see `bench/peers`.
        plan: key of `PLANS`; none for works on raw text.
        unit: what one count is.
        peers: who does it, in turn with ours.
        against: the peers whose fastest is compared with ours.
        ratio: how many times faster ours must be.
        limit_s: the longest that ours may take, if there is such a promise.
        slices: a peer does one of so many equal parts a count, and its time is multiplied; ours always does the whole.
        each: time every count alone and take the median, for latencies.
    """

    name: str
    title: str
    kind: str
    plan: str = ""
    unit: str = "step"
    peers: tuple[str, ...]
    against: tuple[str, ...]
    ratio: float
    limit_s: float | None = None
    slices: int = 1
    each: bool = False

    @property
    def loss(self) -> str:
        """Loss of the training works."""
        return "binary_crossentropy" if self.plan.startswith("imdb") else "mae"

    @property
    def comparable(self) -> bool:
        """All peers start from the same weights and draw no dropout, so their first answers must agree."""
        return self.kind in ("train", "predict") and "gru" not in self.plan


KERAS = ("keras-tensorflow", "keras-jax")
NETWORKS = (*KERAS, "torch-eager", "torch-compiled")


def _train(plan: str, against: tuple[str, ...], ratio: float) -> Work:
    title = f"{plan}: training step"
    return Work(
        name=f"train-{plan}", title=title, kind="train", plan=plan, peers=NETWORKS, against=against, ratio=ratio
    )


_ALL = (
    _train("imdb-conv1d", NETWORKS, 18),
    _train("jena-conv1d", NETWORKS, 5),
    Work(
        name="train-jena-conv1d-book",
        title="jena-conv1d: training step, Keras fed by the book's generator",
        kind="train-book",
        plan="jena-conv1d",
        peers=KERAS,
        against=KERAS,
        ratio=7,
    ),
    _train("jena-conv1d-gru", KERAS, 6),
    _train("jena-gru", KERAS, 6),
    _train("imdb-lstm", NETWORKS, 5),
    Work(
        name="predict-imdb-conv1d",
        title="imdb-conv1d: 25,000 encoded reviews",
        kind="predict",
        plan="imdb-conv1d",
        unit="25,000 reviews",
        peers=(*NETWORKS, "onnxruntime"),
        against=("onnxruntime",),
        ratio=12,
        slices=5,
    ),
    Work(
        name="predict-one-review",
        title="imdb-conv1d: one review, raw text to answer",
        kind="predict-one",
        plan="imdb-conv1d",
        unit="review",
        peers=(*KERAS, "onnxruntime"),
        against=KERAS,
        ratio=50,
        limit_s=0.3e-3,
        each=True,
    ),
    Work(
        name="predict-jena-conv1d",
        title="jena-conv1d: all windows of 100,000 rows",
        kind="predict",
        plan="jena-conv1d",
        unit=f"{WINDOWS:,} windows",
        peers=(*NETWORKS, "onnxruntime"),
        against=KERAS,
        ratio=100,
        slices=4,
    ),
    Work(
        name="tokenise",
        title="25,000 raw reviews: tokenise, count, encode",
        kind="tokenise",
        unit="25,000 reviews",
        peers=("python-re", "tokenizers", "scikit-learn"),
        against=("python-re",),
        ratio=5,
    ),
)
WORKS = {work.name: work for work in _ALL}
