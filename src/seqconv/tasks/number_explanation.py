"""Explanations of a number that is predicted of a text."""

from dataclasses import dataclass
from typing import Any

from seqconv.tasks.effects import choose_notable, join_words, quote, show_effects
from seqconv.tasks.text_explanation import TextExplanation
from seqconv.tasks.values import Number


@dataclass(frozen=True)
class NumberExplanation(TextExplanation):
    """A number, decomposed: `logit` is it, or, if it is fitted as classes, a score for higher rather than lower values.

    Args:
        value: the number.
        band: lower and upper bound of its interval; None: there is none.
    """

    target: Number  # type: ignore[assignment]
    value: float = 0.0
    band: tuple[float, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return ()

    @property
    def answers(self) -> list[str]:
        return []

    @property
    def verdict(self) -> str:
        """The prediction and the bounds of its interval."""
        band = f" ({self.band[0]:.4g} to {self.band[1]:.4g})" if self.band else ""
        return f"{self.name}: {self.value:.4g}{band}"

    @property
    def title(self) -> str:
        return self.verdict

    @property
    def unit(self) -> str:
        return f"score for higher {self.name}" if self.target.fits_classes else f"predicted {self.name}"

    def describe_answer(self) -> dict[str, Any]:
        return {"verdict": self.verdict}

    def describe(self) -> dict[str, Any]:
        band = dict(zip(("low", "high"), self.band, strict=True)) if self.band else {}
        score = {"score": self.logit} if self.target.fits_classes else {}
        found = {"output": self.name, "value": self.value} | band | score
        return found | {"because": self.because, "constant": self.constant}

    @property
    def directions(self) -> tuple[str, str]:
        return f"raises {self.name}", f"lowers {self.name}"

    @property
    def because(self) -> str:
        reasons = choose_notable([part for part in self.effects if part.contribution])
        if not reasons:
            return "Nothing in the text speaks for this answer."
        effects = show_effects([part.contribution for part in reasons])
        said = [f"{quote(part.span)} ({effect})" for part, effect in zip(reasons, effects, strict=True)]
        return f"Mostly because of {join_words(said)}."

    @property
    def note(self) -> str:
        if not self.exact:
            return "Approximate: how much the prediction falls when the word is left out. Rows do not add up to it."
        score = "Above 0, higher values are likelier than lower ones. " if self.target.fits_classes else ""
        return (
            f"Exact: the effects and the constant add up to the {self.unit}. {score}"
            "The effect of several words is spread evenly over them to colour the text."
        )
