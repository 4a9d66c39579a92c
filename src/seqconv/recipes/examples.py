"""Settings of how data become the examples that models read, a section for each task."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self

from seqconv.recipes.settings import Settings, setting


class ExampleSettings(Settings):
    """The base of these sections."""

    @property
    def ids(self) -> int:
        """Number of ids that a network may read; 0 if it reads values."""
        return 0

    def for_baseline(self) -> Self:
        """The same settings for a baseline instead of the network."""
        return self

    def blends(self, kind: str) -> bool:
        """Whether baselines of this kind may stand in a blend."""
        return True


@dataclass(frozen=True, kw_only=True)
class TextConfig(ExampleSettings):
    """How texts become ids."""

    vocabulary: int = setting(10000, "number of ids, including the three special ones", low=4)
    max_len: int = setting(500, "number of ids kept from the end of each text", low=1)
    words: str = setting("", "file with a word for each row of a given network's Embedding; empty: the most frequent")
    unit: Literal["both", "word", "character"] = setting(
        "both", "what the models of a blend read: words, n-grams of characters, or both, weighed on the validation rows"
    )

    @property
    def ids(self) -> int:
        return self.vocabulary

    def blends(self, kind: str) -> bool:
        return kind != {"word": "characters", "character": "words"}.get(self.unit)

    @classmethod
    def section(cls) -> str:
        return "text"


@dataclass(frozen=True, kw_only=True)
class SequenceConfig(ExampleSettings):
    """How sequences become examples."""

    length: int = setting(
        0, "number of steps kept from the end of each sequence; 0: length of the longest training sequence", low=0
    )

    @classmethod
    def section(cls) -> str:
        return "sequence"


@dataclass(frozen=True, kw_only=True)
class WindowConfig(ExampleSettings):
    """How a series becomes examples, in units of time."""

    lookback: str = setting("10d", "how far back a window reaches", unit="duration")
    step: str = setting("1h", "time between the rows of a window", unit="duration")
    delay: str = setting("24h", "time from the anchor row to the target; the lead is step + delay", unit="duration")
    leads: tuple[str, ...] = setting(
        (),
        'time from the newest row to each target, instead of delay; "1h to 96h": every row between',
        unit="duration ranges",
    )
    change: bool = setting(False, "predict the change from the newest value instead of the value")

    @classmethod
    def section(cls) -> str:
        return "windows"

    def for_baseline(self) -> Self:
        """Baselines forecast values, not changes."""
        return dataclasses.replace(self, change=False)


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(ExampleSettings):
    """What is forecast for each series."""

    horizon: str = setting("1", "how far ahead to forecast, step by step: rows, or a duration such as 12mo")
    season: int = setting(
        0,
        "rows after which the series repeat themselves; 0: by frequency or, where rows are counted, as they show",
        low=0,
    )
    lookback: int = setting(0, "rows that regressions read before a forecast; 0: by season and horizon", low=0)
    origins: int = setting(0, "forecasts of each series to judge by; 0: one, or more if the series are few", low=0)
    sign: Literal["guess", "any", "positive"] = setting(
        "guess", "positive: no forecast is below zero; guess: if no training value is"
    )

    @classmethod
    def section(cls) -> str:
        return "forecast"
