"""The language of short sentences: the messages of Django in 20 languages, next to fastText.

`python bench/languages.py` measures (needs Django, and fasttext for its row); `bench/texts.py` puts the table into
docs/texts.md. A message is trained on in all languages, or tested in all of them.
"""

import gettext
import json
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

from machine import describe_machine
from own_data.texts import Split, train_fasttext, write_split

RESULTS = Path(__file__).parent / "results" / "languages.json"
LANGUAGES = (
    *("ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "hu"),
    *("it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "tr", "zh_Hans"),
)
LEAST, LONG = 15, 30  # characters of a sentence; less than the first is a word or two
TESTED = 3  # one message in so many


def list_sentences() -> dict[str, dict[str, str]]:
    """The sentences of each language, by the English ones that they translate."""
    import django

    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in sorted(Path(django.__file__).parent.rglob("locale/*/LC_MESSAGES/*.mo")):
        language = path.parts[-3]
        if language not in LANGUAGES or language == "en":
            continue
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for given, translated in catalog.items():
            english = given[0] if isinstance(given, tuple) else given
            own, original = strip(translated), strip(english)
            if english and measure_length(own, language) >= LEAST and own != original:
                found[language][english] = own
                if len(original) >= LEAST:
                    found["en"][english] = original
    return found


def measure_length(sentence: str, language: str) -> int:
    """Characters, of which one of Chinese, Japanese and Korean counts twice."""
    return len(sentence) * (1 + (language in ("ja", "ko", "zh", "zh_Hans")))


def strip(message: str) -> str:
    """A message without placeholders, tags and entities."""
    bare = re.sub(r"%\(\w+\)[a-z]|%[a-z]|\{[^}]*\}|<[^>]*>|&\w+;|[\u201c\u201d\"]", " ", message)
    return " ".join(bare.split())


def split_messages() -> Split:
    """Training and test sentences, no message in both."""
    parts: tuple[list[str], ...] = ([], [], [], [])
    for language, sentences in sorted(list_sentences().items()):
        for english, sentence in sorted(sentences.items()):
            tested = zlib.crc32(english.encode()) % TESTED == 0
            parts[2 * tested].append(sentence)
            parts[2 * tested + 1].append(language.split("_")[0])
    return parts[0], parts[1], parts[2], parts[3]


def measure() -> dict[str, dict[str, float]]:
    """Accuracy and seconds of the whole command, and of fastText; also for the longer test sentences alone."""
    train, labels, test, truths = split_messages()
    rows = [row for row in zip(test, truths, strict=True) if measure_length(*row) >= LONG]
    longer = [sentence for sentence, _ in rows], [language for _, language in rows]
    found: dict[str, dict[str, float]] = {"sentences": {"train": len(train), "test": len(test), "longer": len(rows)}}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "longer").mkdir()
        write_split(folder, (train, labels, test, truths))
        write_split(folder / "longer", (train, labels, *longer))
        for name, flags in (("seqconv", ()), ("seqconv, `--unit character`", ("--unit", "character"))):
            started = time.perf_counter()
            done = run(folder, "train", "train.csv", "--test", "test.csv", "-o", "run", "--overwrite", *flags)
            seconds = time.perf_counter() - started
            told = run(folder, "evaluate", "run", "longer/test.csv")["metrics"]["accuracy"]["value"]
            found[name] = {"accuracy": done["test"]["accuracy"], "longer": told, "seconds": seconds}
    try:
        accuracy, seconds = train_fasttext((train, labels, test, truths), 0)
        found["fastText"] = {"accuracy": accuracy, "seconds": seconds}
        found["fastText"]["longer"] = train_fasttext((train, labels, *longer), 0)[0]
    except ImportError:
        print("without fastText, which is not installed")
    return found


def run(folder: Path, *arguments: str) -> Any:
    """What a command prints."""
    flags = ["--no-baselines"] if arguments[0] == "train" else []
    command = [sys.executable, "-m", "seqconv", *arguments, *flags, "--json"]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)


def write_section() -> str:
    """The table, or nothing without a measurement."""
    if not RESULTS.is_file():
        return ""
    found = json.loads(RESULTS.read_text("utf-8"))["scores"]
    count = found.pop("sentences")
    lines = [
        "## Twenty languages\n",
        f"The languages of {count['test']:,} messages of Django, learned from {count['train']:,} others, each of",
        f"{LEAST} characters or more; {count['longer']:,} have {LONG} or more, the others are often two words, such as",
        "`Argentijns Spaans`. One of Chinese, Japanese and Korean counts twice.\n",
        f"| method | accuracy | from {LONG} characters on | seconds |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, each in found.items():
        lines.append(f"| {name} | {each['accuracy']:.4f} | {each['longer']:.4f} | {each['seconds']:.1f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    RESULTS.write_text(json.dumps({"scores": measure(), "machine": describe_machine()}, indent=1) + "\n", "utf-8")
    print(write_section())
