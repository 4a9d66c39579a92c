"""The seeds of a fuzzer: `@pytest.mark.fuzz(small=30, whole=3000)` on a test with the argument `seeds`."""

_BLOCK = 100  # seeds per test item, so that parallel workers share them


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="run every seed of the fuzzers")


def pytest_generate_tests(metafunc):
    if "seeds" in metafunc.fixturenames:
        limits = metafunc.definition.get_closest_marker("fuzz").kwargs
        # the option exists only if this folder is named on the command line, as in `make fuzz`
        last = limits["whole" if metafunc.config.getoption("--whole", False) else "small"]
        blocks = [range(first, min(first + _BLOCK, last)) for first in range(0, last, _BLOCK)]
        metafunc.parametrize("seeds", blocks, ids=lambda block: f"{block.start}-{block.stop - 1}")
