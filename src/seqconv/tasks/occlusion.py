"""Occlusion: how much an answer falls when inputs are set to their mean over spans of a window."""

from collections.abc import Callable

import numpy as np

CHUNK = 1 << 24  # values of changed inputs held at once
FEWEST, MOST = 12, 24  # spans of a long window


def cut_spans(steps: int) -> np.ndarray:
    """Bounds of 12 to 24 spans of steps, as equal as possible, int64 `[S + 1]`; of few steps, each is a span.

    >>> cut_spans(240)[:3], len(cut_spans(240))
    (array([ 0, 10, 20]), 25)
    """
    if steps <= MOST:
        return np.arange(steps + 1)
    count = max((number for number in range(FEWEST, MOST + 1) if steps % number == 0), default=MOST)
    return np.asarray(np.arange(count + 1) * steps // count)


def occlude(
    answer: Callable[[np.ndarray], np.ndarray], window: np.ndarray, groups: list[list[int]], bounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much the answer falls when a group of inputs is set to its mean.

    Args:
        answer: windows `[N, L, C]` -> `[N]`, or `[N, outputs]`.
        window: `[L, C]`.
        groups: of channels that are set together.
        bounds: of spans, `[S + 1]`.

    Returns:
        For each span, float64 `[groups, S]`, and for all spans together, float64 `[groups]`; of several outputs
        `[groups, S, outputs]` and `[groups, outputs]`.
    """
    spans = [*zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True), (int(bounds[0]), int(bounds[-1]))]
    cases = [(group, begin, end) for group in groups for begin, end in spans]
    whole = answer(window[None])[0]
    found = np.empty((len(cases), *np.shape(whole)))
    rows = max(CHUNK // window.size, 1)
    for start in range(0, len(cases), rows):
        part = cases[start : start + rows]
        windows = np.tile(window, (len(part), 1, 1))
        for changed, (group, begin, end) in zip(windows, part, strict=True):
            changed[begin:end, group] = 0
        found[start : start + len(part)] = answer(windows)
    drops = (whole - found).reshape(len(groups), len(spans), *np.shape(whole))
    return drops[:, :-1], drops[:, -1]
