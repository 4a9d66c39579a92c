"""Class targets: what they have in common, and one of several classes."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from seqconv.errors import DataError, OptionError, nearest
from seqconv.metrics.class_metrics import NAMES, OF_RANKS, list_ranked, measure_brier, measure_choices, measure_ranks
from seqconv.metrics.class_scores import ClassScores, Judged, count_confusions, measure_calibration, score_classes
from seqconv.metrics.comparison import Score, show_percent
from seqconv.metrics.errors import Metrics
from seqconv.metrics.precision_recall import Curve, Cuts
from seqconv.metrics.records import Json
from seqconv.networks.inputs import Targets
from seqconv.networks.losses import CLIP, example_losses
from seqconv.networks.outputs import probabilities
from seqconv.tasks.profiles import ANSWERS, Sample
from seqconv.tasks.stacking import choose_alone, choose_members, weigh_logits
from seqconv.tasks.target import Columns, Target, to_number
from seqconv.tasks.thresholds import KNOWN, NONE, THRESHOLD, Rule, describe_thresholds

MOST_RANKED = 2**22  # probabilities whose order is looked at without being asked
MOST_PROBABILITIES = 20  # classes up to which every probability is reported


@dataclass(frozen=True)
class ClassTarget(Target):
    """Base of `Classes` and `label_sets.Labels`.

    Args:
        names: of the classes, in the order of the outputs.
        thresholds: the probability above which a class is assigned, by its name: of two classes that of one, of
            several labels that of each. Empty: `THRESHOLD`. `NONE`: the one that the most probable class must reach.
        rule: by which `tune` chooses them; None: it does not.
        top: how many of the most probable classes are listed with each answer; 0: all, up to `MOST_PROBABILITIES`.
        judged: see `Target`.
    """

    names: tuple[str, ...]
    thresholds: tuple[tuple[str, float], ...] = ()
    rule: Rule | None = None
    top: int = 0
    judged: str = ""
    several: ClassVar[bool]
    fraction = True

    def to_metric(self, error: Any) -> Any:
        return 1 - error

    def measure(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """`loss`, the metric (0 to 1) and `n`."""
        error = float(self.errors(outputs, targets, loss).mean())
        mean_loss = float(example_losses(outputs, targets, loss).mean())
        return {"loss": mean_loss, self.metric: self.to_metric(error), "n": len(targets)}

    def measure_more(self, outputs: np.ndarray, targets: Targets, loss: str) -> Metrics:
        """Those of `class_metrics`; without those of ranks, which are slow, for very many probabilities."""
        holds = self.indicate(np.asarray(targets))
        found = measure_choices(self.indicate(self.choose(outputs, loss)), holds)
        found["log_loss"] = float(example_losses(outputs, targets, loss).mean())
        shares = self.probabilities(outputs if loss == "as_printed" else outputs.astype(np.float64), loss)
        found["brier"] = float(measure_brier(shares, holds, self.several).mean())
        ranked = shares.size <= MOST_RANKED or self.judged in OF_RANKS
        return found | (measure_ranks(shares, holds, list_ranked(holds)) if ranked else {})

    @property
    def tunes(self) -> bool:
        return self.rule is not None

    @property
    def choice(self) -> str:
        return describe_thresholds(self.thresholds, self.rule) if self.thresholds else ""

    def choose_factors(
        self, outputs: Sequence[np.ndarray], targets: Targets, loss: str, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """By the loss; models that are judged by a metric may be better alone."""
        found = choose_members(outputs, targets, loss, weights)
        if not self.judged:
            return found
        alone = choose_alone(outputs, targets, loss, weights)

        def rank(factors: np.ndarray) -> float:
            blended = sum(factor * each.astype(np.float64) for factor, each in zip(factors, outputs, strict=True))
            return self.rank(self.measure(blended, targets, loss) | self.measure_more(blended, targets, loss))

        return min((found, *alone), key=rank)

    def weigh(self, outputs: Sequence[np.ndarray], factors: np.ndarray) -> np.ndarray:
        return weigh_logits(outputs, factors)

    def check_factors(self, factors: np.ndarray) -> None:
        if factors.ndim != 1 or not factors[0]:
            raise ValueError(f"must be one for each model, the first above 0; got {factors.tolist()!r:.80}")

    def tune(self, outputs: np.ndarray, targets: Targets, loss: str) -> Self:
        """The same with the thresholds that its rule chooses on these examples."""
        if self.rule is None:
            return self
        shares, holds = self.probabilities(outputs, loss), self.indicate(np.asarray(targets)) > 0
        if self.rule.kind == KNOWN:
            return replace(self, thresholds=((NONE, self.rule.choose_least(shares)),))
        found = [
            (name, self.rule.choose(shares[:, place], holds[:, place], THRESHOLD))
            for place, name in enumerate(self.names)
            if self.several or name == self.rule.positive
        ]
        seen = min(int(each.sum()) for name, each in zip(self.names, holds.T, strict=True) if name in dict(found))
        return replace(self, thresholds=tuple(found), rule=replace(self.rule, seen=seen))

    def draw_curves(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[Curve]:
        """Precision and recall of each of several labels, or of two classes: of the one with a threshold, else of the
        rarer one; empty for more classes, and for classes without an example."""
        holds = self.indicate(np.asarray(targets)) > 0
        if len(self.names) > MOST_PROBABILITIES or not (self.several or len(self.names) == 2):
            return []
        shares, known = self.probabilities(outputs, loss), dict(self.thresholds)
        rare = self.names[int(holds[:, 1].sum() <= holds[:, 0].sum())]
        wanted = self.names if self.several else tuple(name for name in known if name != NONE) or (rare,)
        places = [place for place, name in enumerate(self.names) if name in wanted and holds[:, place].any()]
        return [
            Cuts.of(shares[:, place], holds[:, place]).draw(
                self.names[place], known.get(self.names[place], THRESHOLD), shares[:, place], holds[:, place]
            )
            for place in places
        ]

    def measure_change(
        self, before: np.ndarray, after: np.ndarray, loss: str, changed: Target | None = None
    ) -> dict[str, float]:
        """`changed`: the fraction of examples with a different answer."""
        later = changed if isinstance(changed, ClassTarget) else self
        differ = self.choose(before, loss) != later.choose(after, loss)
        return {"changed": float(differ.reshape(len(differ), -1).any(axis=1).mean())}

    def columns_to_compare(self, outputs: np.ndarray, targets: Targets, loss: str) -> dict[str, np.ndarray]:
        """The error and `log_loss`."""
        return {
            self.error: self.errors(outputs, targets, loss),
            "log_loss": example_losses(outputs, targets, loss),
        }

    def to_arrays(
        self,
        outputs: np.ndarray,
        bounds: np.ndarray | None,
        targets: Targets,
        times: np.ndarray | None,
        keys: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        found = {"outputs": outputs, "targets": np.asarray(targets)}
        return found if keys is None else found | {"keys": keys}

    def describe(self) -> dict[str, list[str]]:
        return {"classes": list(self.names)}

    def describe_thresholds(self) -> Json:
        """`thresholds`: the probability above which a class is assigned, by its name; nothing where it is the usual."""
        return {"thresholds": dict(self.thresholds)} if self.thresholds else {}

    @property
    def least(self) -> float:
        """The probability that the most probable class must reach to be the answer; 0: it always is."""
        return dict(self.thresholds).get(NONE, 0.0)

    @abstractmethod
    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Labels as targets."""

    @abstractmethod
    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """The answer to each example: class indices int64 `[N]`, or 0 and 1 `[N, classes]` for several labels."""

    @abstractmethod
    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """The same from probabilities `[N, classes]`."""

    @abstractmethod
    def name_answers(self, probabilities: np.ndarray) -> list[list[str]]:
        """The names of the predicted classes of each example, for probabilities `[N, classes]`."""

    @abstractmethod
    def indicate(self, classes: np.ndarray) -> np.ndarray:
        """0 or 1 for each class, float64 `[N, classes]`, for answers of `choose` or for targets."""

    @abstractmethod
    def members(self, targets: np.ndarray) -> np.ndarray:
        """Which examples belong to the class of each output, bool `[N, outputs]`."""

    def to_regress(self, targets: np.ndarray) -> np.ndarray:
        """What a linear regression is fitted to, float64 `[N, outputs]`: 1 for a class, -1 for the others."""
        return 2.0 * self.members(targets) - 1

    def probabilities(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """Probability of each class, `[N, classes]`; with the as-printed loss the output itself is one."""
        if loss == "as_printed":
            positive = np.clip(outputs, CLIP, 1 - CLIP)
            return np.concatenate([1 - positive, positive], axis=1)
        return probabilities(outputs, self.several)

    def score(self, outputs: np.ndarray, targets: Targets, loss: str, seed: int = 0) -> ClassScores:
        """See `metrics.class_scores.score_classes`."""
        targets = np.asarray(targets)
        judged = Judged(
            self.indicate(self.choose(outputs, loss)),
            self.indicate(targets),
            self.probabilities(outputs if loss == "as_printed" else outputs.astype(np.float64), loss),
            self.errors(outputs, targets, loss),
            example_losses(outputs, targets, loss),
        )
        found = score_classes(judged, self.names, self.metric, self.several, seed)
        return replace(found, curves=self.draw_curves(outputs, targets, loss) or None)

    def sample(self, outputs: np.ndarray, loss: str) -> list[Sample]:
        """The predicted class, and the probability of the most probable one."""
        probabilities = self.probabilities(outputs, loss)
        names = ["|".join(each) for each in self.name_answers(probabilities)]
        surest = probabilities.max(axis=1).astype(float)
        return [Sample.of_names("prediction", names, ANSWERS), Sample("confidence", surest, of=ANSWERS)]

    def rates(
        self, outputs: np.ndarray, bounds: np.ndarray | None, targets: Targets, loss: str
    ) -> dict[str, np.ndarray]:
        """The error, and how far the probability of what was chosen lies above the fraction that is right."""
        chosen, holds = self.indicate(self.choose(outputs, loss)), self.indicate(np.asarray(targets))
        above = (chosen * (self.probabilities(outputs, loss) - holds)).sum(axis=1)
        return {self.error: self.errors(outputs, targets, loss), "overconfidence": above}

    def measure_calibration(self, probabilities: np.ndarray, targets: Targets) -> float:
        """The expected calibration error of probabilities `[N, classes]`."""
        chosen = self.indicate(self.decide(probabilities))
        return measure_calibration(probabilities, chosen, self.indicate(np.asarray(targets)), self.several)

    def list_top(self, count: int) -> Self:
        return replace(self, top=min(count, len(self.names)))

    def rank_classes(self, probabilities: np.ndarray) -> np.ndarray:
        """The places of the `top` most probable classes of each example, the most probable first, `[N, top]`."""
        return np.argsort(-probabilities, axis=1, kind="stable")[:, : self.top]

    def to_columns(self, probabilities: np.ndarray) -> Columns:
        """The answer and the probability of each class; with very many classes only that of the answer.

        With `top`, instead of all the most probable ones: `class 1`, `probability 1`, and so on.
        """
        found: Columns = {"prediction": ["|".join(names) for names in self.name_answers(probabilities)]}
        if self.top:
            for place, ranked in enumerate(self.rank_classes(probabilities).T, start=1):
                found[f"class {place}"] = [self.names[each] for each in ranked]
                found[f"probability {place}"] = np.take_along_axis(probabilities, ranked[:, None], axis=1)[:, 0]
            return found
        if len(self.names) <= MOST_PROBABILITIES:
            return found | {
                f"probability of {name}": each for name, each in zip(self.names, probabilities.T, strict=True)
            }
        return found | {"probability": probabilities.max(axis=1)}

    def to_json(self, probabilities: np.ndarray) -> list[Json]:
        """The same as one object for each example."""
        found = []
        for names, row in zip(self.name_answers(probabilities), probabilities, strict=True):
            answer: Json = {"prediction": names if self.several else names[0]}
            if self.top:
                ranked = self.rank_classes(row[None])[0]
                answer["top"] = [{"class": self.names[each], "probability": to_number(row[each])} for each in ranked]
            elif len(self.names) <= MOST_PROBABILITIES:
                answer["probabilities"] = dict(zip(self.names, map(to_number, row), strict=True))
            else:
                answer["probability"] = to_number(row.max())
            found.append(answer)
        return found

    def find(self, name: str) -> int:
        """Index of a class that the user names.

        Raises:
            ConfigError: there is no such class.
        """
        if name not in self.names:
            raise OptionError(f"class: unknown class {name!r}. {nearest(name, self.names)}")
        return self.names.index(name)

    def choose_explained(self, outputs: np.ndarray, name: str | None) -> list[int]:
        """Indices of the classes whose logits are explained: the one named, else those of `explained`.

        Args:
            outputs: of one example, `[1, outputs]`.

        Raises:
            DataError: outputs that are not finite.
            ConfigError: no such class.
        """
        if not np.isfinite(outputs).all():
            raise DataError(
                f"the model's answer must be a number; got {outputs.ravel()[0]}. Its training failed: train again"
            )
        return self.explained(outputs) if name is None else [self.find(name)]

    @abstractmethod
    def explained(self, outputs: np.ndarray) -> list[int]:
        """Indices of the classes to explain unless the user names one."""

    def locate(self, place: int) -> tuple[int, int]:
        """The output that is the logit of a class, and its sign."""
        return (0, 2 * place - 1) if self.outputs == 1 else (place, 1)


class Classes(ClassTarget):
    """One class per example; for two classes the output is the logit of the second."""

    metric = "accuracy"
    judges = ("accuracy", *NAMES)
    error = "error_rate"
    several = False

    def show_score(self, metrics: Metrics) -> str:
        return show_percent(metrics[self.metric])

    def say_score(self, metrics: Metrics, rows: str) -> Score:
        return Score(f"{self.show_score(metrics)} of {metrics['n']:,} unseen {rows} right", counted=True)

    @property
    def outputs(self) -> int:
        return 1 if len(self.names) == 2 else len(self.names)

    @property
    def loss(self) -> str:
        return "binary_crossentropy" if self.outputs == 1 else "categorical_crossentropy"

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Class indices as float32 `[N, 1]` for two classes, int32 `[N]` for more."""
        return labels.astype(np.float32)[:, None] if self.outputs == 1 else labels.astype(np.int32)

    def choose(self, outputs: np.ndarray, loss: str = "") -> np.ndarray:
        """The class with the largest output; for a single output, 1 if its probability is above the threshold."""
        if self.thresholds and not self.least:
            return self.decide(self.probabilities(outputs, loss))
        if self.outputs > 1:
            return np.asarray(outputs.argmax(axis=1))
        return np.asarray(outputs[:, 0] > (0.5 if loss == "as_printed" else 0.0), np.int64)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """The most probable class; of two the one that has a threshold if its probability is above it."""
        if not self.thresholds or self.least:
            return np.asarray(probabilities.argmax(axis=1))
        ((name, threshold),) = self.thresholds
        place = self.names.index(name)
        return np.where(probabilities[:, place] > threshold, place, 1 - place)

    def costs(self, targets: Targets) -> np.ndarray | None:
        """With a rule, what it says that errors cost; a rule that names no costs is about both classes alike."""
        if self.rule is None or self.rule.fixed or self.rule.kind == KNOWN:
            return None
        positive = np.asarray(targets)[:, 0] == self.names.index(self.rule.positive)
        wrong, missed = self.rule.values if self.rule.kind == "cost" else (positive.mean(), 1 - positive.mean())
        found = np.where(positive, missed, wrong)
        return np.asarray(found / found.mean()) if found.any() else None

    def errors(self, outputs: np.ndarray, targets: Targets, loss: str) -> np.ndarray:
        """1 for a wrong class, and for none of them, else 0.

        `as_printed` counts as Keras 2 did: the rounded output must equal the target, so an output of 1.6 is wrong.
        """
        targets = np.asarray(targets)
        if loss == "as_printed" and not self.thresholds:
            return np.asarray(np.round(outputs[:, 0]) != targets[:, 0], np.float64)
        wrong = self.choose(outputs, loss) != targets.reshape(-1)
        if self.least:
            wrong |= self.probabilities(outputs, loss).max(axis=1) < self.least
        return np.asarray(wrong, np.float64)

    def confusion(self, outputs: np.ndarray, targets: Targets, loss: str) -> list[list[int]] | None:
        return count_confusions(self.indicate(self.choose(outputs, loss)), self.indicate(np.asarray(targets)))

    def name_answers(self, probabilities: np.ndarray) -> list[list[str]]:
        names, places = (*self.names, NONE), self.decide(probabilities)
        return [[names[place]] for place in np.where(probabilities.max(axis=1) < self.least, -1, places)]

    def indicate(self, classes: np.ndarray) -> np.ndarray:
        return np.asarray(classes.reshape(-1, 1).astype(np.int64) == np.arange(len(self.names)), np.float64)

    def members(self, targets: np.ndarray) -> np.ndarray:
        return targets > 0 if self.outputs == 1 else targets[:, None] == np.arange(self.outputs)

    def explained(self, outputs: np.ndarray) -> list[int]:
        """Of two classes the second, whose logit the output is; of more the predicted one."""
        return [1] if self.outputs == 1 else [int(outputs[0].argmax())]
