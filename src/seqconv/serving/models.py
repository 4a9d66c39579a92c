"""The models of a server: read once, and again when a new version lies in their folder."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqconv.errors import OptionError
from seqconv.metrics.records import Json
from seqconv.models.folders import HEADER
from seqconv.models.predictor import Predictor, load
from seqconv.serving import requests
from seqconv.serving.board import Board
from seqconv.serving.page import build_server_page
from seqconv.serving.watching import Watch
from seqconv.tasks.kinds import find_task

Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class Version:
    """A model as it was read: a request that has begun is finished by the version that it began with."""

    predictor: Predictor
    about: Json
    page: str
    watch: Watch

    @classmethod
    def of(cls, predictor: Predictor, folder: Path, limit: int) -> "Version":
        """A model in memory, warmed up.

        Args:
            limit: bytes of the largest request.

        Raises:
            BundleError, DataError: its description cannot be read, or it takes no raw data.
        """
        task = find_task(predictor.bundle.recipe)
        task.warm_up(predictor)
        about = requests.describe_model(predictor, folder) | {"largest_request": limit}
        page = build_server_page(about, task.form, task.form.example(predictor.bundle))
        return cls(predictor, about, page, Watch(predictor.bundle))


class Served:
    """A model under a name."""

    def __init__(self, name: str, folder: Path, limit: int, predictor: Predictor | None = None, threads: int = 0):
        """Read it.

        Args:
            predictor: None: read from the folder.

        Raises:
            BundleError, DataError: the folder holds no readable model, or one that takes no raw data.
        """
        self.name, self.folder, self.limit, self.threads = name, folder, limit, threads
        self.stamp = self.seen = read_stamp(folder)
        self.board = Board()
        self.now = Version.of(predictor or load(folder, threads=threads), folder, limit)

    @property
    def has_new(self) -> bool:
        """Whether another version lies in the folder; not before two looks have found the same, lest it be half
        there."""
        before, self.seen = self.seen, read_stamp(self.folder)
        return self.seen is not None and self.seen != self.stamp and self.seen == before

    def reload(self) -> None:
        """Take the version that lies in the folder.

        Raises:
            BundleError, DataError: it cannot be served; the one before stays.
        """
        self.stamp = read_stamp(self.folder)  # also where it is refused: that is told once
        self.now = Version.of(load(self.folder, threads=self.threads), self.folder, self.limit)


def read_stamp(folder: Path) -> Stamp:
    """What tells a version in a folder from the next; None: there is none."""
    for path in (folder / "model" / HEADER, folder / HEADER):
        try:
            found = os.stat(path)
        except OSError:
            continue
        return found.st_mtime_ns, found.st_ino, found.st_size
    return None


class Models:
    """Several models by name, in the order in which they were given; the first answers where no name is given."""

    def __init__(self, served: Sequence[Served]) -> None:
        self.named = {each.name: each for each in served}

    @classmethod
    def read(cls, folders: Sequence[Path], limit: int, threads: int = 0) -> "Models":
        """The models of run and model folders.

        Raises:
            OptionError: two of the same name.
            BundleError, DataError: see `Served`.
        """
        names = name_folders(folders)
        return cls([Served(*pair, limit, threads=threads) for pair in zip(names, folders, strict=True)])

    @property
    def first(self) -> Served:
        """The one without a name."""
        return next(iter(self.named.values()))

    def __iter__(self) -> Iterator[Served]:
        return iter(self.named.values())

    def describe(self) -> Json:
        """What `/models` says."""
        keys = ("task", "model", "takes")
        return {
            "models": [{"name": each.name} | {key: each.now.about[key] for key in keys} for each in self],
            "default": self.first.name,
        }


def name_folders(folders: Sequence[Path]) -> list[str]:
    """The name of each model: that of its run folder.

    Raises:
        OptionError: two are the same.
    """
    whole = [folder.resolve() for folder in folders]
    names = [each.parent.name if each.name == "model" and each.parent.name else each.name for each in whole]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"serve: each model must have a name of its own; two are {name!r}. Rename a folder")
    return names
