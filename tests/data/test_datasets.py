"""Named data: where they are looked for, the download (against a server on loopback), and the cached copy."""

import hashlib
import http.server
import io
import os
import re
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from helpers.published import HEADER, IGNORED, REVIEWS, ROWS, pack, save
from seqconv.data import datasets, downloads, remotes
from seqconv.data.records import Series, TextData
from seqconv.errors import DataError
from seqconv.recipes.sections import SeriesDataConfig, TextDataConfig

CONTENT = np.random.default_rng(0).bytes(700_000)


def load_texts(source: str) -> TextData:
    return datasets.load_texts(TextDataConfig(source=source))


def load_series(source: str) -> Series:
    return datasets.load_series(SeriesDataConfig(source=source)).train


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("SEQCONV_CACHE", str(folder))
    monkeypatch.delenv("SEQCONV_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; cuts the first `len(server.cuts)` answers at those many bytes."""

    def do_GET(self):
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if server.status != 200 or begin >= len(server.content):
            self.send_error(server.status if server.status != 200 else 416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(server.content) - begin))
        self.end_headers()
        end = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(server.content[begin:end])
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.cuts, server.ranges, server.status, server.asked = CONTENT, [], True, 200, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/aclImdb_v1.tar.gz"
        publish(monkeypatch, "imdb", url, CONTENT, hashlib.sha256(CONTENT).hexdigest())
        yield server
        server.shutdown()
        thread.join()


def publish(monkeypatch, name, url, content, sha256):
    remote = replace(remotes.REMOTES[name], url=url, size=len(content), sha256=sha256)
    monkeypatch.setitem(remotes.REMOTES, name, remote)


def fails(call, *parts):
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# Download


def test_download(server, cache):
    heard = []
    path = downloads.locate("imdb", lambda done, total: heard.append((done, total)))
    assert path == cache / "aclImdb_v1.tar.gz"
    assert path.read_bytes() == CONTENT
    assert names(cache) == [path.name]
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert downloads.locate("imdb") == path
    assert server.asked == [None]  # the second time nothing is fetched


def test_a_cut_download_goes_on_where_it_stopped(server, cache):
    server.cuts = [300_000, 300_001]
    assert downloads.locate("imdb").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=300001-"]
    assert names(cache) == ["aclImdb_v1.tar.gz"]


def test_a_server_without_ranges_starts_over(server):
    server.cuts, server.ranges = [300_000], False
    assert downloads.locate("imdb").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]


def test_a_download_that_stays_cut_goes_on_in_the_next_run(server, cache):
    server.cuts = [1000, 1000]
    fails(lambda: downloads.locate("imdb"), "lost at 1,000 of 700,000 bytes", "resumes there")
    assert names(cache) == ["aclImdb_v1.tar.gz.part"]
    assert downloads.locate("imdb").read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=1000-"


def test_a_whole_part_is_checked_and_taken(server, cache):
    cache.mkdir()
    (cache / "aclImdb_v1.tar.gz.part").write_bytes(CONTENT)
    assert downloads.locate("imdb").read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("begun", [b"", b"of another file"])
def test_wrong_bytes_are_thrown_away(server, cache, begun):
    cache.mkdir()
    if begun:
        (cache / "aclImdb_v1.tar.gz.part").write_bytes(begun)
    else:
        server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    fails(lambda: downloads.locate("imdb"), "SHA-256", "Nothing was kept")
    assert names(cache) == []


def test_another_size_is_refused_at_once(server, cache):
    server.content = b"<html>Please log in</html>"
    fails(lambda: downloads.locate("imdb"), "700,000 bytes", "sends 26", "login")
    assert names(cache) == []


def test_a_part_beyond_the_server_s_file_is_thrown_away(server, cache):
    cache.mkdir()
    (cache / "aclImdb_v1.tar.gz.part").write_bytes(CONTENT[:1000])
    server.content = CONTENT[:500]
    fails(lambda: downloads.locate("imdb"), "416")
    assert names(cache) == []


def test_no_such_file_on_the_server(server, cache):
    server.status = 404
    fails(lambda: downloads.locate("imdb"), "the server responded with 404", f"Put aclImdb_v1.tar.gz into {cache}")
    assert names(cache) == []


def test_no_server(monkeypatch, tmp_path):
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/jena.csv.zip"
    publish(monkeypatch, "jena", url, CONTENT, "")
    monkeypatch.setenv("SEQCONV_DATA", str(tmp_path))
    fails(lambda: downloads.locate("jena"), url, "refused", f"Put jena.csv.zip into {tmp_path}")


def test_a_cache_that_cannot_be_written(server, cache):
    cache.write_bytes(b"a file in its place")
    fails(lambda: downloads.locate("imdb"), str(cache))


def test_a_zip_without_a_published_checksum_checks_itself(server, monkeypatch, cache):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("jena_climate_2009_2016.csv", HEADER + "\n".join(ROWS))
    whole = packed.getvalue()
    url = f"http://127.0.0.1:{server.server_port}/jena_climate_2009_2016.csv.zip"
    publish(monkeypatch, "jena", url, whole, "")
    for broken in (whole.replace(b"-8.41", b"-8.42", 1), bytes(len(whole))):
        server.content = broken
        fails(lambda: downloads.locate("jena"), "Nothing was kept")
        assert names(cache) == []
    server.content = whole
    assert load_series("jena").values.shape == (3, 2)


# Where data are looked for


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("imdb", "aclImdb_v1.tar.gz"),
        ("imdb", "deep/aclImdb_v1.tar.gz"),
        ("imdb", "imdb.npz"),
        ("imdb", "aclImdb"),
        ("jena", "jena/jena_climate_2009_2016.csv"),
        ("jena", "jena_climate_2009_2016.csv.zip"),
    ],
)
def test_data_are_found_in_the_given_folder_and_in_the_cache(tmp_path, monkeypatch, cache, name, file):
    given = tmp_path / "given"
    (given / file).parent.mkdir(parents=True)
    (given / file).write_bytes(b"")
    monkeypatch.setenv("SEQCONV_DATA", str(given))
    assert downloads.locate(name) == given / file
    cache.mkdir()
    in_cache = cache / os.path.basename(file)
    in_cache.write_bytes(b"")
    assert downloads.locate(name) == given / file
    monkeypatch.delenv("SEQCONV_DATA")
    assert downloads.locate(name) == in_cache


def test_names_and_folders_that_do_not_exist(tmp_path, monkeypatch):
    fails(lambda: downloads.locate("imbd"), "'imbd'", "Did you mean 'imdb'?")
    monkeypatch.setenv("SEQCONV_DATA", str(tmp_path / "none"))
    fails(lambda: downloads.locate("imdb"), "SEQCONV_DATA", "none")


def test_the_platform_s_cache_folder(monkeypatch):
    monkeypatch.delenv("SEQCONV_CACHE")
    assert "seqconv" in str(downloads.cache_folder())


def test_published_checksums_are_whole():
    for remote in remotes.REMOTES.values():
        assert re.fullmatch(r"([0-9a-f]{64})?", remote.sha256)
        assert remote.download in remote.files
    assert remotes.REMOTES["imdb"].sha256


# Loading


@pytest.mark.parametrize(
    ("load", "source", "parts"),
    [
        (load_texts, "imbd", ["imbd: must be imdb or demo-text", "Did you mean 'imdb'?"]),
        (load_texts, "jena", ["jena: ", "data for another task"]),
        (load_series, "demo-text", ["data for another task"]),
        (load_series, "no/such.csv", ["no/such.csv: must be", "existing path; there is none"]),
        (load_series, "", ["data.source: must be"]),
    ],
)
def test_unknown_sources(load, source, parts):
    fails(lambda: load(source), *parts)


def test_sources_by_name_and_path(tmp_path):
    assert load_texts("demo-text").train.source.startswith("demo-text")
    assert load_series("demo-series").source.startswith("demo-series")
    assert load_texts(str(save(tmp_path / "imdb.npz"))).test.ids.tolist() == [88_000]
    csv = tmp_path / "a.csv"
    csv.write_text(HEADER + "\n".join(ROWS))
    assert load_series(str(csv)).columns == ("T (degC)", "p (mbar)")
    review = tmp_path / "mine" / "{}" / "pos" / "0_9.txt"
    for split in ("train", "test"):
        path = tmp_path / str(review).format(split)
        path.parent.mkdir(parents=True)
        path.write_text("fine")
    assert load_texts(str(tmp_path / "mine")).test.texts == ["fine"]


@pytest.fixture
def archive(tmp_path):
    return pack(tmp_path / "aclImdb_v1.tar.gz", IGNORED | REVIEWS)


def same(first, second):
    for split in ("train", "test"):
        one, two = getattr(first, split), getattr(second, split)
        assert (one.texts, one.classes, one.source) == (two.texts, two.classes, two.source)
        np.testing.assert_array_equal(one.labels, two.labels)
        assert one.labels.dtype == two.labels.dtype


def test_an_archive_is_read_once(archive, cache, monkeypatch):
    first = load_texts(str(archive))
    assert len(names(cache)) == 1
    assert names(cache)[0].endswith(".npz")
    with monkeypatch.context() as patch:
        patch.setattr(datasets, "read_reviews", lambda path: pytest.fail("read again"))
        same(first, load_texts(str(archive)))


def test_a_changed_archive_is_read_again(archive):
    load_texts(str(archive))
    pack(archive, REVIEWS | {"test/pos/1_10.txt": "changed"})
    os.utime(archive, ns=(1, 1))
    assert load_texts(str(archive)).test.texts[-1] == "changed"


def test_a_damaged_copy_is_made_anew(archive, cache):
    first = load_texts(str(archive))
    copy = cache / names(cache)[0]
    whole = copy.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"caf\xc3\xa9")] ^= 1
    for damaged in (b"", whole[:100], whole[:-100], bytes(flipped)):
        copy.write_bytes(damaged)
        same(first, load_texts(str(archive)))
        assert copy.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_only_time(archive, cache):
    cache.write_bytes(b"a file in its place")
    assert len(load_texts(str(archive)).train.texts) == 3


def test_a_damaged_archive_leaves_no_copy(archive, cache):
    archive.write_bytes(archive.read_bytes()[:-50])
    fails(lambda: load_texts(str(archive)), "damaged or truncated")
    assert names(cache) == []


def test_real_reviews_come_back_from_the_copy(real_data, monkeypatch):
    monkeypatch.setenv("SEQCONV_DATA", str(real_data))
    first = load_texts("imdb")
    same(first, load_texts("imdb"))
