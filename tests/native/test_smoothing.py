"""Exponential smoothing and Theta, against their textbook equations one row at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pytest
from scipy import optimize

from seqconv import _native

SEASON = 4
FORMS = [error + trend + season for error in "AM" for trend in ("N", "A", "Ad") for season in "NAM"]
THETAS = ["theta", "otm", "dstm", "dotm"]
NAIVE = -1


def run(
    series: list[np.ndarray], model: str, season: int = SEASON, horizon: int = 6, threads: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts, quantiles at 0.1, 0.5 and 0.9, and fits."""
    values, offsets = np.concatenate([*series, []]), np.cumsum([0, *map(len, series)])
    states = season if 1 < season <= 24 else 0
    sizes = [(len(series), horizon), (len(series), horizon, 3), (len(series), 9 + states)]
    found = [np.full(size, np.nan) for size in sizes]
    _native.smoothing(values, offsets, season, model, np.array([0.1, 0.5, 0.9]), *found, threads)
    return found[0], found[1], found[2]


def seasonal_series(rows: int, seed: int = 0, season: int = SEASON) -> np.ndarray:
    random = np.random.default_rng(seed)
    trend = 50 + 0.5 * np.arange(rows) + random.normal(0, 2, rows).cumsum()
    return trend * (1 + 0.2 * np.sin(2 * np.pi * np.arange(rows) / season)) + random.normal(0, 2, rows)


@dataclass
class States:
    level: np.ndarray | float
    trend: np.ndarray | float
    seasons: list


@dataclass
class Fit:
    """A fit as the textbook has it: parameters and the states before the first row."""

    form: str
    criterion: float
    deviation: float
    alpha: float
    beta: float
    gamma: float
    phi: float
    states: States

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Fit":
        return cls(FORMS[int(numbers[0])], *numbers[1:7], States(numbers[7], numbers[8], list(numbers[9:])))

    def forecast(self, states: States, row: int) -> np.ndarray | float:
        base = states.level + self.phi * states.trend
        if self.form.endswith("N"):
            return base
        season = states.seasons[row % len(states.seasons)]
        return base + season if self.form.endswith("A") else base * season

    def step(self, states: States, row: int, error: np.ndarray | float) -> States:
        """Tables 2.2 and 2.3 of Hyndman et al. (2008), damped trends included."""
        relative, season = self.form[0] == "M", self.form[-1]
        base, trend = states.level + self.phi * states.trend, self.phi * states.trend
        if relative and season == "A":
            error = error * self.forecast(states, row)
        seasons, old = list(states.seasons), states.seasons[row % len(states.seasons)] if season != "N" else 0
        if relative and season != "A":
            level, trend = base * (1 + self.alpha * error), trend + self.beta * base * error
            new = old * (1 + self.gamma * error)
        elif season == "M":
            level, trend = base + self.alpha * error / old, trend + self.beta * error / old
            new = old + self.gamma * error / base
        else:
            level, trend, new = base + self.alpha * error, trend + self.beta * error, old + self.gamma * error
        if season != "N":
            seasons[row % len(seasons)] = new
        return States(level, trend, seasons)

    def follow(self, y: np.ndarray) -> tuple[States, float]:
        """The states after the last row, and minus twice the log likelihood of y / max |y| up to a constant."""
        states, errors, logs, scale = self.states, [], 0.0, np.abs(y[~np.isnan(y)]).max()
        for row, observed in enumerate(y):
            forecast = self.forecast(states, row)
            error = 0.0 if np.isnan(observed) else observed - forecast
            if self.form[0] == "M":
                error /= forecast
            if not np.isnan(observed):
                errors.append(error if self.form[0] == "M" else error / scale)
                logs += np.log(forecast / scale) if self.form[0] == "M" else 0
            states = self.step(states, row, error)
        return states, len(errors) * np.log(np.square(errors).mean()) + 2 * logs

    def parameters(self, season: int = SEASON) -> int:
        trend = {"N": 0, "A": 2, "Ad": 3}[self.form[1:-1]]
        return 2 + trend + (0 if self.form.endswith("N") else season) + 1  # and the deviation of the errors


def criterion(fit: Fit, y: np.ndarray) -> float:
    k, n = fit.parameters(), np.isfinite(y).sum()
    return fit.follow(y)[1] + 2 * k + 2 * k * (k + 1) / (n - k - 1)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_likelihood_and_forecasts_are_those_of_the_textbook(form: str, holes: bool) -> None:
    y = seasonal_series(61)
    if holes:
        y[[0, 5, 6, 7, 8, 33, 60]] = np.nan
    forecasts, _, fits = run([y], form)
    fit = Fit.of(fits[0])
    assert fit.form == form
    assert fit.criterion == pytest.approx(criterion(fit, y), abs=1e-6)
    states, expected = fit.follow(y)[0], []
    for lead in range(6):
        expected.append(fit.forecast(states, len(y) + lead))
        states = fit.step(states, len(y) + lead, 0.0)
    np.testing.assert_allclose(forecasts[0], expected, rtol=1e-9)
    assert 0 < fit.alpha < 1
    assert 0 <= fit.beta <= fit.alpha
    assert 0 <= fit.gamma <= 1 - fit.alpha
    assert fit.phi == 1 if form[1:-1] != "Ad" else 0.8 <= fit.phi <= 0.98


@pytest.mark.parametrize("form", [form for form in FORMS if form[0] + form[-1] != "AM"])
def test_variances_are_those_of_simulated_futures(form: str) -> None:
    y = seasonal_series(80)
    forecasts, quantiles, fits = run([y], form, horizon=11)
    fit, paths = Fit.of(fits[0]), 100_000
    random, states = np.random.default_rng(0), fit.follow(y)[0]
    wide = states = States(states.level + np.zeros(paths), states.trend + np.zeros(paths), states.seasons)
    for lead in range(11):
        mean, error = fit.forecast(wide, 80 + lead), random.normal(0, fit.deviation, paths)
        future = mean * (1 + error) if form[0] == "M" else mean + error
        wide = fit.step(wide, 80 + lead, error)
        z = NormalDist().inv_cdf(0.9)
        deviation = (quantiles[0, lead, 2] - quantiles[0, lead, 0]) / 2 / z
        if form[0] == "M":
            spread = np.log(quantiles[0, lead, 2] / quantiles[0, lead, 0]) / 2 / z
            deviation = forecasts[0, lead] * np.sqrt(np.expm1(spread**2))
            assert quantiles[0, lead, 1] == pytest.approx(forecasts[0, lead] * np.exp(-(spread**2) / 2))
        else:
            assert quantiles[0, lead, 1] == pytest.approx(forecasts[0, lead])
        assert deviation == pytest.approx(future.std(), rel=0.02)


@pytest.mark.parametrize("form", ["ANN", "MAN", "AAdN", "ANA", "MAM", "MAdA"])
def test_no_other_parameters_are_likelier(form: str) -> None:
    """A search of another kind, from where this one ended and within the same bounds, gains nothing."""
    for seed in range(3):
        y = seasonal_series(60, seed)
        fit = Fit.of(run([y], form)[2][0])
        scale = np.array([0.1, 0.05, 0.05, 0.05, 1.0, 0.2, *([0.02 if form[-1] == "M" else 1.0] * (SEASON - 1))])
        if form.endswith("N"):
            scale[2], scale[6:] = 0, 0
        if form[1:-1] == "N":
            scale[[1, 5]] = 0
        if form[1:-1] != "Ad":
            scale[3] = 0

        def value(x: np.ndarray, fit: Fit = fit, y: np.ndarray = y, scale: np.ndarray = scale) -> float:
            move = x * scale
            alpha, beta, gamma, phi = np.array([fit.alpha, fit.beta, fit.gamma, fit.phi]) + move[:4]
            free = [old + new for old, new in zip(fit.states.seasons, move[6:], strict=False)]
            seasons = [*free, sum(fit.states.seasons) - sum(free)]
            inside = 1e-4 <= alpha <= 0.9999 and 0 <= beta <= alpha and 0 <= gamma <= 1 - alpha
            if not inside or not (phi == 1 or 0.8 <= phi <= 0.98):
                return np.inf
            states = States(fit.states.level + move[4], fit.states.trend + move[5], seasons)
            return Fit(fit.form, 0, 0, alpha, beta, gamma, phi, states).follow(y)[1]

        start = np.zeros(6 + SEASON - 1)
        found = optimize.minimize(value, start, method="Nelder-Mead", options={"maxfev": 1500, "adaptive": True})
        assert value(start) <= found.fun + 0.02


def test_the_form_is_the_one_of_least_criterion() -> None:
    series = [seasonal_series(70), seasonal_series(40, 1), 30 + np.random.default_rng(2).normal(size=50)]
    sound = [form for form in FORMS if form[0] + form[-1] != "AM"]
    every = np.array([run(series, form)[2][:, 1] for form in sound])
    fits = run(series, "ets")[2]
    assert [FORMS[int(number)] for number in fits[:, 0]] == [sound[best] for best in every.argmin(axis=0)]
    np.testing.assert_array_equal(fits[:, 1], every.min(axis=0))
    seasonal = [form for form in FORMS if form in ("MNM", "MAM", "MAdM")]
    chosen = run(series, "MZM")[2][:, 1]
    np.testing.assert_array_equal(chosen, np.min([run(series, form)[2][:, 1] for form in seasonal], axis=0))


def test_forms_are_averaged_by_their_akaike_weights() -> None:
    series = [seasonal_series(40), 30 + np.random.default_rng(2).normal(size=50)]
    sound = [form for form in FORMS if form[0] + form[-1] != "AM"]
    every = [run(series, form) for form in sound]
    criteria = np.array([fits[:, 1] for _, _, fits in every])
    weights = np.exp((criteria.min(axis=0) - criteria) / 2)
    weights[weights < 1e-3] = 0
    weights /= weights.sum(axis=0)
    assert (weights > 0).sum() > 6
    forecasts, quantiles, fits = run(series, "average")
    np.testing.assert_allclose(forecasts, sum(w[:, None] * found[0] for w, found in zip(weights, every, strict=True)))
    expected = sum(w[:, None, None] * found[1] for w, found in zip(weights, every, strict=True))
    np.testing.assert_allclose(quantiles, expected)
    np.testing.assert_array_equal(fits, run(series, "ets")[2])


def follow_theta(
    y: np.ndarray, dynamic: bool, alpha: float, theta: float, level: float, horizon: int
) -> tuple[float, list[float]]:
    """Mean squared error from the fourth row, and forecasts; lines fitted anew with numpy at every row."""

    def line(rows: np.ndarray) -> np.ndarray:
        known = np.flatnonzero(~np.isnan(rows))
        if len(known) < 2:
            return np.array([0.0, rows[known[0]] if len(known) else 0.0])
        return np.polyfit(known + 1, rows[known], 1)

    squares, forecasts, rows = [], [], y.copy()
    for row in range(len(y) + horizon):
        slope, intercept = line(rows[:row] if dynamic else y)
        kept = (1 - alpha) ** row
        forecast = level + (1 - 1 / theta) * (intercept * kept + slope * (1 - kept * (1 - alpha)) / alpha)
        if row >= len(y):
            forecasts.append(forecast)
            rows = np.append(rows, forecast)
        elif not np.isnan(y[row]) and row >= 3:
            squares.append((y[row] - forecast) ** 2)
        if not np.isnan(rows[row]):
            level = alpha * rows[row] + (1 - alpha) * level
    return float(np.mean(squares)), forecasts


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("model", THETAS)
def test_theta_is_that_of_its_equations(model: str, holes: bool) -> None:
    random = np.random.default_rng(0)
    y = 50 + 0.4 * np.arange(40) + random.normal(0, 1, 40).cumsum() + random.normal(0, 2, 40)
    if holes:
        y[[0, 7, 8, 9, 39]] = np.nan
    forecasts, quantiles, fits = run([y], model, season=1)
    number, error, deviation, alpha, theta, _, _, level, _ = fits[0]
    assert number == 18 + THETAS.index(model)
    assert theta >= 1 if model in ("otm", "dotm") else theta == 2
    expected, future = follow_theta(y, model.startswith("d"), alpha, theta, level, 6)
    assert error * np.nanmax(y) ** 2 == pytest.approx(expected)
    np.testing.assert_allclose(forecasts[0], future, rtol=1e-7)
    spread = deviation * np.sqrt(1 + np.arange(6) * alpha**2) * NormalDist().inv_cdf(0.9)
    np.testing.assert_allclose(quantiles[0, :, 2] - forecasts[0], spread, rtol=1e-9)

    def loss(x: np.ndarray) -> float:
        if not 0.1 <= x[0] <= 0.99 or x[2] < 1:
            return np.inf
        return follow_theta(y, model.startswith("d"), x[0], x[2] if model in ("otm", "dotm") else 2, x[1], 0)[0]

    found = optimize.minimize(loss, [alpha, level, min(theta, 1e3)], method="Nelder-Mead", options={"maxfev": 300})
    assert expected <= found.fun * 1.001


def test_theta_is_smoothing_with_half_the_slope_as_drift() -> None:
    """Hyndman and Billah (2003): far from the first row the method is simple smoothing plus half the line's slope."""
    y = 10 + 0.7 * np.arange(60) + np.random.default_rng(1).normal(0, 1, 60).cumsum()
    forecasts = run([y], "theta", season=1)[0][0]
    np.testing.assert_allclose(np.diff(forecasts), np.polyfit(np.arange(60), y, 1)[0] / 2, rtol=1e-6)


def test_the_best_of_the_four_thetas_is_chosen() -> None:
    series = [seasonal_series(50, seed) for seed in range(6)]
    errors = np.array([run(series, model)[2][:, 1] for model in THETAS])
    np.testing.assert_array_equal(run(series, "autotheta")[2][:, 1], errors.min(axis=0))


def classical_indices(y: np.ndarray, season: int) -> np.ndarray:
    weights = np.ones(season) / season if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5] / season
    half = season // 2
    ratios = y[half : len(y) - half] / np.convolve(y, weights, "valid")
    indices = np.array([ratios[(place - half) % season :: season].mean() for place in range(season)])
    return indices / indices.mean()


@pytest.mark.parametrize("season", [7, 12, 30])
def test_seasons_are_taken_out_and_put_back(season: int) -> None:
    y = 80 + seasonal_series(4 * season + 3, season=season) - 0.5 * np.arange(4 * season + 3)
    indices = classical_indices(y, season)
    for model in ("ses", "theta"):
        own = run([y], model, season, horizon=season)
        plain = run([y / indices[np.arange(len(y)) % season]], model, 1, horizon=season)
        back = indices[(len(y) + np.arange(season)) % season]
        np.testing.assert_allclose(own[0], plain[0] * back, rtol=1e-4)
        np.testing.assert_allclose(own[1], plain[1] * back[:, None], rtol=1e-3)


def test_noise_has_no_seasons_to_take_out() -> None:
    y = 100 + np.random.default_rng(0).normal(size=60)
    np.testing.assert_array_equal(run([y], "ses", 12)[0], run([y], "ses", 1)[0])


def test_seasons_of_values_around_zero_are_added() -> None:
    y = np.tile([-3.0, 1.0, 5.0, -3.0], 15) + np.random.default_rng(0).normal(0, 0.01, 60)
    np.testing.assert_allclose(run([y], "ses")[0][0], [-3, 1, 5, -3, -3, 1], atol=0.1)
    np.testing.assert_allclose(run([y], "ets")[0][0], [-3, 1, 5, -3, -3, 1], atol=0.1)


ALL = ["ets", "average", "quick", "ses", "holt", "damped", "autotheta", *THETAS, *FORMS]


@pytest.mark.parametrize("model", ALL)
def test_odd_series_have_finite_forecasts_of_their_size(model: str) -> None:
    random = np.random.default_rng(0)
    series = [
        *(np.full(rows, 7.0) for rows in (1, 2, 3, 40)),
        *(random.normal(5, 1, rows) for rows in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)),
        np.zeros(30),
        *(scale * seasonal_series(40) for scale in (1e-300, 1e-12, 1e12, 1e300)),
        np.arange(1.0, 41.0),
        2.0 ** np.arange(30),
        np.r_[np.zeros(39), 1.0],
        np.where(random.random(60) < 0.7, 0.0, random.integers(1, 9, 60)),
        1e9 + seasonal_series(40),
        np.r_[np.full(20, np.nan), 3.0, np.full(20, np.nan)],
        np.where(np.arange(50) % 7 == 0, seasonal_series(50), np.nan),
        np.r_[np.full(20, 5.0), np.full(20, 500.0)],
    ]
    forecasts, quantiles, fits = run(series, model, horizon=30)
    assert np.isfinite(forecasts).all()
    assert np.isfinite(quantiles).all()
    assert np.isfinite(fits).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()
    for y, own in zip(series, forecasts, strict=True):
        reach = np.ptp(y[~np.isnan(y)]) + 1e-9 * np.nanmax(np.abs(y))
        if len(y) < 30 or np.nanmin(y) == np.nanmax(y):
            assert np.abs(own - y[~np.isnan(y)][-1]).max() <= 40 * reach
    for number in [0, 1, 2, 3, 14, 24]:  # constant: what they were, without spread
        expected = series[number][~np.isnan(series[number])][-1]
        assert fits[number, 0] == NAIVE
        assert (forecasts[number] == expected).all()
        assert (quantiles[number] == expected).all()


def test_short_series_repeat_their_last_value_and_spread_like_a_random_walk() -> None:
    y = np.array([3.0, 5.0, np.nan, np.nan, 4.0, np.nan])
    forecasts, quantiles, fits = run([y], "ets")
    assert fits[0, 0] == NAIVE
    np.testing.assert_array_equal(forecasts, np.full((1, 6), 4.0))
    variance = (2.0**2 + 1.0**2 / 3) / 2
    spread = NormalDist().inv_cdf(0.9) * np.sqrt(variance * (1 + np.arange(1, 7)))
    np.testing.assert_allclose(quantiles[0, :, 2], 4 + spread)


@pytest.mark.parametrize("model", ["ets", "MAM", "autotheta"])
def test_a_series_in_other_units_has_the_same_forecasts_in_them(model: str) -> None:
    y = seasonal_series(50)
    one, other = run([y], model), run([y * 2.0**40], model)
    np.testing.assert_allclose(other[0], one[0] * 2.0**40, rtol=1e-12)
    np.testing.assert_allclose(other[1], one[1] * 2.0**40, rtol=1e-12)


@pytest.mark.parametrize("model", ["ets", "average", "quick", "damped", "autotheta"])
def test_each_series_is_fitted_by_itself_on_any_number_of_threads(model: str) -> None:
    series = [seasonal_series(20 + 3 * seed, seed) for seed in range(29)]
    series[3][::4] = np.nan
    alone = [run([y], model) for y in series]
    for threads in (1, 2, 5):
        for found, own in zip(run(series, model, threads=threads), zip(*alone, strict=True), strict=True):
            np.testing.assert_array_equal(found, np.concatenate(own))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "AXN"}, r"model: must be ets, .*; got AXN"),
        ({"model": "AAdAd"}, "model: must be"),
        ({"model": ""}, "model: must be"),
        ({"season": 0}, "season: must be at least 1; got 0"),
        ({"threads": 0}, "threads: must be at least 1; got 0"),
        ({"levels": np.array([0.1, 1.0, 0.5])}, "levels: must lie between 0 and 1"),
        ({"levels": np.array([0.1, np.nan, 0.5])}, "levels: must lie between 0 and 1"),
        ({"offsets": np.array([0, 3, 9])}, "offsets: must go from 0 to the number of values, 10"),
        ({"offsets": np.array([0, 12, 10])}, "offsets: must not fall"),
        ({"offsets": np.array([0, 0, 10])}, "values: each series must have at least one; got none in series 0"),
        ({"values": np.r_[np.full(4, np.nan), np.ones(6)]}, "got none in series 0"),
        ({"values": np.r_[np.ones(9), np.inf]}, "values: must be finite or NaN; got an infinite one in series 1"),
        ({"forecasts": np.zeros((3, 6))}, r"forecasts: must have shape \[2, 6\]; got \[3, 6\]"),
        ({"fits": np.zeros((2, 9))}, r"fits: must have shape \[2, 13\]"),
        ({"offsets": np.zeros(0, np.int64)}, "series of offsets: must be at least 1"),
    ],
)
def test_wrong_arguments_are_refused(changes: dict[str, object], said: str) -> None:
    right = {"values": np.ones(10), "offsets": np.array([0, 4, 10]), "season": SEASON, "model": "ets"}
    made = {"forecasts": np.zeros((2, 6)), "quantiles": np.zeros((2, 6, 3)), "fits": np.zeros((2, 13))}
    call: Callable[..., None] = _native.smoothing
    with pytest.raises(ValueError, match=said):
        call(**{**right, "levels": np.array([0.1, 0.5, 0.9]), **made, "threads": 1, **changes})
