"""The first sheet of an Excel workbook as CSV, so that its header, numbers and times are inferred as those of a CSV."""

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import IO

from seqconv.errors import DataError, MissingExtra, shorten

_PART = "xl/workbook.xml"  # of every .xlsx; .xlsb has a binary one


def is_workbook(content: IO[bytes]) -> bool:
    """Whether the content is an .xlsx; `content` is rewound."""
    try:
        with zipfile.ZipFile(content) as archive:
            return _PART in archive.namelist()
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError):
        return False
    finally:
        content.seek(0)


def read_sheet(path: Path, content: IO[bytes]) -> tuple[bytes, tuple[str, ...]]:
    """The cells of the first sheet as CSV in UTF-8, times as ISO 8601, and a note if there are more sheets.

    Raises:
        DataError: a damaged workbook, or an empty sheet.
        MissingExtra: fastexcel, which reads workbooks, is not installed.
    """
    import polars

    if importlib.util.find_spec("fastexcel") is None:
        cure = "pip install 'seqconv[files]', or save it as CSV (UTF-8)"
        raise MissingExtra(f"{path}: an Excel workbook is read by fastexcel, which is not installed: {cure}")
    import fastexcel

    source = content.read()
    try:
        names = fastexcel.read_excel(source).sheet_names
        frame = polars.read_excel(source, has_header=False, infer_schema_length=0, raise_if_empty=False)
    except Exception as error:  # the exceptions of the reader have no common base
        problem = f"it is damaged ({shorten(error)})"
        raise DataError(f"{path}: must be a complete Excel workbook; {problem}. Save it again, or as CSV") from error
    filled = [name for name in frame.columns if frame[name].null_count() < len(frame)]
    frame = frame.select(filled).filter(~polars.all_horizontal(polars.col(filled).is_null())) if filled else frame[:0]
    if not len(frame):
        raise DataError(f"{path}: the first sheet, {names[0]!r}, must hold a table; it is empty. Put the table first")
    notes = (f"read the first of {len(names)} sheets, {names[0]!r}",) if len(names) > 1 else ()
    written = io.BytesIO()
    frame.write_csv(written, include_header=False)
    return written.getvalue(), notes
