"""The models that the servers of these tests have."""

from pathlib import Path

import pytest

from helpers.serving import write_networks
from seqconv.models.predictor import Predictor


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def networks(folder) -> dict[str, Predictor]:
    return write_networks(folder)
