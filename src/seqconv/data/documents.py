"""Reads JSON, whoever wrote it, within limits: its size, how deeply it is nested, text that can be written again."""

import json
import re
from pathlib import Path
from typing import Any

MOST_BYTES = 2**26
MOST_LEVELS = 64
TOO_DEEP = f"it is nested too deeply (at most {MOST_LEVELS} levels deep)"
_DECODER = json.JSONDecoder()


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


def parse_document(text: str, decoder: json.JSONDecoder = _DECODER) -> Any:
    """The JSON in a text.

    Raises:
        UnicodeEncodeError: half of a character.
        ValueError: not JSON, or beyond the other limits.
    """
    try:
        value = decoder.decode(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    if isinstance(value, dict | list):
        _check_levels(value, MOST_LEVELS)
    if re.search(r"\\u[dD]", text):
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    return value


def _check_levels(value: dict[str, Any] | list[Any], left: int) -> None:
    if not left:
        raise ValueError(TOO_DEEP)
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            _check_levels(each, left - 1)
