"""Which files of a folder are data, and what their names say."""

import re
from pathlib import Path

from seqconv.data.records import unreadable
from seqconv.errors import DataError

_PROGRAMS = {".sh", ".py", ".js", ".c", ".h", ".cpp", ".md", ".html", ".toml", ".yaml", ".yml", ".ipynb", ".bat", ".r"}
_WORD = re.compile("[a-z]+")
_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")  # of a table in several files: its number, from 0, and how many
SPLITS = (("train", ("train", "training")), ("test", ("test",)), ("validation", ("validation", "valid", "val", "dev")))
ABOUT = re.compile(r"readme|licen[cs]e", re.IGNORECASE)  # files about the data


def are_classes(files: list[Path]) -> bool:
    """Whether the names of files differ in one part, the class, and none is a program."""
    stems, suffixes = {each.stem for each in files}, {each.suffix.lower() for each in files}
    return not suffixes & _PROGRAMS and (len(suffixes) == 1 or (len(stems) == 1 and ".txt" not in suffixes))


def list_parts(path: Path) -> list[Path]:
    """The files of a table in parts, named by its first; any other file alone.

    Raises:
        DataError: a part is missing.
    """
    match = _PART.search(path.name)
    if match is None or int(match[1]):
        return [path]
    names = [f"{path.name[: match.start(1)]}{number:05}{path.name[match.end(1) :]}" for number in range(int(match[2]))]
    found = [path.with_name(name) for name in names]
    for each in found:
        if not each.is_file():
            raise DataError(f"{path}: must come with its {len(found)} parts; {each.name} is not there. Get it too")
    return found


def describe_parts(path: Path) -> tuple[str, ...]:
    """A note on a table in several parts."""
    parts = list_parts(path)
    return (f"{len(parts)} files, {parts[0].name} to {parts[-1].name}",) if parts[1:] else ()


def _find_inner(path: Path) -> Path:
    """The only folder in a folder, if it holds Parquet files, as data sets of the Hugging Face Hub have it."""
    inner = [each for each in path.iterdir() if not each.name.startswith((".", "_")) and not ABOUT.match(each.name)]
    return inner[0] if len(inner) == 1 and inner[0].is_dir() and any(inner[0].glob("*.parquet")) else path


def find_files(path: Path) -> tuple[Path, dict[str, Path]]:
    """The data file of a folder, and the files of its other splits by their setting; else `path` itself.

    The file is the only one of its folder, or the one with train in its name next to others with test and
    validation, dev or val. A table in parts is its first part, and the folder may be in another one, as data sets of
    the Hugging Face Hub are.
    """
    own = path
    try:
        path = _find_inner(path) if path.is_dir() else path
        files = (
            [each for each in sorted(path.iterdir()) if not each.name.startswith((".", "_"))] if path.is_dir() else []
        )
    except OSError as error:
        raise unreadable(path, error) from error
    files = [each for each in files if not ABOUT.match(each.name) or each.is_dir()]
    if any(map(Path.is_dir, files)):
        return own, {}
    parts = [each for each in files if _PART.search(each.name)]
    if parts and len(parts) == len(files):  # of other splits, such as texts without labels, nothing is wanted
        files = [each for each in parts if "-00000-of-" in each.name and _name_splits(each)] or parts
    found = {name: [each for each in files if name in _name_splits(each)] for name, _ in SPLITS}
    if all(len(each) < 2 for each in found.values()) and found["train"] and len(files) == sum(map(len, found.values())):
        return found["train"][0], {
            f"data.{name}_file": each[0] for name, each in found.items() if each and name != "train"
        }
    return (files[0], {}) if len(files) == 1 and files[0].suffix.lower() not in _PROGRAMS else (own, {})


def _name_splits(file: Path) -> list[str]:
    words = set(_WORD.findall(file.name.lower()))
    return [name for name, known in SPLITS if words & set(known)]
