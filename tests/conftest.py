"""Fixtures that several test files use."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("helpers")
# A busy machine is no bug, and nothing may fail by chance: `--hypothesis-profile=default` draws other examples.
settings.register_profile("seqconv", deadline=None, derandomize=True)
settings.load_profile("seqconv")


def pytest_configure(config):
    """The workers of a parallel run share the cores out: threads that wait for each other are slow on a busy core."""
    if worker := getattr(config, "workerinput", None):
        cores = sorted(os.sched_getaffinity(0))
        own = cores[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]
        os.sched_setaffinity(0, own or cores)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data files, for tests that need them."""
    folder = Path(os.environ.get("SEQCONV_DATA", ""))
    if not os.environ.get("SEQCONV_DATA") or not folder.is_dir():
        pytest.skip("SEQCONV_DATA does not name a folder with the real data files")
    return folder


@pytest.fixture(scope="module")
def quick():
    """Runs without pictures, and models of tables with few trees and steps: for tests that do not ask how well."""
    with (
        patch("seqconv.reports.plots.finish", lambda figure, title, description, newest=False: f"<svg>{title}</svg>"),
        patch("seqconv.tasks.panel.boosting.TREES", 30),
        patch("seqconv.tasks.panel.network.STEPS", 100),
    ):
        yield


@pytest.fixture
def write(tmp_path):
    def write(content, name="series.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
