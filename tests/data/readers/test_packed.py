"""Tables in workbooks, packed files and files in parts, for every kind of data."""

import importlib
import json
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

import polars
import pytest

import seqconv
from helpers.errors import fails
from seqconv.data.readers import workbooks
from seqconv.data.readers.files import strip_packing
from seqconv.data.readers.folders import find_files
from seqconv.data.readers.tables import iterate_tables, read_table
from seqconv.errors import MissingExtra
from seqconv.tasks.guessing import suggest_recipe

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
REVIEWS = [
    ["review", "stars", "n"],
    ['so good, "really"\ngood', "pos", 1],
    ["bad", "neg", 2.5],
    [None, None, None],
    ["good fun", "pos", 3],
]


def write_workbook(path: Path, *sheets: list[list[object]]) -> Path:
    """A workbook as small as Excel opens it: texts in place, numbers, and times in the style of dates."""
    names = [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    with zipfile.ZipFile(path, "w") as archive:
        types = "".join(f'<Override PartName="/xl/{n}.xml" ContentType="{SHEET}.worksheet+xml"/>' for n in names)
        types += f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET}.sheet.main+xml"/>'
        types += f'<Override PartName="/xl/styles.xml" ContentType="{SHEET}.styles+xml"/>'
        xml = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types">{xml}{types}</Types>')
        first = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{first}</Relationships>')
        listed = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="s{i}"/>' for i, n in enumerate(names, 1))
        head = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        archive.writestr("xl/workbook.xml", f"{head}<sheets>{listed}</sheets></workbook>")
        links = "".join(
            f'<Relationship Id="s{i}" Type="{OFFICE}/worksheet" Target="{n}.xml"/>' for i, n in enumerate(names, 1)
        )
        links += f'<Relationship Id="y" Type="{OFFICE}/styles" Target="styles.xml"/>'
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'
        )
        styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs>'
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>')
        for name, rows in zip(names, sheets, strict=True):
            body = "".join(f'<row r="{r}">{_write_cells(r, row)}</row>' for r, row in enumerate(rows, 1))
            archive.writestr(f"xl/{name}.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>')
    return path


def _write_cells(number: int, row: list[object]) -> str:
    found = []
    for place, value in enumerate(row):
        at = f'r="{chr(65 + place)}{number}"'
        if isinstance(value, datetime):
            days = (value - datetime(1899, 12, 30)).total_seconds() / 86400
            found.append(f'<c {at} s="1"><v>{days!r}</v></c>')
        elif isinstance(value, str):
            found.append(f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>')
        elif value is not None:
            found.append(f"<c {at}><v>{value}</v></c>")
    return "".join(found)


@pytest.fixture
def zstd():
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return pytest.importorskip("backports.zstd")


def test_the_first_sheet_of_a_workbook_is_a_table(tmp_path):
    pytest.importorskip("fastexcel")
    path = write_workbook(tmp_path / "reviews.xlsx", REVIEWS, [["other"]])
    found = seqconv.read_texts(path, label="stars")
    assert found.texts == ['so good, "really"\ngood', "bad", "good fun"]
    assert found.classes == ("neg", "pos")
    assert found.labels.tolist() == [1, 0, 1]
    assert "read the first of 2 sheets, 'Sheet1'" in found.notes
    table = read_table(path)
    assert table.frame["n"].to_list() == [1, 2.5, 3]
    assert table.frame.columns == ["review", "stars", "n"]
    pieces = [each.frame for each in iterate_tables(path, 2)]
    assert polars.concat(pieces)["review"].to_list() == found.texts


def test_a_workbook_without_names_of_columns(tmp_path):
    pytest.importorskip("fastexcel")
    path = write_workbook(tmp_path / "r.xlsx", [["a text that is long", 1], ["and another long text", 0]])
    assert read_table(path).frame.columns == ["column_1", "column_2"]
    assert read_table(path, header=True).frame.columns == ["a text that is long", "1"]


def test_times_in_a_workbook_are_times_of_a_series_and_of_a_panel(tmp_path):
    pytest.importorskip("fastexcel")
    hours = [datetime(2024, 1, 1 + n // 24, n % 24) for n in range(200)]
    path = write_workbook(tmp_path / "s.xlsx", [["when", "load"], *([t, n % 24 + 0.5] for n, t in enumerate(hours))])
    suggested = suggest_recipe(str(path), ("data.target=load",))
    assert suggested.recipe.task == "series"
    assert suggested.data.train.interval_s == 3600
    assert suggested.data.train.times[-1].astype(datetime) == hours[-1]
    assert suggested.data.train.values[:, 0].tolist()[:3] == [0.5, 1.5, 2.5]
    rows = [[shop, datetime(2020 + n // 12, 1 + n % 12, 1), n] for shop in ("a", "b") for n in range(40)]
    panel = seqconv.read_panel(write_workbook(tmp_path / "p.xlsx", [["shop", "month", "sold"], *rows]), target="sold")
    assert (len(panel), panel.frequency.name, panel.names) == (2, "month", ("shop",))


def test_wrong_workbooks(tmp_path):
    pytest.importorskip("fastexcel")
    fails(read_table, write_workbook(tmp_path / "empty.xlsx", []), "the first sheet, 'Sheet1', must hold a table")
    whole = write_workbook(tmp_path / "whole.xlsx", REVIEWS)
    with zipfile.ZipFile(tmp_path / "damaged.xlsx", "w") as damaged, zipfile.ZipFile(whole) as archive:
        for name in archive.namelist():
            damaged.writestr(name, archive.read(name)[:60])
    fails(read_table, tmp_path / "damaged.xlsx", "must be a complete Excel workbook", "Save it again, or as CSV")


def test_what_is_not_installed_is_said_with_the_way_around(tmp_path, monkeypatch):
    path = write_workbook(tmp_path / "reviews.xlsx", REVIEWS)
    monkeypatch.setattr(workbooks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"fastexcel.*pip install 'seqconv\[files\]', or save it as CSV"):
        seqconv.read_texts(path)
    (tmp_path / "r.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd and more")
    for name in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"packed by zstd.*pip install 'seqconv\[files\]', or unpack it"):
        read_table(tmp_path / "r.csv.zst")


def test_zstd_unpacks_every_format(tmp_path, zstd):
    frame = polars.DataFrame({"text": ["so good", "so bad"] * 20, "label": ["pos", "neg"] * 20})
    frame.write_csv(tmp_path / "r.csv")
    frame.write_ndjson(tmp_path / "r.jsonl")
    frame.write_parquet(tmp_path / "r.parquet")
    (tmp_path / "r.txt").write_text("__label__a so good\n__label__b so bad\n")
    (tmp_path / "s.ts").write_text("@classLabel true 0 1\n@data\n1,2,3:0\n3,2,1:1\n")
    for name in ("r.csv", "r.jsonl", "r.parquet", "r.txt", "s.ts"):
        (tmp_path / f"{name}.zst").write_bytes(zstd.compress((tmp_path / name).read_bytes()))
    for name in ("r.csv", "r.jsonl", "r.parquet"):
        assert seqconv.read_texts(tmp_path / f"{name}.zst").texts == frame["text"].to_list()
    assert seqconv.read_texts(tmp_path / "r.txt.zst").texts == ["so good", "so bad"]
    assert len(seqconv.read_sequences(tmp_path / "s.ts.zst")) == 2
    assert suggest_recipe(str(tmp_path / "r.csv.zst")).recipe.name == "r"


def test_damaged_zstd(tmp_path, zstd):
    whole = zstd.compress(b"text,label\n" + b"good,pos\nbad,neg\n" * 999)
    for content in (whole[:-7], whole[:20] + bytes(40)):
        (tmp_path / "r.csv.zst").write_bytes(content)
        fails(read_table, tmp_path / "r.csv.zst", "must be a complete packed file; it is damaged")
    (tmp_path / "bomb.csv.zst").write_bytes(zstd.compress(bytes(1 << 27)))
    fails(read_table, tmp_path / "bomb.csv.zst", "it unpacks to more than 100 times its size")


def test_names_without_packing():
    assert [strip_packing(name) for name in ("A.CSV.GZ", "a.ts.zst", "a.zip", "a.csv")] == [
        "a.csv",
        "a.ts",
        "a",
        "a.csv",
    ]


# Files in parts, as the Hugging Face Hub keeps them


@pytest.fixture
def write_parts(tmp_path: Path) -> Callable[..., Path]:
    def write(inner: str, **splits: int) -> Path:
        folder = tmp_path / "imdb" / inner
        folder.mkdir(parents=True)
        (tmp_path / "imdb" / "README.md").write_text("---\nlicense: other\n---\n")
        (tmp_path / "imdb" / ".gitattributes").write_text("*.parquet filter=lfs\n")
        for name, parts in splits.items():
            for part in range(parts):
                texts = [f"{name} {part} {row} {'good' if row % 2 else 'bad'}" for row in range(30)]
                labels = [row % 2 if name != "unsupervised" else -1 for row in range(30)]
                frame = polars.DataFrame({"text": texts, "label": labels})
                frame.write_parquet(folder / f"{name}-{part:05}-of-{parts:05}.parquet")
        return tmp_path / "imdb"

    return write


@pytest.mark.parametrize("inner", ["data", "plain_text", ""])
def test_a_data_set_of_the_hub_is_one_source(write_parts, inner):
    folder = write_parts(inner, train=2, validation=1, test=3, unsupervised=1)
    suggested = suggest_recipe(str(folder))
    data = suggested.data
    assert [len(each.texts) for each in (data.train, data.validation, data.test)] == [60, 30, 90]
    assert {text.split()[0] for text in data.test.texts} == {"test"}
    assert {text.split()[1] for text in data.train.texts} == {"0", "1"}
    assert suggested.recipe.name == "imdb"
    assert any(
        "2 files, train-00000-of-00002.parquet to train-00001-of-00002.parquet" in note for note in data.train.notes
    )
    run = seqconv.train(suggested.recipe, seqconv.Options(folder / "run", baselines=False, threads=1), data=data)
    assert run.results.facts["splits"]["test"]["examples"] == 90


def test_a_missing_part_is_named(write_parts):
    folder = write_parts("data", train=3, test=1)
    (folder / "data" / "train-00001-of-00003.parquet").unlink()
    path, _ = find_files(folder)
    fails(read_table, path, "must come with its 3 parts; train-00001-of-00003.parquet is not there")
    alone = read_table(folder / "data" / "train-00002-of-00003.parquet")  # one that is asked for is read alone
    assert len(alone.frame) == 30


def test_train_alone_is_split(write_parts):
    path, others = find_files(write_parts("data", train=2))
    assert (path.name, others) == ("train-00000-of-00002.parquet", {})


@pytest.mark.skipif(not hasattr(polars, "read_parquet_metadata"), reason="this polars does not read what files say")
def test_numbers_of_classes_have_the_names_that_the_file_says(tmp_path, zstd):
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["world", "sports", "business"], "_type": "ClassLabel"},
    }
    frame = polars.DataFrame({"text": ["so it goes", "a fine game", "stocks fall"], "label": [0, 1, 2]})
    path = tmp_path / "train-00000-of-00001.parquet"
    frame.write_parquet(path, metadata={"huggingface": json.dumps({"info": {"features": features}})})
    found = seqconv.read_texts(path)
    assert found.classes == ("business", "sports", "world")
    assert [found.classes[label] for label in found.labels] == ["world", "sports", "business"]
    assert "'label' named as the file says: world, sports, business" in found.notes
    (tmp_path / "packed.parquet.zst").write_bytes(zstd.compress(path.read_bytes()))
    assert seqconv.read_texts(tmp_path / "packed.parquet.zst").classes == found.classes
    assert read_table(path).frame["label"].to_list() == ["world", "sports", "business"]
    frame.with_columns(label=polars.Series([0, 1, -1])).write_parquet(
        path, metadata={"huggingface": json.dumps({"info": {"features": features}})}
    )
    fails(seqconv.read_texts, path, "row 3: the label 'label' is empty")
    for odd in ("{", "[]", json.dumps({"info": {"features": {"label": {"_type": "ClassLabel", "names": [1]}}}})):
        frame.write_parquet(path, metadata={"huggingface": odd})
        assert seqconv.read_texts(path).classes == ("0", "1", "2")
