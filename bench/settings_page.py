"""Writes docs/settings.md from the settings themselves: `python bench/settings_page.py`."""

from pathlib import Path

from seqconv.cli.settings import write_markdown

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

if __name__ == "__main__":
    PAGE.write_text(write_markdown(), "utf-8")
