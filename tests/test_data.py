"""Reading series and reviews: what comes out, and one clear line for everything that is broken."""

import gzip
import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.data import EncodedTexts, read_encoded, read_reviews, read_series
from seqconv.errors import DataError

HEADER = '"Date Time","T (degC)","p (mbar)"\n'
ROWS = ["01.01.2009 00:10:00,-8.02,996.52", "01.01.2009 00:20:00,-8.41,996.57", "01.01.2009 00:30:00,-8.51,996.53"]


@pytest.fixture
def write(tmp_path):
    def write(content, name="series.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def fails(call, path, *parts):
    """`call(path)` raises a DataError of one line that names the file and every part."""
    with pytest.raises(DataError) as caught:
        call(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message


# Series


def test_series_as_published(write):
    series = read_series(write(HEADER + "\n".join(ROWS) + "\n"))
    assert series.columns == ("T (degC)", "p (mbar)")
    assert series.interval_s == 600
    assert series.times.dtype == "datetime64[s]"
    assert str(series.times[1]) == "2009-01-01T00:20:00"
    np.testing.assert_array_equal(series.values, [[-8.02, 996.52], [-8.41, 996.57], [-8.51, 996.53]])
    assert series.values.flags.c_contiguous
    assert series.notes == ()


def test_iso_times_windows_lines_and_a_time_column_that_is_not_first(write):
    path = write("a,date,b\r\n1,2016-07-01 00:00:00,2\r\n3,2016-07-01 01:00:00,4\r\n")
    series = read_series(path)
    assert series.columns == ("a", "b")
    assert series.interval_s == 3600
    np.testing.assert_array_equal(series.values, [[1, 2], [3, 4]])


def test_quoted_cells(write):
    series = read_series(write(HEADER + '"01.01.2009 00:10:00","1.5",2\r\n01.01.2009 00:20:00,3,"4"\r\n'))
    np.testing.assert_array_equal(series.values, [[1.5, 2], [3, 4]])
    fails(read_series, write(HEADER + f'{ROWS[0]}\n{ROWS[1]}"'), "line 3", "'p (mbar)'")


@pytest.mark.parametrize("extra", [[], ["__MACOSX/._series.csv"]])
def test_a_zip_of_one_csv(write, extra):
    path = write(b"", "series.csv.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("series.csv", HEADER + "\n".join(ROWS))
        for name in extra:
            archive.writestr(name, "\0\1")
    assert read_series(path).values.shape == (3, 2)


def test_missing_values_are_nan_and_noted(write):
    rows = "d,-9999.0,1\nd,2,\nd,-9999.00,3\nd,nan,-9999.5\n"
    for minute in range(4):
        rows = rows.replace("d,", f"2020-01-01 00:0{minute}:00,", 1)
    series = read_series(write("date,wv (m/s),b\n" + rows))
    np.testing.assert_array_equal(series.values, [[np.nan, 1], [2, np.nan], [np.nan, 3], [np.nan, -9999.5]])
    assert series.notes == (
        "2 values of -9999 in 'wv (m/s)' read as missing",
        "1 value missing in 'wv (m/s)'",
        "1 value missing in 'b'",
    )


def test_repeated_times_and_holes_are_kept(write):
    rows = [*ROWS, ROWS[-1], "01.01.2009 05:00:00,1,2"]
    series = read_series(write(HEADER + "\n".join(rows)))
    assert np.diff(series.times).astype(int).tolist() == [600, 600, 0, 16_200]
    assert series.interval_s == 600
    assert series.notes == ("1 time stamp repeated, kept",)


@pytest.mark.parametrize(
    ("header", "name", "note"),
    [
        ("\ufeffdate,b\n".encode(), "b", ()),
        ("date,µmol\n".encode("cp1252"), "µmol", ("the header is not UTF-8; read as cp1252",)),
        ("date,\ufffdmol\n".encode(), "\ufffdmol", ("characters of the header are lost (\ufffd)",)),
    ],
)
def test_header_bytes(write, header, name, note):
    series = read_series(write(header + b"2020-01-01 00:00:00,1\n2020-01-01 00:00:10,2\n"))
    assert series.columns == (name,)
    assert series.notes == note


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["header"]),
        ("\n\n", ["header"]),
        (HEADER, ["rows"]),
        (HEADER + "\n \n", ["rows"]),
        ("a,b\n1,2\n", ["column of times", "a, b"]),
        ("date;b\n2020-01-01 00:00:00;1\n", ["column of times", "commas"]),
        (b"\x1f\x8b\x00\xff\xfe" * 50, ["header"]),
        ("date,b,b\n2020-01-01 00:00:00,1,2\n", ["line 1", "'b' comes twice"]),
        ("date,,b\n2020-01-01 00:00:00,1,2\n", ["line 1", "column 2 has no name"]),
        ("date\n2020-01-01 00:00:00\n2020-01-01 00:00:01\n", ["column of numbers"]),
        (HEADER + ROWS[0], ["two times"]),
        (HEADER + ROWS[0] + "\n" + ROWS[0], ["two times"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,calm,1\n", ["line 3", "'T (degC)'", "'calm'"]),
        (HEADER + f"{ROWS[0]}\n\n01.01.2009 00:20:00,NA,1\n", ["line 3", "3 values; got 0"]),
        (HEADER + f"{ROWS[0]}\n01.01.2009 00:20:00,1\n{ROWS[2]}", ["line 3", "3 values; got 2"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]},7\n", ["line 3", "3 values; got 4"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[1]}\n01.01.2009 00:30:00,1,inf", ["line 4", "'p (mbar)'", "finite"]),
        (HEADER + f"{ROWS[0]}\nyesterday,1,2\n", ["line 3", "'Date Time'", "'yesterday'"]),
        (HEADER + f"{ROWS[0]}\n32.01.2009 00:20:00,1,2\n", ["line 3", "32.01.2009"]),
        (HEADER + f"{ROWS[0]}\n{ROWS[2]}\n{ROWS[1]}\n", ["line 4", "backwards"]),
        (HEADER.encode() + b"01.01.2009 00:10:00,1\xe9,2", ["line 2", "1é"]),
    ],
)
def test_broken_series(write, content, parts):
    fails(read_series, write(content), *parts)


def test_missing_series_and_broken_zips(tmp_path, write):
    fails(read_series, tmp_path / "no.csv", "No such file")
    fails(read_series, tmp_path, "directory")
    fails(read_series, write(b"no zip", "a.zip"), "damaged")
    path = write(b"", "two.zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)
    fails(read_series, path, "exactly one CSV file; got 2")
    broken = bytearray(path.read_bytes().replace(b"b.csv", b"b.txt"))
    broken[broken.index(b"Date")] ^= 1
    fails(read_series, write(bytes(broken), "flipped.zip"), "damaged")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300) | st.text('01.:,-e" \r\n').map(lambda text: f"{ROWS[0]}\n{text}".encode()))
def test_any_bytes_below_a_header_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "series.csv"
    path.write_bytes(HEADER.encode() + content)
    problem = ""
    try:
        assert not np.isnat(read_series(path).times).any()
    except DataError as error:
        problem = str(error)
    assert "\n" not in problem


def test_real_series(real_data):
    hourly = read_series(real_data / "jena" / "jena_hourly_2009_2016.csv")
    assert hourly.values.shape == (70_038, 6)
    assert hourly.interval_s == 3600
    assert np.sum(np.diff(hourly.times).astype(int) != 3600) == 5
    dirty = read_series(real_data / "weather" / "weather.csv")
    assert dirty.values.shape == (52_696, 21)
    assert dirty.interval_s == 600
    assert "1 value of -9999 in 'wv (m/s)' read as missing" in dirty.notes
    assert "1 time stamp repeated, kept" in dirty.notes


# Reviews

REVIEWS = {
    "train/pos/10_9.txt": "ten",
    "train/pos/9_7.txt": "nine, naïve café",
    "train/neg/0_1.txt": "",
    "test/neg/3_2.txt": "x" * 513,
    "test/pos/1_10.txt": "y" * 512,
}
IGNORED = {
    "train/unsup/0_0.txt": "none",
    "train/labeledBow.feat": "9 0:7" * 500_000,
    "README": "hello",
    "imdb.vocab": "a",
}


def pack(path, files, form=tarfile.USTAR_FORMAT):
    with tarfile.open(path, "w:gz", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"aclImdb/{name}")
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return path


@pytest.fixture
def archive(tmp_path):
    return pack(tmp_path / "aclImdb_v1.tar.gz", IGNORED | REVIEWS)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reviews_come_by_class_then_number(tmp_path, form):
    data = read_reviews(pack(tmp_path / "a.tar.gz", IGNORED | REVIEWS, form))
    assert data.train.texts == ["", "nine, naïve café", "ten"]
    assert data.train.labels.tolist() == [0, 1, 1]
    assert data.train.labels.dtype == np.int32
    assert data.train.classes == ("neg", "pos")
    assert data.test.texts == ["x" * 513, "y" * 512]


def test_archive_folder_and_its_parent_agree(tmp_path, archive):
    for name, content in (IGNORED | REVIEWS).items():
        file = tmp_path / "aclImdb" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode())
    packed, folder, parent = (read_reviews(path) for path in (archive, tmp_path / "aclImdb", tmp_path))
    for split in ("train", "test"):
        assert getattr(packed, split).texts == getattr(folder, split).texts == getattr(parent, split).texts
        np.testing.assert_array_equal(getattr(packed, split).labels, getattr(folder, split).labels)


def test_every_cut_archive_is_refused(tmp_path):
    whole = pack(tmp_path / "whole.tar.gz", REVIEWS).read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for length in range(0, len(whole), 7):
        cut.write_bytes(whole[:length])
        fails(read_reviews, cut)
    tar = gzip.decompress(whole)
    for length in (600, 1024, 2000, 2048):  # a whole gzip of half an archive
        cut.write_bytes(gzip.compress(tar[:length]))
        fails(read_reviews, cut)


def test_flipped_bits_are_noticed(tmp_path, archive):
    whole = pack(tmp_path / "whole.tar.gz", REVIEWS).read_bytes()
    for at in range(20, len(whole), 11):
        broken = bytearray(whole)
        broken[at] ^= 0x10
        archive.write_bytes(broken)
        fails(read_reviews, archive)


def test_archives_of_something_else(tmp_path, archive):
    fails(read_reviews, tmp_path / "none.tar.gz", "No such file")
    fails(read_reviews, tmp_path, "train/pos/0_9.txt")
    plain = tmp_path / "plain.tar.gz"
    for content in (b"", b"text", gzip.compress(b""), gzip.compress(b"text" * 500), gzip.compress(bytes(1024))):
        plain.write_bytes(content)
        fails(read_reviews, plain)
    half = {name: content for name, content in REVIEWS.items() if name.startswith("train")}
    fails(read_reviews, pack(plain, half), "test/pos/0_9.txt")
    huge = bytearray(gzip.decompress(archive.read_bytes()))
    at = huge.index(b"aclImdb/train/pos/10_9.txt")
    huge[at + 124 : at + 136] = b"77777777777\0"
    plain.write_bytes(gzip.compress(huge))
    fails(read_reviews, plain, "10_9.txt does not fit")


def test_reviews_must_be_utf8(tmp_path):
    (tmp_path / "train" / "pos").mkdir(parents=True)
    (tmp_path / "train" / "pos" / "0_9.txt").write_bytes(b"caf\xe9")
    fails(read_reviews, tmp_path, "train/pos/0_9.txt", "UTF-8")


def test_real_reviews(real_data):
    data = read_reviews(real_data / "aclImdb_v1.tar.gz")
    for part in (data.train, data.test):
        assert len(part.texts) == 25_000
        assert np.bincount(part.labels).tolist() == [12_500, 12_500]
        assert part.labels.tolist() == sorted(part.labels)
    assert data.train.texts[12_500].startswith("Bromwell High is a cartoon comedy.")


# Encoded reviews


def lists(*items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


ENCODED = {
    "x_train": lists([1, 14, 22], [5], []),
    "y_train": np.array([1, 0, 1]),
    "x_test": lists([88_000]),
    "y_test": np.array([0]),
}


def save(path, **changed):
    np.savez(path, **(ENCODED | changed))
    return path


def test_encoded_reviews(tmp_path):
    data = read_encoded(save(tmp_path / "imdb.npz"))
    assert data.train.ids.tolist() == [1, 14, 22, 5]
    assert data.train.ids.dtype == np.int32
    assert data.train.offsets.tolist() == [0, 3, 4, 4]
    assert data.train.labels.tolist() == [1, 0, 1]
    assert data.test.ids.tolist() == [88_000]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_encoded_reviews_of_any_age(tmp_path, protocol):
    """Older numpy pickled with other protocols and module names."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    pickled = pickle.dumps(ENCODED["x_train"], protocol=protocol)
    if protocol < 4:  # its names carry no length
        pickled = pickled.replace(b"numpy._core", b"numpy.core")
    path = save(tmp_path / "new.npz")
    old = tmp_path / "imdb.npz"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            target.writestr(name, content.getvalue() + pickled if name == "x_train.npy" else source.read(name))
    assert read_encoded(old).train.ids.tolist() == [1, 14, 22, 5]


@settings(deadline=None)
@given(st.data())
def test_take_is_indexing(draw):
    texts = draw.draw(st.lists(st.lists(st.integers(1, 99), max_size=5), min_size=1, max_size=6))
    index = draw.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8))
    offsets = np.cumsum([0, *map(len, texts)])
    ids = np.array([rank for text in texts for rank in text], dtype=np.int32)
    taken = EncodedTexts(ids, offsets, np.arange(len(texts)), ("a",), "x").take(np.array(index, dtype=np.int64))
    assert [part.tolist() for part in np.split(taken.ids, taken.offsets[1:-1])][: len(index)] == [
        texts[i] for i in index
    ]
    assert taken.labels.tolist() == index
    assert taken.offsets[-1] == len(taken.ids)


class Bomb:
    def __reduce__(self):
        return (print, ("this must not be printed",))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"x_train": lists([1], Bomb(), [2])}, "print"),
        ({"x_train": lists([1], [1.5], [2])}, "float"),
        ({"x_train": lists([1], ["a"], [2])}, "str"),
        ({"x_train": lists([1], [2**40], [2])}, "OverflowError"),
        ({"x_train": lists([1], [0], [2])}, "ranks from 1"),
        ({"x_train": lists(1, 2, 3)}, "lists"),
        ({"x_train": np.ones((3, 4))}, "lists"),
        ({"y_train": np.array([1, 0])}, "each of the 3 texts"),
        ({"y_train": np.array([1, 0, 2])}, "0 or 1"),
        ({"y_train": lists(1, 0, 1)}, "Object arrays"),
    ],
)
def test_encoded_reviews_of_another_kind(tmp_path, capsys, changed, part):
    fails(read_encoded, save(tmp_path / "imdb.npz", **changed), part)
    assert capsys.readouterr().out == ""


def test_broken_encoded_reviews(tmp_path):
    path = save(tmp_path / "imdb.npz")
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    fails(read_encoded, path, "BadZipFile")
    np.savez(path, x_train=ENCODED["x_train"])
    fails(read_encoded, path, "y_train")
    fails(read_encoded, tmp_path / "none.npz", "No such file")
