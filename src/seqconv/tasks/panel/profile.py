"""What the rows of a table of series are like: the values of each column, and whose they are."""

import numpy as np

from seqconv.data.records import Panel
from seqconv.tasks.panel.features import PanelFeatures
from seqconv.tasks.profiles import Sample


def sample_panel(features: PanelFeatures, panel: Panel, ends: np.ndarray | None = None) -> list[Sample]:
    """The ids, the column to forecast and the others at all rows whose target may be known.

    Args:
        ends: the row at which the rows of each series end that count; None: after the newest value.
    """
    last = panel.ends if ends is None else np.maximum(ends, panel.offsets[:-1])
    rows = np.arange(len(panel.values))
    inside = rows < np.repeat(last, np.diff(panel.offsets))
    series = np.repeat(np.arange(len(panel)), np.diff(panel.offsets))[inside]
    found = [Sample(features.name, panel.values[inside])]
    for place, name in enumerate(panel.names):
        keys = Sample.of_names(name, [key[place] for key in panel.keys])
        found.append(Sample(name, keys.values[series], keys.names))
    for column in features.columns:
        cells = panel.columns[column.name][inside]
        if cells.dtype == object:
            found.append(Sample.of_names(column.name, cells.tolist()))
        else:
            found.append(Sample(column.name, cells.astype(np.float64)))
    return found
