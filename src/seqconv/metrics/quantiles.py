"""How quantiles are named in files and answers, and found again by their names."""

import re
from collections.abc import Iterable, Mapping

import numpy as np


def name_quantile(level: float) -> str:
    """The name of the quantile at a level.

    >>> name_quantile(0.1), name_quantile(0.975)
    ('q0.1', 'q0.975')
    """
    return f"q{level:.10f}".rstrip("0")


def list_quantiles(names: Iterable[str]) -> list[str]:
    """The names of quantiles among these, in ascending order."""
    return sorted((name for name in names if re.fullmatch(r"q0\.\d+", name)), key=lambda name: float(name[1:]))


def find_band(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """The bounds of intervals, or the lowest and the highest of several quantiles; None: there are none."""
    names = ["low", "high"] if "low" in arrays else list_quantiles(arrays)
    return (arrays[names[0]], arrays[names[-1]]) if len(names) > 1 else None
