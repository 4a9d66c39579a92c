"""Data and models at URLs are read like those of this machine; what cannot be fetched is one line."""

import functools
import http.server
import json
import re
import sys
import threading
import urllib.parse
from pathlib import Path, PureWindowsPath

import numpy as np
import polars
import pytest

import seqconv
from helpers.command import seqconv_command
from seqconv.data import urls
from seqconv.data.urls import fetch
from seqconv.errors import BundleError, DataError, MissingExtra

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SEQCONV_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(urls, "_fetched", {})
    monkeypatch.setattr("seqconv.models.remote._fetched", {})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder, and the address at which a server offers it."""
    folder = tmp_path_factory.mktemp("site")
    texts = [(f"{word} {number}", word) for number in range(30) for word in ("good", "bad")]
    polars.DataFrame(texts, schema=["text", "label"], orient="row").write_csv(folder / "reviews.csv")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            if self.path != "/cut.csv":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"text,label")
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_file_of_a_web_server_is_trained_on_predicted_and_evaluated(site, tmp_path):
    url = f"{site[1]}/reviews.csv?key=1"
    seqconv_command("train", url, "--model", "majority", "-q", "-o", "run", cwd=tmp_path)
    table = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert table["settings"]["data"]["source"] == url
    assert table["description"] == "reviews.csv, the model majority"
    done = seqconv_command("predict", "run", url, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["n"] == 60
    assert json.loads(seqconv_command("evaluate", "run", "--json", cwd=tmp_path).stdout)["n"] > 0
    assert seqconv.evaluate(tmp_path / "run", url).scores.n == 60
    assert seqconv.monitor(tmp_path / "run", url).n == 60
    assert json.loads(seqconv_command("inspect", url, "--json", cwd=tmp_path).stdout)["rows"] == 60
    explained = seqconv_command("explain", "run", "--file", url, "--json", cwd=tmp_path)
    assert json.loads(explained.stdout)
    done = seqconv_command("train", f"{site[1]}/reviews.cvs", "-o", "other", cwd=tmp_path, code=2)
    assert "/reviews.cvs: must be a file that can be fetched; the server responded with 404. Check" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_a_series_and_its_future_come_from_a_bucket(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    days = np.datetime64("2024-01-01") + np.arange(120)
    table = polars.DataFrame({"day": days, "sold": np.sin(np.arange(120) * 2 * np.pi / 7) + 3})
    with fsspec.open("memory://shop/sales.csv", "wb") as out:
        table.write_csv(out)
    panel = seqconv.read_panel("memory://shop/sales.csv", target="sold")
    np.testing.assert_allclose(panel.values, table["sold"])
    run = seqconv.train("memory://shop/sales.csv", target="sold", horizon="7d", model="seasonal", out=tmp_path / "run")
    assert run.results.settings["data"]["source"] == "memory://shop/sales.csv"
    assert seqconv.evaluate(run.folder).scores.n > 0


@pytest.mark.parametrize("below", ["", "/model"])
def test_a_model_at_a_url_answers_as_its_copy_here(below, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    for path in (GOLDEN / "text-labels").iterdir():
        with fsspec.open(f"memory://models/run{below}/{path.name}", "wb") as out:
            out.write(path.read_bytes())
    found, wanted = (seqconv.load(each) for each in ("memory://models/run", GOLDEN / "text-labels"))
    np.testing.assert_array_equal(found.predict(["a good film"]), wanted.predict(["a good film"]))
    for name in ("../../x", "..", ""):
        with fsspec.open(f"memory://models/run{below}/bundle.json", "wb") as out:
            out.write(json.dumps({"files": {name: ""}}).encode())
        monkeypatch.setattr("seqconv.models.remote._fetched", {})
        with pytest.raises(BundleError, match=rf"must name files of its folder; got '{re.escape(name)}'"):
            seqconv.load("memory://models/run/")


def test_what_cannot_be_fetched_says_why(site, monkeypatch):
    for url, kind, match in (
        (f"{site[1]}/none.csv", DataError, "the server responded with 404"),
        (f"{site[1]}/cut.csv", DataError, "the connection was lost at 10 of 1,000 bytes"),
        ("http://127.0.0.1:1/a.csv", DataError, "must be a file that can be fetched"),
        ("reference://a/b.csv", DataError, "reference is none of https, http, s3, gs"),
        ("memory://a::file:///etc/passwd", DataError, "it names one file system inside another"),
        ("http://[::1/a.csv", DataError, "Invalid IPv6 URL"),
    ):
        with pytest.raises(kind, match=match) as caught:
            fetch(url)
        assert str(caught.value).startswith(f"{url}: ")
    with pytest.raises(BundleError, match=r"must be a run or model folder; .*responded with 404"):
        seqconv.load(site[1])
    monkeypatch.setattr(urls, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="it has more than"):
        fetch(f"{site[1]}/reviews.csv")
    assert not [path for path in urls.copy_folder("").parent.rglob("*") if path.is_file()]
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"pip install 'seqconv\[remote\]'"):
        fetch("s3://bucket/a.csv")


def test_urls_are_fetched_as_they_are_written(site):
    name = "größe 1.csv"
    (site[0] / name).write_text("a")
    for url in (f"{site[1]}/{name}", f"{site[1]}/{urllib.parse.quote(name)}", Path(f"{site[1]}/{name}")):
        assert fetch(url).read_text() == "a"
    assert urls.join_url(f"{site[1]}/a.csv?key=b/") == f"{site[1]}/a.csv?key=b/"
    assert urls.join_url(PureWindowsPath("s3://models/run/"), "model") == "s3://models/run/model"
    assert urls.is_url(PureWindowsPath("https://a.org/run"))
    assert urls.is_url(f"https://a.org/{'x' * 5000}")


def test_nothing_is_written_to_a_url(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (
        ("train", f"{site[1]}/reviews.csv", "--model", "majority", "-o", "s3://bucket/run"),
        ("pull", "anna/reviews", "-o", "hf://anna/reviews"),
        ("shrink", str(GOLDEN / "text-labels"), "-o", "s3://bucket/small"),
    ):
        error = seqconv_command(*command, cwd=tmp_path, code=2).stderr
        assert f"{command[-1]}: must be a folder of this machine; it is a URL" in error
        assert error.count("\n") == 1
    error = seqconv_command("report", "s3://bucket/run", cwd=tmp_path, code=2).stderr
    assert "s3://bucket/run: must be a run folder of this machine; it is a URL. Copy it to this machine" in error
    assert [path.name for path in tmp_path.iterdir() if ":" in path.name] == []


def test_paths_stay_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fetch("a/b.csv") == Path("a/b.csv")
    assert not urls.is_url(r"C:/data/b.csv")
    Path("ab:").mkdir()
    Path("ab:/x.csv").write_text("")
    assert fetch("ab:/x.csv") == Path("ab:/x.csv")
