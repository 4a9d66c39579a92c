"""Chromium, and axe-core in it: what of a page fails those who do not see it well, or use no mouse."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FOUND = importlib.util.find_spec("axe_playwright_python")
AXE = Path(FOUND.origin).with_name("axe.min.js") if FOUND else None
SETTINGS = [(1000, "light"), (390, "dark")]  # width in pixels, colours


@contextmanager
def open_browser() -> Iterator:
    """A browser, or a test that is skipped with the reason why there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pages are tested with playwright: not installed")
    if BROWSER is None:
        pytest.skip("pages are tested in Chromium, which is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def find_violations(page) -> list[str]:
    """Rules of axe-core that an open page breaks, with what breaks them; none where axe-core is not installed.

    Reference: Deque, axe-core: WCAG 2.2 A and AA, and best practices.
    """
    if AXE is None:
        return []
    page.evaluate(AXE.read_text("utf-8"))
    broken = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [f"{rule['id']}: {rule['help']}: {node['html']}" for rule in broken for node in rule["nodes"]]
