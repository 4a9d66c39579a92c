"""Shared by all table readers: the table record, opening packed files, encodings."""

import codecs
import gzip
import importlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, cast

from seqconv.data.readers.workbooks import is_workbook
from seqconv.data.records import unreadable
from seqconv.errors import DataError, MissingExtra

if TYPE_CHECKING:
    import polars

    from seqconv.data.readers.dataframes import Form

BLOCK = 1 << 22  # bytes read at a time
GUESS = "guess"  # a setting that says how files are written: as they look
SUGGESTED = "Give a table (.csv, .tsv, .jsonl, .parquet), fastText lines, or sequences (.ts, .tsv)"
_MAGIC = {  # how files of other programs begin
    b"\xd0\xcf\x11\xe0": "an old Excel workbook or another Office document; save it as CSV",
    b"%PDF": "a PDF",
    b"BZh": "packed by bzip2",
    b"\xfd7zX": "packed by xz",
    b"7z\xbc\xaf": "packed by 7-Zip",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUM": "a numpy array",
    b"SQLi": "an SQLite database",
}
ZSTD = b"\x28\xb5\x2f\xfd"  # how a file packed by it begins
PACKED = (".gz", ".zst", ".zip")  # suffixes after that of the file inside
_MEMBERS = {  # the member of a zip -> the document that it is
    "xl/workbook.bin": "a binary Excel workbook",
    "word/document.xml": "a Word document",
    "Index/Document.iwa": "a Numbers document",
}
_BOMB = 1 << 26, 100  # bytes that unpacked content may have in any case, and how many for each packed one
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")  # half a character, which some programs write as UTF-8
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # bytes undefined in cp1252


@dataclass(frozen=True)
class Table:
    """The rows of a file, or a range of them.

    Args:
        frame: numbers are Float64 or Int64, text is String; lists and times only if the format has them.
        path: the file, for errors.
        format: `csv`, `tsv`, `jsonl`, `parquet` or `arrow`.
        notes: what a report should say about the file.
        numbers: line number of each row, from 1; for Parquet and Arrow its row number.
        header: whether the first row names the columns; None: the format has no such row.
        decimal: mark of numbers written as text by a setting: `point`, `comma` or `guess`.
        found: the mark that its columns prove together.
        form: the kind of data frame that it was; None: a file.
    """

    frame: "polars.DataFrame"
    path: Path
    format: str
    notes: tuple[str, ...]
    numbers: Sequence[int]
    header: bool | None = None
    decimal: str = GUESS
    found: str = GUESS
    form: "Form | None" = None

    def place(self, row: int) -> str:
        """File and line of a row of `frame`, counted from 0: `reviews.csv, line 812`."""
        unit = "row" if self.format in ("parquet", "arrow") else "line"
        return f"{self.path}, {unit} {self.numbers[row]}"


def settle_header(table: Table) -> dict[str, str]:
    """The setting `header` by which a table was read; nothing if its format has no such row."""
    return {} if table.header is None else {"header": "yes" if table.header else "no"}


def check_names(where: str, names: Sequence[str]) -> None:
    """Check that every column has a unique name.

    Raises:
        DataError: an empty or duplicate name.
    """
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name or name in seen:
            problem = f"{name!r} appears twice" if name else f"column {number} has no name"
            raise DataError(f"{where}: each column must have a unique name; {problem}. Rename or remove it")
        seen.add(name)


def check_line_ends(path: Path, content: bytes) -> None:
    """Check that a file of one line is no file of many lines that end in \\r, as old programs of the Mac write them.

    Raises:
        DataError: it is.
    """
    if b"\r" in content.rstrip(b"\r"):
        raise DataError(f"{path}: lines must end in \\n; they end in \\r alone. Save it with other line endings")


@contextmanager
def open_content(path: Path) -> Iterator[IO[bytes]]:
    """The content of a file, or of the only file in a .gz, .zst or .zip; a workbook as it is.

    Raises:
        DataError: the file cannot be opened, is damaged or truncated (also while the content is read), or is an
            archive that does not hold exactly one file.
        MissingExtra: nothing that unpacks .zst is installed.
    """
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():
            raise DataError(f"{path}: must be a regular file; it is a device or a pipe. Write its content to a file")
        with path.open("rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(raw) as unpacked:
                    yield cast(IO[bytes], _Unpacked(path, cast(IO[bytes], unpacked)))
            elif magic == ZSTD:
                with _find_zstd(path).open(raw) as unpacked:
                    yield cast(IO[bytes], _Unpacked(path, cast(IO[bytes], unpacked)))
            elif magic[:2] == b"PK" and is_workbook(raw):
                yield raw
            elif magic[:2] == b"PK" or path.suffix.lower() == ".zip":
                with _open_member(path, raw) as content:
                    yield cast(IO[bytes], _Unpacked(path, content))
            elif form := next((form for start, form in _MAGIC.items() if magic.startswith(start)), ""):
                cure = "Unpack it, or pack it by gzip" if form.startswith("packed") else SUGGESTED
                raise DataError(f"{path}: must be a data file that seqconv reads; it is {form}. {cure}")
            else:
                yield raw
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise DataError(
            f"{path}: must be a complete packed file; it is damaged ({error}). Download it again"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # of a module that may not be there
            raise
        raise DataError(
            f"{path}: must be a complete packed file; it is damaged ({error}). Download it again"
        ) from error


def _find_zstd(path: Path) -> ModuleType:
    """The module that unpacks .zst: Python's own from 3.14, or the same for older versions.

    Raises:
        MissingExtra: there is none.
    """
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    cure = "pip install 'seqconv[files]', or unpack it, or pack it by gzip"
    raise MissingExtra(f"{path}: is packed by zstd, which needs backports.zstd: {cure}")


def _open_member(path: Path, raw: IO[bytes]) -> IO[bytes]:
    """The only file of a .zip."""
    try:
        archive = zipfile.ZipFile(raw)
        return archive.open(_only_file(path, archive))
    except UnicodeDecodeError as error:
        raise zipfile.BadZipFile("the name of its file is no UTF-8") from error


class _Unpacked(io.RawIOBase):
    """Unpacked content that ends in an error if it is out of all proportion to the packed file."""

    def __init__(self, path: Path, content: IO[bytes]) -> None:
        self.path, self.content = path, content
        self.most = max(_BOMB[0], _BOMB[1] * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = self.most + 1
        data = self.content.read(size)
        if self.content.tell() > self.most:
            problem = f"it unpacks to more than {_BOMB[1]} times its size. Unpack it if that is right"
            raise DataError(f"{self.path}: must be a packed data file; {problem}")
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        return self.content.seek(place, whence)

    def tell(self) -> int:
        return self.content.tell()


def _only_file(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The only file of an archive, apart from the __MACOSX/._NAME that macOS adds for each file."""
    found = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX")]
    names = {each.filename for each in found}
    form = next((form for name, form in _MEMBERS.items() if name in names), "")
    if {"mimetype", "content.xml"} <= names:
        form = "an OpenDocument spreadsheet or text"
    if form:
        raise DataError(f"{path}: must be a data file that seqconv reads; it is {form}. Save it as CSV (UTF-8)")
    if any(name.endswith(".npy") for name in names):
        shown = ", ".join(sorted(names))[:80]
        raise DataError(f"{path}: must be a data file that seqconv reads; it holds numpy arrays ({shown}). {SUGGESTED}")
    if len(found) != 1:
        raise DataError(f"{path}: must hold exactly one file; got {len(found)}. Unpack it and name one")
    if found[0].flag_bits & 1:
        raise DataError(f"{path}: must not be password-protected. Unpack it")
    return found[0]


def strip_packing(name: str) -> str:
    """A file name in lower case without what says how it is packed.

    >>> strip_packing("Reviews.CSV.gz")
    'reviews.csv'
    """
    name = name.lower()
    return next((name.removesuffix(each) for each in PACKED if name.endswith(each)), name)


def find_encoding(path: Path, content: IO[bytes]) -> str:
    """`utf-8`, `utf-8-sig`, `utf-16`, `utf-16-le`, `utf-16-be` or `cp1252`; reads all of `content`, then rewinds it.

    Text that is not valid UTF-8 is taken as cp1252, unless most of its characters are UTF-8: then it is corrupt.

    Raises:
        DataError: an empty file, NUL bytes, lone surrogates, or bytes valid in no encoding; with the line.
    """
    start = content.read(1 << 12)
    content.seek(0)
    if not start:
        raise DataError(f"{path}: must not be empty. Give a file with data")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = (start[offset::2].count(0) for offset in (0, 1))
    if bool(first) != bool(second) and first + second > len(start) // 5 + 1:  # Latin text: every other byte is 0
        return "utf-16-be" if first else "utf-16-le"
    tally = _Tally(path)
    while block := content.read(BLOCK):
        tally.add(block)
    content.seek(0)
    return tally.conclude(start.startswith(codecs.BOM_UTF8))


class _Tally:
    """Counts valid and invalid UTF-8 characters in a stream."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.lines, self.valid, self.invalid, self.surrogates = 1, 0, 0, 0
        self.first: tuple[int, str] | None = None  # line and character
        self.undefined = False

    def add(self, block: bytes) -> None:
        if (at := block.find(0)) >= 0:
            line = self.lines + block.count(b"\n", 0, at)
            raise DataError(f"{self.path}, line {line}: must be text; got a NUL byte. Is it the right file?")
        if not (block.isascii() and self.decoder.getstate()[0] == b""):
            self._add_text(self.decoder.decode(block), block)
        self.lines += block.count(b"\n")

    def _add_text(self, text: str, block: bytes) -> None:
        good = text.encode("utf-8", "ignore").decode()
        self.valid += len(good) - len(good.encode("ascii", "ignore"))
        self.invalid += len(text) - len(good)
        if len(text) != len(good):
            self.surrogates += 3 * len(_SURROGATE.findall(block))
            self.undefined = self.undefined or bool(_UNDEFINED.search(block))
            if self.first is None:
                at = next(i for i, letter in enumerate(text) if "\udc80" <= letter <= "\udcff")
                self.first = self.lines + text.count("\n", 0, at), f"0x{ord(text[at]) - 0xDC00:02x}"

    def conclude(self, marked: bool) -> str:
        if rest := self.decoder.getstate()[0]:  # it ends inside a character
            self._add_text(rest.decode("utf-8", "surrogateescape"), rest)
        if self.first is None:
            return "utf-8-sig" if marked else "utf-8"
        line, byte = self.first
        if self.surrogates == self.invalid:
            raise DataError(
                f"{self.path}, line {line}: must hold complete characters; got a lone surrogate (half an emoji). "
                "Remove it"
            )
        if marked or self.undefined or self.valid > self.invalid:
            raise DataError(
                f"{self.path}, line {line}: must be UTF-8, UTF-16 or cp1252 text; the byte {byte} fits none of them. "
                "Save the file as UTF-8"
            )
        return "cp1252"


def describe_encoding(encoding: str) -> tuple[str, ...]:
    """A note on an encoding other than UTF-8."""
    if encoding.startswith("utf-8"):
        return ()
    return (f"not UTF-8; read as {'cp1252' if encoding == 'cp1252' else 'UTF-16'}",)


def read_utf8(path: Path, content: IO[bytes], encoding: str, size: int = -1) -> Iterator[bytes]:
    """`content` as UTF-8, without a byte order mark, in pieces of about `size` bytes; -1: in one piece.

    Raises:
        DataError: invalid UTF-16, or text with a NUL character.
    """
    if encoding == "utf-8-sig":
        content.read(len(codecs.BOM_UTF8))
    if encoding.startswith("utf-8"):
        while block := content.read(size):
            yield block
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    while True:
        block = content.read(size)
        try:
            text = decoder.decode(block, final=not block or size < 0)
        except UnicodeDecodeError as error:
            line = lines + error.object[: error.start].decode(encoding, "ignore").count("\n")
            problem = f"{error.reason}. Save the file as UTF-8"
            raise DataError(f"{path}, line {line}: must be valid UTF-16 text; {problem}") from error
        if "\0" in text:
            line = lines + text.count("\n", 0, text.index("\0"))
            raise DataError(f"{path}, line {line}: must be text; got a NUL character. Is it the right file?")
        lines += text.count("\n")
        if text:
            yield text.encode()
        if not block or size < 0:
            return
