"""What the rows of a series are like: the values of each column."""

from seqconv.data.records import Series
from seqconv.tasks.profiles import Sample
from seqconv.tasks.series.features import SeriesFeatures


def sample_rows(features: SeriesFeatures, series: Series) -> list[Sample]:
    """The values of each column that the model reads; a missing value is one of them."""
    places = [series.columns.index(name) for name in features.columns]
    return [Sample(name, series.values[:, place]) for name, place in zip(features.columns, places, strict=True)]
