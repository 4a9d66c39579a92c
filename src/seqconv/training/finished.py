"""A finished run: its folder, and what one does with it next."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from seqconv.data.display import Card, Shown
from seqconv.data.records import count
from seqconv.metrics.comparison import tone
from seqconv.models.format import write_bundle
from seqconv.models.predictor import Predictor, load
from seqconv.models.results import read_results
from seqconv.networks.summary import LayerSummary
from seqconv.reports.tables import leaderboard_rows
from seqconv.tasks.explanation import Explanation
from seqconv.tasks.results import EvaluationResults, RunResults
from seqconv.tasks.task import Data
from seqconv.training.history import History, read_history


class Summary(Shown, tuple[LayerSummary, ...]):
    """The layers of a network, in order."""

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(row.parameters for row in self)

    def card(self) -> Card:
        """A row for each layer, and one for all."""
        cost = sum(row.multiply_adds for row in self)
        rows = [
            [
                row.name,
                str(row.shape),
                f"{row.parameters:,}",
                "all" if row.receptive_field is None else f"{row.receptive_field:,}",
                f"{row.multiply_adds:,}",
            ]
            for row in self
        ]
        head = ["layer", "output shape", "parameters", "receptive field", "multiply-adds"]
        total = ["all", "", f"{self.parameters:,}", "", f"{cost:,}"]
        return Card(f"{count(len(self), 'layer')}, {self.parameters:,} parameters", (), [head, *rows, total])


@dataclass(frozen=True, repr=False)
class Run(Shown):
    """A finished run.

    Args:
        folder: its recipe, history, metrics, report and model.
        results: what `metrics.json` holds.
        notes: what was inferred.
        data: what it was trained and tested on, if that was in memory, in no file.
    """

    folder: Path
    results: RunResults
    notes: tuple[str, ...] = ()
    data: Data | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The run in a folder.

        Raises:
            BundleError: no run folder, or a damaged one.
        """
        return cls(Path(folder), read_results(Path(folder)))

    def card(self) -> Card:
        """The verdict, where the run lies, and every model's score."""
        head, rows = leaderboard_rows(self.results)[0]
        lines = (f"{self.results.recipe}, in {self.folder}", f"report: {self.folder / 'report.html'}")
        return Card(self.verdict, lines, [head, *rows], tone(self.results.comparisons))

    @property
    def verdict(self) -> str:
        """Whether the model beats the baselines, in one sentence."""
        return self.results.verdict

    @cached_property
    def model(self) -> Predictor:
        """The model, loaded when it is first asked for."""
        return load(self.folder)

    @cached_property
    def history(self) -> History:
        """What each epoch reached; empty of a model without epochs."""
        return read_history(self.folder, self.results)

    def summary(self) -> Summary:
        """The layers of the network: shapes, parameters, receptive field and cost; none of a baseline."""
        return Summary(self.results.network)

    def plot(self) -> Any:
        """Loss and metric by epoch, see `History.plot`."""
        return self.history.plot()

    def evaluate(self, data: Any = None, **columns: Any) -> EvaluationResults:
        """Every score with its interval, see `seqconv.evaluate`.

        Args:
            data: a file, or data as `seqconv.train` takes; None: the test set of the run.
            columns: data settings that it needs otherwise: `text`, `label` or `time`.
        """
        from seqconv.training.assessment import evaluate

        return evaluate(self.folder, data, columns, own=self.data)

    def explain(self, example: Any = None, **options: Any) -> Explanation:
        """Why the model answers as it does for one example, see `Predictor.explain`."""
        return self.model.explain(example, **options)

    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write the model alone into a folder, and give its path.

        Raises:
            ConfigError: there is something that may not be overwritten.
        """
        write_bundle(self.model.bundle, Path(folder), overwrite=overwrite)
        return Path(folder)
