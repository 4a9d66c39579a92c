"""Models pushed to a server like that of the Hugging Face Hub come back as they were."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from seqconv.errors import MissingExtra
from seqconv.models.exchange.hub import build_card, pull, push
from seqconv.models.format import read_bundle

GOLDEN = Path(__file__).parents[1] / "golden"
COMMIT = "0" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """The part of the Hub's protocol that commits small files and hands them out."""

    files: dict[str, dict[str, bytes]]
    private: dict[str, bool]

    def log_message(self, *args):
        pass

    def do_POST(self):
        lines = [json.loads(line) for line in self.rfile.read(int(self.headers["Content-Length"])).splitlines()]
        path = self.path.split("/")
        if self.path == "/api/repos/create":
            name = f"{lines[0].get('organization') or 'anna'}/{lines[0]['name']}"
            self.files.setdefault(name, {})
            self.private.setdefault(name, "private" in (lines[0].get("visibility"), *lines[0]))
            self.answer({"url": f"http://{self.headers['Host']}/{name}"})
        elif path[5:6] == ["preupload"]:
            modes = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            self.answer({"files": [{"path": each["path"], **modes} for each in lines[0]["files"]]})
        elif path[5:6] == ["commit"]:
            name = "/".join(path[3:5])
            for line in lines[1:]:
                content = base64.b64decode(line["value"]["content"])
                self.files[name][line["value"]["path"]] = content
            self.answer({"commitUrl": f"http://{self.headers['Host']}/{name}/commit/{COMMIT}", "commitOid": COMMIT})
        else:
            self.answer({"errors": [], "warnings": []})

    def do_GET(self):
        path = self.path.partition("?")[0].split("/")
        if path[1:3] == ["api", "models"]:
            own = self.files.get("/".join(path[3:5]), {})
            kinds = [{"type": "file", "path": name, "size": len(each), "oid": COMMIT} for name, each in own.items()]
            return self.answer(kinds)
        content = self.files.get("/".join(path[1:3]), {}).get(path[-1])
        if content is None:
            return self.answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        return self.answer(content, 200, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT})

    do_HEAD = do_GET

    def answer(self, content, status=200, headers=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path):
    """A function that runs a command against a server, and what the server holds."""
    pytest.importorskip("huggingface_hub")
    handler = type("Own", (Hub,), {"files": {}, "private": {}})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "hf_x",
    }

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "seqconv", *words]
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done

    yield run, handler
    server.shutdown()
    server.server_close()


def test_a_model_comes_back_as_it_was(hub, tmp_path):
    run, server = hub
    said = json.loads(run("push", str(GOLDEN / "text-labels"), "anna/reviews", "--json").stdout)
    assert server.private == {"anna/reviews": True}
    assert said["repository"] == "anna/reviews"
    assert set(server.files["anna/reviews"]) == set(said["files"])
    assert run("pull", "anna/reviews", "-o", "back").stdout.strip() == "back"
    kept = {path.name: path.read_bytes() for path in (GOLDEN / "text-labels").iterdir() if path.name != "README.md"}
    back = {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()}
    assert back.pop("README.md").startswith(b"---\nlibrary_name: seqconv\n")
    assert back == {name: kept[name] for name in said["files"] if name != "README.md"}
    assert "holds finished work" in run("pull", "anna/reviews", "-o", "back", code=2).stderr
    server.files["anna/reviews"]["weights.safetensors"] += b"x"
    shutil.rmtree(tmp_path / "hf")
    damaged = run("pull", "anna/reviews", "-o", "other", code=2).stderr
    assert "anna/reviews: must hold a whole model of seqconv; " in damaged
    assert damaged.count("\n") == 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("other")]


def test_what_is_no_model_is_left_alone(hub):
    run, server = hub
    server.files["anna/other"] = {"model.bin": b"", "README.md": b"mine"}
    said = run("push", str(GOLDEN / "text-labels"), "anna/other", code=2).stderr
    assert "anna/other: must be empty, or hold a model of seqconv; it holds 'model.bin'. Choose another name" in said
    assert server.files["anna/other"]["README.md"] == b"mine"
    said = run("pull", "anna/none", "-o", "none", code=2).stderr
    assert "anna/none: must hold a whole model of seqconv; bundle.json: " in said
    assert said.count("\n") == 1


def test_a_card_says_what_a_model_is_and_nothing_of_where_its_data_lie():
    bundle = read_bundle(GOLDEN / "text-labels")
    card = build_card(bundle, "anna/reviews", GOLDEN / "text-labels")
    assert "- text-classification\n" in card
    assert "- classes: good, film, plot" in card
    assert "seqconv pull anna/reviews" in card
    assert str(Path(bundle.recipe.data.source).parent) in (".", "/") or bundle.recipe.data.source not in card


def test_a_card_has_the_scores_of_the_run_of_its_model_alone_and_no_key_of_a_url(tmp_path):
    shutil.copytree(GOLDEN / "runs" / "text", tmp_path / "run")
    bundle = read_bundle(tmp_path / "run")
    assert "| accuracy |" in build_card(bundle, "anna/reviews", tmp_path / "run" / "model")
    assert "| accuracy |" not in build_card(bundle, "anna/reviews", tmp_path / "run" / "small")
    data = replace(bundle.recipe.data, source="https://a.org/reviews.csv?key=secret")
    card = build_card(replace(bundle, recipe=replace(bundle.recipe, data=data)), "anna/reviews", tmp_path)
    assert "`reviews.csv`" in card
    assert "secret" not in card


def test_a_model_without_a_card_is_pulled_too(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def download(repository, name, revision):
        if name == "README.md":
            raise FileNotFoundError(name)
        return GOLDEN / "text-labels" / name

    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert not (pull("anna/reviews", tmp_path / "back") / "README.md").exists()
    assert read_bundle(tmp_path / "back").features.target.names == ("good", "film", "plot")


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"seqconv\[hub\]"):
        push(GOLDEN / "text-labels", "anna/reviews")
