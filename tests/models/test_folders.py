"""Folders take their place whole: what is there stays unless it may be overwritten; a kill harms nothing."""

import errno
import os
from pathlib import Path

import pytest

from seqconv.data.locks import hold_lock
from seqconv.errors import BundleError, ConfigError, OptionError
from seqconv.models.folders import (
    CHECKPOINT,
    finish_replacement,
    free_folder,
    interrupted_folder,
    replace_folder,
)

MARKER = "metrics.json"


def fill(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / MARKER).write_text(text)
    return folder


def write(target: Path, text: str, **options: bool) -> None:
    with replace_folder(target, MARKER, **options) as folder:
        (folder / MARKER).write_text(text)


def read(folder: Path) -> str:
    finish_replacement(folder)
    return (folder / MARKER).read_text()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_finished_work_stays_unless_it_may_be_overwritten(tmp_path):
    write(tmp_path / "run", "first")
    with pytest.raises(ConfigError, match=r"run: holds finished work, which stays.*--overwrite"):
        write(tmp_path / "run", "second")
    assert read(tmp_path / "run") == "first"
    write(tmp_path / "run", "second", overwrite=True)
    assert read(tmp_path / "run") == "second"
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_seqconv_did_not_write_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter.txt").write_text("dear")
    (tmp_path / "link").symlink_to(fill(tmp_path / "elsewhere", "mine"))
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("theirs", "theirs/letter.txt", "link", "dangling"):
        with pytest.raises(ConfigError, match="was not written by seqconv, so it stays"):
            write(tmp_path / name, "new", overwrite=overwrite)
    assert names(tmp_path) == ["dangling", "elsewhere", "link", "theirs"]
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", "new", overwrite=overwrite)
    assert read(tmp_path / "empty") == "new"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (".", "must be the name of a new folder"),
        ("..", "must be the name of a new folder"),
        ("file/run", "its folder must be writable; File exists"),
        ("a" * 300, "its folder must be writable; File name too long"),
        ("a" * 250, "its folder must be writable; File name too long"),  # found before the work, not after it
        ("a\0b", "its folder must be writable; embedded null byte"),
    ],
)
def test_a_place_that_cannot_be_is_one_line_before_the_work(tmp_path, monkeypatch, target, says):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(ConfigError, match=says) as caught:
        write(Path(target), "new")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file"]


def test_a_file_in_the_place_of_the_incomplete_folder_stays(tmp_path):
    (tmp_path / "run.partial").write_text("mine")
    with pytest.raises(ConfigError, match=r"run.partial: must be free for the incomplete folder"):
        write(tmp_path / "run", "new")
    assert (tmp_path / "run.partial").read_text() == "mine"


def test_the_next_name_is_one_where_nothing_lies(tmp_path):
    base = tmp_path / "runs" / "reviews"
    assert free_folder(base) == base
    fill(base, "finished")
    fill(tmp_path / "runs" / "reviews-2.partial", "interrupted").joinpath(CHECKPOINT).touch()
    fill(tmp_path / "runs" / "reviews-3.partial", "nothing reached")
    (tmp_path / "runs" / "reviews-3").mkdir()
    assert free_folder(base).name == "reviews-3"
    fill(tmp_path / "runs" / "reviews-3.written", "complete")
    assert free_folder(base).name == "reviews-4"
    (tmp_path / "runs" / "reviews-4").write_text("somebody's file")
    assert free_folder(base).name == "reviews-5"


def test_the_one_interrupted_run_is_resumed_and_of_several_one_must_be_named(tmp_path):
    base = tmp_path / "reviews"
    assert interrupted_folder(base) == base
    for name in ("reviews-long.partial", "reviews-2", "old-reviews.partial"):
        fill(tmp_path / name, "another")
    fill(tmp_path / "reviews-2.partial", "interrupted").joinpath(CHECKPOINT).touch()
    assert interrupted_folder(base) == tmp_path / "reviews-2"
    fill(tmp_path / "reviews-3.partial", "nothing reached")
    assert interrupted_folder(base) == tmp_path / "reviews-2"
    (tmp_path / "reviews-3.partial" / CHECKPOINT).touch()
    with pytest.raises(OptionError, match=r"^resume: .*reviews-2.partial, .*reviews-3.partial. Choose one: --out"):
        interrupted_folder(base)


def test_a_folder_that_is_being_written_is_refused(tmp_path):
    with (
        replace_folder(tmp_path / "run", MARKER) as folder,
        pytest.raises(ConfigError, match=rf"run: is being written already \(process {os.getpid()}, since \d{{4}}-"),
    ):
        write(tmp_path / "run", "second", overwrite=True)
    assert folder.name == "run.partial"
    with hold_lock(tmp_path / "next"):
        assert free_folder(tmp_path / "next").name == "next"  # so that the second of two equal commands is refused


@pytest.mark.parametrize("state", ["committed", "aside", "placed"])
def test_what_a_kill_leaves_of_a_replacement_is_completed_by_whoever_reads(tmp_path, state):
    if state == "committed":
        fill(tmp_path / "run", "old")
    if state != "placed":
        fill(tmp_path / "run.written", "new")
    if state != "committed":
        fill(tmp_path / "run.retired", "old")
    if state == "placed":
        fill(tmp_path / "run", "new")
    (tmp_path / "run.lock").write_text("process 1, since long ago")  # of a dead process
    assert read(tmp_path / "run") == "new"
    write(tmp_path / "run", "newer", overwrite=True)
    assert read(tmp_path / "run") == "newer"
    assert names(tmp_path) == ["run"]


def test_a_folder_inside_one_that_is_not_in_place_is_found(tmp_path):
    fill(tmp_path / "run.written" / "model", "inner")
    assert read(tmp_path / "run" / "model") == "inner"


def test_somebody_elses_folder_in_the_gap_stays(tmp_path):
    for name, text in (("run", "theirs"), ("run.retired", "old"), ("run.written", "new")):
        fill(tmp_path / name, text)
    assert read(tmp_path / "run") == "theirs"
    with pytest.raises(ConfigError, match=r"run.written: holds finished work. Move it"):
        write(tmp_path / "run", "newer", overwrite=True)
    assert names(tmp_path) == ["run", "run.retired", "run.written"]


def test_a_complete_folder_that_cannot_take_its_place_is_kept(tmp_path, monkeypatch):
    write(tmp_path / "run", "old")
    rename = Path.rename

    def refuse(self, target):
        if self.name == "run.written":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(ConfigError, match=r"Input/output error. .*run.written is complete"):
            write(tmp_path / "run", "new", overwrite=True)
    assert (tmp_path / "run" / MARKER).read_text() == "old"
    assert read(tmp_path / "run") == "new"


def test_a_reader_without_permission_says_where_the_folder_is(tmp_path, monkeypatch):
    fill(tmp_path / "run.written", "new")

    def deny(self, target):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "rename", deny)
    with pytest.raises(BundleError, match=r"run: its new folder is still .*run.written; Permission denied"):
        read(tmp_path / "run")
    fill(tmp_path / "run", "old")
    assert read(tmp_path / "run") == "old"


def test_a_folder_that_appears_meanwhile_stays_and_so_does_the_work(tmp_path):
    writing = replace_folder(tmp_path / "run", MARKER, overwrite=True)
    fill(tmp_path / "theirs", "theirs").joinpath(MARKER).rename(tmp_path / "theirs" / "letter.txt")
    (writing.__enter__() / MARKER).write_text("new")
    (tmp_path / "theirs").rename(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"was not written by seqconv.*run.partial is complete: rename it"):
        writing.__exit__(None, None, None)
    assert names(tmp_path) == ["run", "run.partial"]


def test_an_error_leaves_nothing_but_what_can_be_resumed(tmp_path):
    def fail(name, file):
        with replace_folder(tmp_path / name, MARKER, resume=False) as folder:
            (folder / file).touch()
            raise ZeroDivisionError

    for name, file in (("plain", MARKER), ("long", CHECKPOINT)):
        with pytest.raises(ZeroDivisionError):
            fail(name, file)
    assert names(tmp_path) == ["long.partial"]
    with pytest.raises(KeyboardInterrupt), replace_folder(tmp_path / "page", MARKER):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt) as stopped, replace_folder(tmp_path / "short", MARKER, resume=False):
        raise KeyboardInterrupt
    assert "--resume" in stopped.value.__notes__[0]
    assert names(tmp_path) == ["long.partial", "short.partial"]


def test_files_that_were_cut_short_do_not_get_into_what_is_resumed(tmp_path):
    for file in ("report.html.123.part", ".tmpAb3", CHECKPOINT):
        (tmp_path / "run.partial" / "baseline").mkdir(parents=True, exist_ok=True)
        (tmp_path / "run.partial" / file).touch()
    (tmp_path / "run.partial" / "baseline" / "report.html.123.part").touch()
    write(tmp_path / "run", "resumed", resume=True)
    assert names(tmp_path / "run") == ["baseline", MARKER]
    assert names(tmp_path / "run" / "baseline") == []
