"""The scikit-learn estimator for series: tables of one or many series, and networks on windows of arrays."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from seqconv.data.datasets import Names
from seqconv.errors import OptionError
from seqconv.estimators.tables import TableModel
from seqconv.estimators.windows import WindowForecaster
from seqconv.recipes.recipe import Layers
from seqconv.tasks.bundle import AnyBundle
from seqconv.tasks.panel.memory import is_series

COLUMNS = ("id", "time", "target", "known", "past", "static", "frequency", "holidays")
OF_WINDOWS = {"lookback": 48, "step": 1, "lead": 1, "network": ""}
OF_NETWORKS = ("epochs", "batch_size", "learning_rate", "patience", "validation", "interval")


class SeriesForecaster(WindowForecaster):
    """Forecast the series of a table, or the rows of an array.

    **A table**: a data frame (pandas, polars, pyarrow, DuckDB), the path of a file, or a panel from `read_panel`. Name
    the `target`, or give another parameter of the second group. `fit` finds the ids, the times, the frequency and the
    season, judges several models and their blend on the newest rows of each series, and fits the blend to all rows, as
    `seqconv forecast` does. `forecast` returns a frame of the kind that came in.

    **An array** `[T, C]`, or a frame of such columns without any of these parameters, is read by a network in windows.
    Row t of `predict(X)` is the forecast for row t, made `lead` rows earlier: it reads X up to row t - lead and nothing
    later. So it is aligned with y, as scikit-learn expects, and scores of `cross_val_score` with `TimeSeriesSplit` are
    honest. The network reads only X: include the target as a column of X if its past is informative. Rows whose window
    begins before X, crosses a hole or contains NaN get the naive forecast (the newest value of the target known then,
    if it is a column of X; else its training mean). A frame whose index continues that of training is joined to the end
    of the training rows, so that its first rows have whole windows; arrays have no index.

    Args:
        lookback: length of a window in rows.
        step: distance in rows between the rows that are read; `lookback` is a multiple of it.
        lead: rows from the newest row read to the row forecast; or several, ascending.
        network: name or TOML file of a recipe whose network and training settings are used; or a list of layers, see
            `seqconv.layers`; empty: the default for series.
        epochs, batch_size, learning_rate, patience, random_state, n_jobs: as for `TextClassifier`.
        validation: fraction of the rows (the newest) to hold out, to stop early and keep the best epoch; 0: none; None:
            0.1 if the recipe has patience and that is enough for a window, else 0.
        interval: nominal coverage of `predict_interval` (0: no intervals); None: that of the recipe.
        quantiles: levels of quantiles to predict, such as `[0.1, 0.5, 0.9]`: of an array by `predict_quantiles`, in
            place of intervals; of a table by `forecast`, in place of nine. None: no others.
        metric: by which models, and the blend, are chosen, of `seqconv settings metric`; empty: the usual ones.
        target: column to forecast; empty: the only column of numbers.
        horizon: how far to forecast, step by step: rows, or a duration such as `12mo`; None: by the frequency.
        id: columns that tell the series apart; empty: inferred.
        time: column of times; empty: inferred.
        known, past, static, frequency, holidays: as in `seqconv settings data`.
        model: of a table, of `seqconv settings training`, such as `ets`; empty: the blend of all. Of an array `network`
            or `blend`, which adds the naive forecasts, ridge regression and boosted trees, weighed by their errors on
            the rows held out (a fifth if `validation` is None); the target is a column of X then. Empty: `network`.

    Attributes:
        history_: of windows: loss and mean absolute error of each epoch, in standard deviations of the target.
        verdict_: of a table: how good such forecasts were, in a sentence.
        scores_: of a table: the scores of each model on the validation and the test rows.
        notes_: of a table: what was inferred.
        bundle_: of a table: the model, as `seqconv.models.format.write_bundle` writes it.

    Examples:
        >>> import polars
        >>> months = polars.date_range(polars.date(2020, 1, 1), polars.date(2023, 12, 1), "1mo", eager=True)
        >>> table = polars.DataFrame({"month": months, "sold": [10.0 + n % 12 for n in range(48)]})
        >>> model = SeriesForecaster(target="sold", horizon=3, model="seasonal").fit(table)
        >>> model.forecast().select("month", "forecast").rows()[0]
        (datetime.date(2024, 1, 1), 10.0)

        >>> hours = np.arange(300)
        >>> model = SeriesForecaster(lookback=24, epochs=5, random_state=0).fit(np.sin(hours / 4)[:, None])
        >>> model.predict(np.sin(hours / 4)[:, None]).shape, model.forecast().shape
        ((300, 1), (1, 1))
    """

    _table: TableModel | None = None  # of an estimator that was fitted to one

    def __init__(
        self,
        *,
        lookback: int = 48,
        step: int = 1,
        lead: int | Sequence[int] = 1,
        network: Layers = "",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        validation: float | None = None,
        interval: float | None = None,
        quantiles: Any = None,
        metric: str = "",
        random_state: Any = None,
        n_jobs: int | None = None,
        target: str = "",
        horizon: int | str | None = None,
        id: Names = (),
        time: str = "",
        known: Names = (),
        past: Names = (),
        static: Names = (),
        frequency: str = "",
        holidays: str = "",
        model: str = "",
    ) -> None:
        self.lookback = lookback
        self.step = step
        self.lead = lead
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation = validation
        self.interval = interval
        self.quantiles = quantiles
        self.metric = metric
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.target = target
        self.horizon = horizon
        self.id = id
        self.time = time
        self.known = known
        self.past = past
        self.static = static
        self.frequency = frequency
        self.holidays = holidays
        self.model = model

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to a table, or train on the rows of an array in chronological order.

        Args:
            X: a table; or `[T, C]`; the times of a frame are its index, or its first column of times.
            y: of an array: target of each row, `[T]` or `[T, D]`; None: the columns of X.

        Raises:
            DataError, ConfigError, ValueError: no such column, series too short; too few rows for a window, rows out of
                order, infinite values, a constant column, or a parameter out of range.
        """
        of_table = self.model and not isinstance(X, np.ndarray | list)
        if not (self._name_columns() or self.horizon is not None or of_table or is_series(X)):
            self._table = None
            return super().fit(X, y)
        if y is not None:
            raise OptionError("y must be left out with a table, whose column `target` names; got one")
        return self._fit_table(X)

    def _fit_table(self, table: Any) -> Self:
        given = [name for name, usual in OF_WINDOWS.items() if getattr(self, name) != usual]
        given += [name for name in OF_NETWORKS if getattr(self, name) is not None]
        if given:
            raise OptionError(f"{given[0]} is of networks on windows of an array; X is a table. Leave it out")
        training: dict[str, Any] = {} if self.random_state is None else {"seed": self._draw_seed()}
        training |= {"model": self.model} if self.model else {}
        training |= {"metric": self.metric} if self.metric else {}
        training |= {"quantiles": levels} if (levels := self._read_quantiles()) else {}
        horizon = "" if self.horizon is None else str(self.horizon)
        self._table = TableModel.fit(table, self._name_columns(), training, horizon, self._threads())
        self.verdict_, self.scores_, self.notes_ = self._table.verdict, self._table.scores, self._table.notes
        return self

    def _name_columns(self) -> dict[str, Any]:
        """What the user says of the columns of a table."""
        return {name: value for name in COLUMNS if (value := getattr(self, name)) not in ("", (), [])}

    def predict(self, X: Any) -> np.ndarray:
        """Of an array: the forecast for each row: `[T]`, `[T, D]` for y `[T, D]`; several leads: `[T, leads]` or
        `[T, leads, D]`.

        Raises:
            DataError, ValueError: no row has a whole window, or the columns differ from those in training.
        """
        self._refuse_table("predict", "forecast")
        return super().predict(X)

    def predict_interval(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Of an array: lower and upper bound of the interval for each row, each with the shape of `predict(X)`.

        Intervals are calibrated on the rows held out for validation; without any they are mostly too narrow. Rows
        without a whole window have NaN.

        Raises:
            DataError, ValueError: see `predict`, and a network without intervals.
        """
        self._refuse_table("predict_interval", "forecast, which returns quantiles")
        return super().predict_interval(X)

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Of an array: the quantiles at each of `quantiles` for each row, `[Q, ...]` with the shape of `predict(X)`.

        They are calibrated as intervals are.

        Raises:
            DataError, ValueError: see `predict`, and a network without quantiles.
        """
        self._refuse_table("predict_quantiles", "forecast, which returns quantiles")
        return super().predict_quantiles(X)

    def forecast(self, X: Any = None, *, steps: int | None = None, future: Any = None) -> Any:
        """The rows after the newest one.

        Of a table a frame of the kind that came in: the ids, the time, `forecast` (the median) and the quantiles `q0.1`
        to `q0.9`, a row for each series and step. Of an array `[leads]`, or `[leads, D]` for y `[T, D]`.

        Args:
            X: rows up to now, of other series too; None: the training rows.
            steps: of a table: the first steps alone; None: the whole horizon.
            future: a table of what is known of the rows to forecast, see `future_frame`; None: the rows of the table
                whose target is empty.

        Raises:
            DataError, ValueError: a column is missing, the newest window is not whole, or rows of the future do not
                follow the newest value one by one.
        """
        if self._table is not None:
            return self._table.forecast(X, steps, future)
        if steps is not None or future is not None:
            raise OptionError("steps and future need a model of a table. Fit one, or leave them out")
        return super().forecast(X)

    def future_frame(self, X: Any = None) -> Any:
        """A form for what is known of the rows to forecast, to fill in and pass to `forecast(future=...)`.

        It is a frame of the kind that came in: the ids, the time and the known columns, empty where the table does not
        hold them yet.

        Args:
            X: rows up to now; None: the training rows.
        """
        return self._need_table("future_frame").future_frame(X)

    def evaluate(self, X: Any = None) -> Any:
        """Scores of each series: a frame of the kind that came in, with the ids, the number of `forecasts`, `mase`,
        `mase_seasonal_naive` and `mae`; empty for a series that is too short.

        Args:
            X: every forecast of a table whose truth is known is scored; None: those of the newest rows of the training
                table, by the model before it was fitted to them.
        """
        return self._need_table("evaluate").evaluate(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Of a table: the skill, 1 - MASE / MASE of the seasonal naive forecast; 1 is perfect, 0 no better.

        Of an array: R² of `predict(X)`, the mean over several leads. If y is None: for the columns of X.
        """
        return super().score(X, y, sample_weight) if self._table is None else self._table.skill(X)

    @property
    def bundle_(self) -> AnyBundle:
        """Of a table: the model."""
        return self._need_table("bundle_").bundle

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Pickles of earlier versions have no parameters of tables."""
        super().__setstate__(SeriesForecaster().get_params() | state)

    def _need_table(self, what: str) -> TableModel:
        if self._table is None:
            raise OptionError(f"{what} needs a model of a table. Fit one: name the target")
        return self._table

    def _refuse_table(self, what: str, instead: str) -> None:
        if self._table is not None:
            raise OptionError(f"{what} is of arrays; the model is of a table. Use {instead}")


def forecast(table: Any, horizon: int | str | None = None, *, future: Any = None, **settings: Any) -> Any:
    """Forecast every series of a table: a frame of the kind that came in, see `SeriesForecaster.forecast`.

    Args:
        table: a data frame, the path of a file, or a panel.
        horizon: rows, or a duration such as `12mo`; None: by the frequency.
        future: a table of what is known of the rows to forecast.
        settings: parameters of `SeriesForecaster`, such as `target` and `id`.

    Raises:
        SeqconvError: see `SeriesForecaster.fit` and `forecast`.
    """
    return SeriesForecaster(horizon=horizon, **settings)._fit_table(table).forecast(future=future)
