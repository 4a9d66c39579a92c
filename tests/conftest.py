"""Fixtures that several test files use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data files, for tests that need them."""
    folder = Path(os.environ.get("SEQCONV_DATA", ""))
    if not os.environ.get("SEQCONV_DATA") or not folder.is_dir():
        pytest.skip("SEQCONV_DATA does not name a folder with the real data files")
    return folder
