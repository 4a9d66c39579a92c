"""What a search over settings finds, which its folder keeps and pages and the command line show."""

from dataclasses import dataclass

from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.errors import Metrics
from seqconv.metrics.records import Json, Record
from seqconv.tasks.results import Setup

DEFAULT = 0  # number of the trial of the recipe as it was
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True, kw_only=True)
class Trial(Record):
    """One recipe that was tried.

    Args:
        number: 0: the recipe as it was.
        state: `complete`; `pruned`: ended early, behind others or for lack of time; `failed`: it could not be fitted.
        settings: what it varied, by name.
        values: those that differ from the default, for people.
        validation: every validation metric; none of one that is not complete.
        epochs: it was trained for.
        rank: its validation metric, as models are judged by it: the smaller, the better; None: it is not complete.
        says: why it failed or was pruned.
    """

    number: int
    state: str
    settings: Json
    values: str
    validation: Metrics
    epochs: int
    seconds: float
    rank: float | None = None
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class TuneResults(Setup):
    """What a search found.

    Args:
        metric: the score that people read first.
        judged: the validation metric that trials were ranked by.
        budget: what it was given; empty: no limit of time.
        varied: names of the settings.
        trials: all of them.
        best: number of the trial that is best on the validation rows.
        default_test, best_test: metrics on the test rows that both have; only these two models were tried on them.
        improvement: fraction by which the error of the best is smaller than that of the default, on the test rows that
            both have, with its interval; None: the default is the best.
        beats_default: by more than noise.
        verdict: one sentence.
    """

    metric: str
    judged: str
    budget: str
    varied: list[str]
    trials: list[Trial]
    best: int
    default_test: Metrics
    best_test: Metrics
    improvement: Estimate | None
    beats_default: bool
    verdict: str
    seconds: float
