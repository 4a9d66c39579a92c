"""Reading reviews: what comes out, and one clear line for everything that is broken."""

import gzip
import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from helpers.errors import fails
from helpers.published import ENCODED, IGNORED, REVIEWS, lists, pack, save
from seqconv.data.readers.reviews import read_encoded, read_reviews


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
    fails(read_reviews, plain, "10_9.txt has an impossible size")


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
        ({"x_train": lists([1], [0], [2])}, "ranks of at least 1"),
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
