"""The two journeys of docs/first-steps.md, run as they stand there, and what they print: python bench/journeys.py."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from reproduction_page import replace_between

PAGE = Path(__file__).parent.parent / "docs" / "first-steps.md"
SHOWN = ("train", "explain")  # commands whose output the page shows
MOST = 16  # lines of each


def main() -> None:
    """Run each journey, the last one before its mark, in an empty folder and write its output after it."""
    text = PAGE.read_text("utf-8")
    for name, heading in (("texts", "## Your own texts"), ("series", "## Your own series")):
        end = text.index(f"<!-- {name}: ")
        block = re.findall(r"```sh\n(.*?)```", text[text.index(heading) : end], re.DOTALL)[-1]
        with tempfile.TemporaryDirectory() as folder:
            shown = [run(line, Path(folder)) for line in block.splitlines()]
        text = replace_between(text, name, "```text\n" + "\n\n".join(part for part in shown if part) + "\n```")
    PAGE.write_text(text, "utf-8")


def run(line: str, folder: Path) -> str:
    """The command and its standard output, where it is one to show."""
    command = line.partition("  #")[0].strip()
    arguments = shlex.split(command)
    assert arguments[0] == "seqconv"
    environment = os.environ | {"COLUMNS": "110", "SEQCONV_CACHE": str(folder / "cache"), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    if arguments[1] not in SHOWN:
        return ""
    lines = [part.rstrip() for part in done.stdout.strip().splitlines()]
    return "\n".join([f"$ {command}", *lines[:MOST], *(["..."] if len(lines) > MOST else [])])


if __name__ == "__main__":
    main()
