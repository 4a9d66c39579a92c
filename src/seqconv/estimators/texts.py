"""Texts as scikit-learn's estimators take them: a list, an array or a column; or a frame with columns next to them."""

from dataclasses import replace
from typing import Any

from seqconv.data.frames import list_texts
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.records import Texts
from seqconv.errors import DataError
from seqconv.estimators.base import ExampleEstimator
from seqconv.recipes.recipe import AnyRecipe
from seqconv.tasks.text.rows import TextRows, rows_of_frame, rows_of_table


class TextEstimator(ExampleEstimator):
    """What the classifier and the regressor of texts share: how they read X."""

    task = "text"
    text: str = ""  # pickles of version 0.1.0 have neither
    columns: Any = None
    unit: str | None = None

    def _read_texts(self, X: Any) -> TextRows:
        """The texts to fit to; sets the column that they come from."""
        self._column, names = "", self.columns
        if names is None:
            return TextRows(_list_given(X))
        rows, self._column = rows_of_frame(X, self.text, (names,) if isinstance(names, str) else tuple(names))
        return rows

    def _read_inputs(self, X: Any) -> Any:
        features, rows = self._features, self._read_rows(X)
        texts = features.columns.join(rows.texts, rows.columns)
        return features.inputs(features.vocabulary.encode(texts, self._threads()), texts, rows.columns)

    def _read_rows(self, X: Any) -> TextRows:
        """Texts as the fitted model reads them."""
        if getattr(self, "_column", ""):
            return rows_of_table(table_from_frame(X, "X"), self._column, self._features.columns.names)
        return TextRows(_list_given(X))

    def _name_columns(self, recipe: AnyRecipe, texts: Texts) -> AnyRecipe:
        """The recipe with the columns that were read, for whoever asks the model later."""
        if not texts.columns:
            return recipe
        return replace(recipe, data=replace(recipe.data, text=self._column, columns=tuple(texts.columns)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = False, True, True
        return tags


def _list_given(X: Any) -> list[str]:
    texts = list_texts(X, "X")
    if not texts:
        raise DataError("X must hold at least one text; got 0 sample(s). Give some")
    return texts
