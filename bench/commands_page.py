"""Writes docs/commands.md from the commands themselves: `python bench/commands_page.py`."""

from pathlib import Path

from seqconv.cli.help import write_markdown

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"

if __name__ == "__main__":
    PAGE.write_text(write_markdown(), "utf-8")
