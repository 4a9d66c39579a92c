"""Load data by path, or by name: public data sets and demo data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seqconv.data.demo import demo_sales, demo_series, demo_texts
from seqconv.data.frames import SOURCE
from seqconv.data.newer import append_panel, append_series
from seqconv.data.readers.dataframes import table_from_frame
from seqconv.data.readers.grids import fill_values
from seqconv.data.readers.panel_times import PanelColumns
from seqconv.data.readers.panels import panel_from_table
from seqconv.data.readers.reviews import is_review_folder, read_encoded, read_reviews
from seqconv.data.readers.roles import Roles
from seqconv.data.readers.sequence_tables import SequenceColumns
from seqconv.data.readers.sequences import find_partner, read_sequences
from seqconv.data.readers.series import oldest_first, series_from_table
from seqconv.data.readers.tables import Table, create_table, read_table, write_table
from seqconv.data.readers.text_tables import TextColumns
from seqconv.data.readers.texts import read_rows, to_texts
from seqconv.data.records import Panel, PanelData, SequenceData, Sequences, Series, SeriesData, TextData, Texts
from seqconv.data.remotes import NAMES, Progress
from seqconv.data.urls import fetch, is_url
from seqconv.errors import DataError, in_python, name_parameters, near_path, nearest
from seqconv.recipes.sections import ALL, PanelDataConfig, SequenceDataConfig, SeriesDataConfig, TextDataConfig
from seqconv.recipes.settings import parse_number

TEXTS = ("imdb", "demo-text")
SERIES = ("jena", "etth1", "weather", "demo-series")
Names = str | Sequence[str]
HEADERS = {"guess": None, "yes": True, "no": False}


def export(name: str, path: Path, progress: Progress | None = None) -> Path:
    """Write a named data set as a table: `text` and `label` of all texts, or the times and columns of a series.

    Raises:
        DataError: an unknown name, or a copy without words.
        ConfigError: another file extension, or a path that cannot be written.
    """
    if name in TEXTS:
        texts = load_texts(TextDataConfig(source=name), progress)
        parts = [part for part in (texts.train, texts.test) if isinstance(part, Texts)]
        if not parts:
            raise DataError(f"{name}: must hold words to be written as texts; this copy holds only word ranks")
        labels = [part.classes[label] for part in parts for label in part.labels]
        write_table(create_table({"text": [text for part in parts for text in part.texts], "label": labels}), path)
    elif name in SERIES:
        series = load_series(SeriesDataConfig(source=name), progress).train
        times = [str(time).replace("T", " ") for time in series.times]
        write_table(create_table({"time": times, **dict(zip(series.columns, series.values.T, strict=True))}), path)
    elif name == "demo-sales":
        write_table(create_table(demo_sales()), path)
    else:
        raise DataError(f"data: must be the name of a data set; got {name!r}. {nearest(name, NAMES)}")
    return path


def load_sequences(config: SequenceDataConfig, progress: Progress | None = None) -> SequenceData:
    """Labelled sequences by path; the test file next to `NAME_TRAIN.ts` is found automatically.

    Raises:
        DataError: no such file, or a file with invalid content.
    """
    path = _resolve(config.source, (), progress)
    files = (config.test_file or find_partner(path), config.validation_file)
    found = read_sequences(path, layout=config.layout, columns=sequence_columns(config))
    parts = _cut(found, found.splits, path)
    alike = replace(config, **(dict(found.settled) | {"group": "", "split": ""}))
    for name, file in zip(("test", "validation"), files, strict=True):
        _check_part(name, file, parts)
        if file:  # nothing is fitted to test rows, so what they weigh does not matter
            own = sequence_columns(alike if name == "validation" else replace(alike, weight=""))
            parts[name] = read_sequences(fetch(file), layout=config.layout, channels=len(found.channels), columns=own)
    own, channels = sequence_columns(alike), len(found.channels)
    newer = (
        read_sequences(fetch(file), layout=config.layout, channels=channels, columns=own) for file in config.updates
    )
    return SequenceData(parts["train"], parts.get("test"), parts.get("validation"), newer=tuple(newer))


Cut = TypeVar("Cut", Texts, Sequences)


def _cut(found: Cut, splits: np.ndarray | None, path: Path) -> dict[str, Cut]:
    """The examples of each split that a column says; without one all are `train`.

    Raises:
        DataError: none are.
    """
    if splits is None:
        return {"train": found}
    if not (splits == "train").any():
        raise DataError(f"{path}: data.split must say 'train' of some row; it does of none. Name another column")
    return {str(name): found.take(np.flatnonzero(splits == name)) for name in np.unique(splits)}


def _check_part(name: str, file: object, parts: Mapping[str, object]) -> None:
    if file and name in parts:
        raise DataError(f"data.{name}_file: must be left out where data.split gives {name} rows; got {file}")


def sequence_columns(config: SequenceDataConfig) -> SequenceColumns:
    """What the settings say of the columns of a table."""
    return SequenceColumns(
        config.id,
        config.time,
        next(iter(config.label), ""),
        next(iter(config.target), ""),
        config.inputs,
        config.interval,
        HEADERS[config.header],
        config.decimal,
        Roles(config.weight, config.group, config.split),
    )


def load_texts(config: TextDataConfig, progress: Progress | None = None) -> TextData:
    """Labelled texts by name (`imdb`, `demo-text`) or path: a review archive or folder, Keras's `imdb.npz`, or any
    table, folder or file of labelled texts.

    Raises:
        DataError: an unknown name, no such file, or a file with invalid content.
    """
    found = _load_texts(config, progress)
    if not config.updates:
        return found
    train: Any = found.train
    if not hasattr(train, "texts"):
        raise DataError(f"{config.source}: must hold texts to be updated; it holds word ranks. Train on raw texts")
    files = {"test_file": "", "validation_file": "", "updates": (), "group": "", "split": ""}
    alike = replace(config, **(dict(train.settled) | files))
    return replace(found, newer=tuple(_load_newer(replace(alike, source=file)) for file in config.updates))


def _load_newer(config: TextDataConfig) -> Any:
    train: Any = _load_texts(config, None).train
    if not hasattr(train, "texts"):
        raise DataError(f"{config.source}: must hold texts, as in training; it holds word ranks. Give texts")
    return train


def _load_texts(config: TextDataConfig, progress: Progress | None) -> TextData:
    if config.source == "demo-text":
        return demo_texts()
    path = _resolve(config.source, TEXTS, progress)
    if path.suffix == ".npz":
        return read_encoded(path)
    if path.is_dir() and is_review_folder(path):
        return read_reviews(path)
    if path.name.endswith((".tar.gz", ".tgz")):
        from seqconv.data.review_cache import load_archive

        return load_archive(path)
    parts = _read_texts(path, config)
    train = parts["train"]
    alike = replace(config, **(dict(train.settled) | {"group": "", "split": ""}))
    for name, file in (("test", config.test_file), ("validation", config.validation_file)):
        _check_part(name, file, parts)
        if file:  # nothing is fitted to test rows, so what they weigh does not matter
            parts |= {name: _read_texts(file, alike if name == "validation" else replace(alike, weight=""))["train"]}
    return TextData(train, parts.get("test"), parts.get("validation"))


def _read_texts(path: str | Path, config: TextDataConfig) -> dict[str, Texts]:
    """The texts of each split that a column says; without one all are `train`."""
    rows = read_rows(fetch(path), text_columns(config))
    return _cut(to_texts(rows, str(path)), rows.marked.splits, Path(path))


def text_columns(config: TextDataConfig) -> TextColumns:
    """What the settings say of the columns of a table."""
    roles, target = Roles(config.weight, config.group, config.split), next(iter(config.target), "")
    return TextColumns(config.text, ",".join(config.label), target, HEADERS[config.header], roles, config.columns)


def load_series(config: SeriesDataConfig, progress: Progress | None = None) -> SeriesData:
    """A time series by name (`jena`, `demo-series`) or path: any table with a time column.

    Raises:
        DataError: an unknown name, no such file, or a file with invalid content.
    """
    if config.source == "demo-series":
        return SeriesData(demo_series())
    path = _resolve(config.source, SERIES, progress)
    named = (*config.inputs, *config.target) if config.inputs else ()
    asked = tuple(name for name in dict.fromkeys(named) if (name,) != ALL)
    missing = parse_number(config.missing, "data.missing")

    def read(file: str | Path, config: SeriesDataConfig, asked: tuple[str, ...]) -> Series:
        table = read_table(fetch(file), HEADERS[config.header], decimal=config.decimal)
        table = oldest_first(table, config.time, config.dates)
        return series_from_table(table, config.time, config.interval, config.zone, asked, missing, config.dates)

    train = read(path, config, asked)
    alike = replace(config, **train.settled)
    files = (config.test_file, config.validation_file)
    if config.updates and any(files):
        raise DataError("data.updates must be left out where files hold validation and test rows; got both")
    for file in config.updates:
        train = append_series(train, read(file, alike, train.columns))
    return SeriesData(train, *(read(file, alike, train.columns) if file else None for file in files))


def load_panel(config: PanelDataConfig, progress: Progress | None = None) -> PanelData:
    """One or many series from a table.

    Raises:
        DataError: no such file, or a file with invalid content.
    """
    path = _resolve(config.source, (), progress)
    panel = _read_panel(open_table(path, config), config)
    alike = replace(config, **panel.settled)
    for file in config.updates:
        panel = append_panel(panel, panel_from_table(open_table(file, alike), panel_columns(alike)))
    return PanelData(fill_values(panel, config.fill) if config.updates else panel)


def read_panel(
    table: Any,
    *,
    id: Names = (),
    time: str = "",
    target: str = "",
    known: Names = (),
    past: Names = (),
    static: Names = (),
    **settings: Any,
) -> Panel:
    """Read one or many series from a data frame or a file.

    What is left out is inferred; the panel's `notes` say what has been.

    Args:
        table: a frame or a query of pandas, polars, pyarrow, DuckDB or another library that narwhals knows; or the path
            of a table.
        id: columns that tell the series apart.
        time: the column of times; `none`: the rows are counted.
        target: the column to forecast.
        known: columns whose future is known when a forecast is made, such as promotions.
        past: further columns to learn from, known up to the forecast only.
        static: columns that hold one value for each series.
        settings: `frequency`, `zone`, `dates`, `decimal`, `missing`, `duplicates`, `fill` and `header`, as
            `seqconv settings data` describes them.

    Raises:
        DataError: no such column, or rows that are no series.
        ConfigError: an unknown or invalid setting.

    Examples:
        >>> import polars
        >>> months = ["2024-01", "2024-02", "2024-03", "2024-04"]
        >>> panel = read_panel(polars.DataFrame({"month": months, "sold": [3, 5, 4, 6]}), target="sold")
        >>> panel.frequency.name, panel.values.tolist()
        ('month', [3.0, 5.0, 4.0, 6.0])
    """
    columns = {"id": id, "time": time, "target": target, "known": known, "past": past, "static": static}
    with in_python():
        return read_own_panel(table, columns | settings)


def read_own_panel(table: Any, settings: Mapping[str, Any]) -> Panel:
    """The same by a mapping of settings, of which a Panel keeps those that differ from the defaults."""
    given = {name: value for name, value in settings.items() if value not in ("", ())}
    config = PanelDataConfig.from_dict({name: _list(value) for name, value in given.items()})
    panel = _read_panel(open_table(table, config), config)
    own = {name: getattr(config, name) for name in given}
    return replace(panel, settled=own | dict(panel.settled), notes=tuple(map(name_parameters, panel.notes)))


def open_table(table: Any, config: PanelDataConfig) -> Table:
    """A frame, or the table at a path, by these settings."""
    if isinstance(table, str | Path):
        return read_table(fetch(table), HEADERS[config.header], decimal=config.decimal)
    return replace(table_from_frame(table), decimal=config.decimal)


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _read_panel(table: Table, config: PanelDataConfig) -> Panel:
    return fill_values(panel_from_table(table, panel_columns(config)), config.fill)


def panel_columns(config: PanelDataConfig) -> PanelColumns:
    """What the settings say of the columns of a table."""
    return PanelColumns(
        config.id,
        config.time,
        next(iter(config.target), ""),
        (*config.known, *config.past),
        config.static,
        config.frequency,
        config.zone,
        config.dates,
        parse_number(config.missing, "data.missing"),
        config.duplicates,
    )


def _resolve(source: str, names: tuple[str, ...], progress: Progress | None) -> Path:
    if source in names:
        from seqconv.data.downloads import locate

        return locate(source, progress)
    if is_url(source):
        return fetch(source)
    path = Path(source).expanduser()
    if source and path.exists():
        return path
    if source == SOURCE:
        raise DataError(f"{source}: must be given again, because they were in memory, in no file. Pass them, or a FILE")
    known = f"{' or '.join(names)}, or " if names else ""
    hint = near_path(source) or (nearest(source, names) if names else "")
    hint = "That is data for another task" if source in TEXTS + SERIES else hint
    raise DataError(f"{source or 'data.source'}: must be {known}an existing path; there is none. {hint}".strip())
