"""What parts of an input add to an answer, as people read it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

REASONS = 3  # inputs or spans that a sentence names at most
NOTABLE = 0.5  # fraction of the strongest effect from which others are named with it


@dataclass(frozen=True)
class Contribution:
    """The contribution of one span of a text, characters `start` to `end`, to the logit, which pages call the score.

    Args:
        filters: number of filters and n-grams whose maximum lies there; None for occlusion by word.
    """

    span: str
    start: int
    end: int
    contribution: float
    filters: int | None


def show_effects(values: Sequence[float]) -> list[str]:
    """Contributions with their signs, all with the decimals that give the largest three significant digits.

    >>> show_effects([9.654, -0.0193]), show_effects([-25714.2, 3.0]), show_effects([1.5e-7])
    (['+9.65', '\u22120.02'], ['\u221225,714', '+3'], ['+1.5e\u221207'])
    >>> show_effects([14.1, -0.01])
    ['+14.1', '0.0']
    """
    largest = max((abs(value) for value in values), default=0.0)
    if 0 < largest < 1e-3 or largest >= 1e9:
        return [f"{value:+.3g}".replace("-", "\u2212", 1) for value in values]
    decimals = max(2 - math.floor(math.log10(largest)), 0) if largest else 0
    rounded = [round(value, decimals) for value in values]  # what is nothing then has no sign
    return [f"{value or 0.0:{'+' if value else ''},.{decimals}f}".replace("-", "\u2212") for value in rounded]


def quote(span: str) -> str:
    """Words in quotation marks, on one line."""
    return f"\u201c{' '.join(show_safely(span).split())}\u201d"


def join_words(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def choose_notable(parts: Sequence[Contribution]) -> list[Contribution]:
    """The strongest, and those that are nearly as strong; of spans that overlap the strongest one."""
    found: list[Contribution] = []
    for part in parts:
        if abs(part.contribution) < NOTABLE * abs(parts[0].contribution) or len(found) == REASONS:
            break
        if all(part.end <= other.start or other.end <= part.start for other in found):
            found.append(part)
    return found


def show_safely(text: str) -> str:
    """The text with control characters replaced, except tab and line break; the length stays."""
    return "".join("\ufffd" if category(c) == "Cc" and c not in "\t\n" else c for c in text)
