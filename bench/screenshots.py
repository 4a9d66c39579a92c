"""Pictures of a page as Chromium shows it, light and dark: `python bench/screenshots.py`, with playwright."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
COMMANDS = (
    ("data", "demo-sales", "-o", "sales.csv"),
    ("forecast", "sales.csv", "--target", "sales", "--horizon", "12mo", "-o", "forecast.csv", "--quiet"),
)
PAGE = "runs/sales/forecast.html"
SIZE = {"width": 860, "height": 522}  # CSS pixels, each drawn by two


def main() -> None:
    """Forecast the demo table, and write the upper part of the page in both schemes."""
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        for command in COMMANDS:
            subprocess.run([sys.executable, "-m", "seqconv", *command], cwd=folder, check=True)
        browser = driver.chromium.launch(executable_path=next(browsers), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=scheme, device_scale_factor=2)
            page.goto((Path(folder) / PAGE).as_uri())
            page.screenshot(path=IMAGES / f"forecast-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
