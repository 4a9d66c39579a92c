"""Reads JSON that seqconv wrote, within limits: its size, how deeply it is nested, text that can be written again."""

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 2**26
MOST_LEVELS = 64


def read_document(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        ValueError: not JSON, or beyond the limits.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"must be of at most {MOST_BYTES:,} bytes; got {size:,}")
    return parse_document(path.read_text("utf-8"))


def parse_document(text: str) -> Any:
    """The JSON in a text.

    Raises:
        ValueError: not JSON, or beyond the limits.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"must be nested at most {MOST_LEVELS} levels deep") from None
    _check_levels(value, MOST_LEVELS)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    return value


def _check_levels(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise ValueError(f"must be nested at most {MOST_LEVELS} levels deep")
        for each in value.values() if isinstance(value, dict) else value:
            _check_levels(each, left - 1)
