"""Files as they were published: the archive of reviews, the table of the weather."""

import io
import tarfile

import numpy as np

from seqconv.data.demo import demo_texts

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


def pack_reviews(folder, count):
    """The archive with made reviews, so many in each part."""
    files = {}
    for part, texts in zip(("train", "test"), (demo_texts().train, demo_texts().test), strict=True):
        for number, (text, label) in enumerate(zip(texts.texts[:count], texts.labels[:count].tolist(), strict=True)):
            files[f"{part}/{('neg', 'pos')[label]}/{number}_{(1, 10)[label]}.txt"] = text
    return pack(folder / "aclImdb_v1.tar.gz", files)


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


HEADER = '"Date Time","T (degC)","p (mbar)"\n'
ROWS = ["01.01.2009 00:10:00,-8.02,996.52", "01.01.2009 00:20:00,-8.41,996.57", "01.01.2009 00:30:00,-8.51,996.53"]
