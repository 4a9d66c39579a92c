"""Statistical forecasts of many series, each fitted by itself: exponential smoothing, Theta, and the mean of both."""

from dataclasses import dataclass

import numpy as np

from seqconv import _native

PARTS, COMBINATION = ("average", "dotm"), "comb"
LONGEST_SEASON = 24  # rows, of seasonal states; a longer season is taken out before the fit
NAMES = [
    *(f"ETS({error},{trend},{season})" for error in "AM" for trend in ("N", "A", "Ad") for season in "NAM"),
    *("STM", "OTM", "DSTM", "DOTM"),
]
NAIVE = "naive"


@dataclass(frozen=True)
class SmoothingForecasts:
    """What S series are expected to be in the next H rows.

    Args:
        forecasts: `[S, H]`.
        quantiles: `[S, H, Q]`.
        forms: the form that was fitted to each series, or the one of least AICc, such as "ETS(M,Ad,N)", "DOTM" or
            "naive", `S`.
    """

    forecasts: np.ndarray
    quantiles: np.ndarray
    forms: list[str]


def forecast_smoothing(
    values: np.ndarray,
    offsets: np.ndarray,
    season: int,
    horizon: int,
    model: str = COMBINATION,
    levels: tuple[float, ...] = (),
    threads: int = 1,
) -> SmoothingForecasts:
    """Fit each series by itself and forecast the rows after its last.

    A constant series and one of fewer than five values repeat their last value ("naive"). A form that does not suit a
    series (too short for it, or multiplicative with values that are not positive) is replaced by the automatic choice.

    Args:
        values: all series, one after the other, float64 `[T]`; NaN: not observed. Each needs one value.
        offsets: where each begins, and the end, int64 `[S + 1]`.
        season: rows of a season; 1: none. One above 24 is taken out by classical decomposition, where it is found.
        model: "ets" chooses the form by AICc and "average" is the mean of all forms by their Akaike weights; "quick" is
            the same with a search for the parameters that takes a third of the time and may stop short of the best;
            "AAdA" is one form (errors A or M, trend N, A or Ad, season N, A or M; Z chooses); "theta", "otm", "dstm"
            and "dotm" are variants of Theta, of which "autotheta" chooses; "ses", "holt" and "damped" are forms
            without season of the seasonally adjusted series; "comb" is the mean of "average" and "dotm". A mean of
            several is one of their forecasts and of each quantile.
        levels: of the quantiles, between 0 and 1, `Q`.

    Raises:
        ValueError: an argument has a wrong shape or value.

    Reference: Hyndman, Koehler, Snyder, Grose, International Journal of Forecasting 18, 2002; Fiorucci et al., the same
        32, 2016; Kolassa, the same 27, 2011 (Akaike weights); Petropoulos, Svetunkov, the same 36, 2020 (combination).
    """
    if model == COMBINATION:
        parts = [forecast_smoothing(values, offsets, season, horizon, each, levels, threads) for each in PARTS]
        forms = [" + ".join(names) for names in zip(*(part.forms for part in parts), strict=True)]
        forecasts = np.mean([part.forecasts for part in parts], axis=0)
        return SmoothingForecasts(forecasts, np.mean([part.quantiles for part in parts], axis=0), forms)
    series = len(offsets) - 1
    states = season if 1 < season <= LONGEST_SEASON else 0
    forecasts, quantiles = np.empty((series, horizon)), np.empty((series, horizon, len(levels)))
    fits = np.empty((series, 9 + states))
    _native.smoothing(values, offsets, season, model, np.array(levels, np.float64), forecasts, quantiles, fits, threads)
    forms = [NAIVE if number < 0 else NAMES[number] for number in fits[:, 0].astype(int)]
    return SmoothingForecasts(forecasts, quantiles, forms)
