"""The names that numbers of classes stand for, as Parquet files of the Hugging Face Hub say them."""

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

_KEY = "huggingface"  # of the metadata; Reference: datasets, `Features` and `ClassLabel`


def read_class_names(source: Path | IO[bytes]) -> dict[str, list[str]]:
    """The names of the classes of each column that has some; empty: the file says nothing."""
    import polars

    read = getattr(polars, "read_parquet_metadata", None)  # not in the oldest version that will do
    found: Any = read(source).get(_KEY) if read else None
    try:
        features = json.loads(found)["info"]["features"] if found else {}
        named = {name: each.get("names") for name, each in features.items() if each.get("_type") == "ClassLabel"}
    except (ValueError, LookupError, TypeError, AttributeError):  # written by something else
        return {}
    return {name: each for name, each in named.items() if isinstance(each, list) and all(map(_is_text, each))}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def name_classes(frame: "polars.DataFrame", names: dict[str, list[str]]) -> "polars.DataFrame":
    """The frame with names in place of numbers; a number without a name, such as -1 of unlabelled rows, is missing."""
    import polars

    known = {name: each for name, each in names.items() if name in frame.columns and frame[name].dtype.is_integer()}
    return frame.with_columns(
        polars.col(name).replace_strict(dict(enumerate(each)), default=None, return_dtype=polars.String)
        for name, each in known.items()
    )


def describe_names(names: dict[str, list[str]]) -> tuple[str, ...]:
    """A note for each column."""
    return tuple(
        f"{name!r} named as the file says: {', '.join(each[:5])}{' and more' if each[5:] else ''}"
        for name, each in names.items()
    )
