"""Errors as users see them."""

import pytest

from seqconv.errors import DataError


def fails(call, path, *parts, error=DataError):
    """`call(path)` raises an error of one line that names the file and every part."""
    with pytest.raises(error) as caught:
        call(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message
