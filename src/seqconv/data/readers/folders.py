"""Which files of a folder are data, and what their names say."""

import re
from pathlib import Path

from seqconv.data.records import unreadable

_PROGRAMS = {".sh", ".py", ".js", ".c", ".h", ".cpp", ".md", ".html", ".toml", ".yaml", ".yml", ".ipynb", ".bat", ".r"}
_WORD = re.compile("[a-z]+")
SPLITS = (("train", ("train", "training")), ("test", ("test",)), ("validation", ("validation", "valid", "val", "dev")))
ABOUT = re.compile(r"readme|licen[cs]e", re.IGNORECASE)  # files about the data


def are_classes(files: list[Path]) -> bool:
    """Whether the names of files differ in one part, the class, and none is a program."""
    stems, suffixes = {each.stem for each in files}, {each.suffix.lower() for each in files}
    return not suffixes & _PROGRAMS and (len(suffixes) == 1 or (len(stems) == 1 and ".txt" not in suffixes))


def find_files(path: Path) -> tuple[Path, dict[str, Path]]:
    """The data file of a folder, and the files of its other splits by their setting; else `path` itself.

    The file is the only one of its folder, or the one with train in its name next to others with test and
    validation, dev or val.
    """
    try:
        files = (
            [each for each in sorted(path.iterdir()) if not each.name.startswith((".", "_"))] if path.is_dir() else []
        )
    except OSError as error:
        raise unreadable(path, error) from error
    files = [each for each in files if not ABOUT.match(each.name) or each.is_dir()]
    if any(map(Path.is_dir, files)):
        return path, {}
    found = {
        name: [each for each in files if set(_WORD.findall(each.name.lower())) & set(known)] for name, known in SPLITS
    }
    if all(len(each) < 2 for each in found.values()) and found["train"] and len(files) == sum(map(len, found.values())):
        return found["train"][0], {
            f"data.{name}_file": each[0] for name, each in found.items() if each and name != "train"
        }
    return (files[0], {}) if len(files) == 1 and files[0].suffix.lower() not in _PROGRAMS else (path, {})
