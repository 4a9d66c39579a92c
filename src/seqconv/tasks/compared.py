"""What a comparison of runs finds, which pages and the command line show."""

from dataclasses import dataclass

from seqconv.data.display import Card, Shown
from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.errors import Metrics
from seqconv.metrics.records import Record
from seqconv.tasks.results import TrainedOn


@dataclass(frozen=True)
class RowBlocks(Record):
    """How rows are resampled: `rows` neighbours a block, and how many `blocks` there are."""

    rows: int
    blocks: int


@dataclass(frozen=True)
class ComparedRun(Record):
    """One run of a comparison.

    Args:
        run: its folder.
        seconds: of training.
        n: test rows of its own.
        metrics: on the rows that all runs have; the smaller, the better.
        differences: of these to the first run's; None: it is the first.
        improvement: the fraction by which its first metric is smaller than the first run's.
        same: whether it gives the same answers as the first run to all rows; None: it is the first.
        trained_on: how many of the rows that all runs have it was trained on; these do not count for any run, unless
            there are no others. None: it is not known.
    """

    run: str
    recipe: str
    parameters: int
    seconds: float
    validation: Metrics
    n: int
    metrics: dict[str, Estimate]
    differences: dict[str, Estimate] | None = None
    improvement: Estimate | None = None
    same: bool | None = None
    trained_on: TrainedOn | None = None


@dataclass(frozen=True, repr=False)
class ComparisonResults(Shown, Record):
    """Finished runs on the same test rows.

    Args:
        n: rows compared.
        against: the first run, which the others are compared with.
        metrics: names.
    """

    task: str
    n: int
    against: str
    metrics: list[str]
    block: RowBlocks
    runs: list[ComparedRun]

    def card(self) -> Card:
        """The first score of each run, and by how much its error is smaller than the first run's."""
        first = self.metrics[0]
        rows = []
        for run in self.runs:
            better = run.improvement
            span = ["", ""] if better is None else [f"{better.value:+.1%}", f"{better.low:+.1%} to {better.high:+.1%}"]
            rows.append([run.run, *run.metrics[first].show(), *span])
        head = ["run", first.replace("_", " "), "95 % interval", f"improvement on {self.against}", "95 % interval"]
        return Card(f"{len(self.runs)} runs on the same {self.n:,} test rows", (), [head, *rows])
