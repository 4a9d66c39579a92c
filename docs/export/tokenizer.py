"""Reads the tokenizer that `seqconv export --onnx` writes next to a model of texts; needs numpy alone.

python tokenizer.py model.tokenizer.json      # checks the reader by the examples in the file

tokenizer = Tokenizer("model.tokenizer.json")
session = onnxruntime.InferenceSession("model.onnx")
session.run(None, tokenizer(["not bad at all"]))
"""

import bisect
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

MASK = 2**64 - 1


class Tokenizer:
    """Turns texts into the inputs of the model."""

    def __init__(self, path):
        table = json.loads(Path(path).read_text("utf-8"))
        assert table["format"] == 1, "a tokenizer of another format"
        self.table, form = table, table["form"]
        self.removed, self.alone = re.compile(form["removed"]), re.compile(form["alone"])
        wide = form["wide"]
        self.wide = {wide["first"] + place: wide["usual"] + place for place in range(wide["count"])}
        self.line_break = re.compile(table["line_break"])
        ranges = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in table["separators"])
        self.separator = re.compile(f"[{ranges}]")
        self.ids = {word: place for place, word in enumerate(table["words"], start=len(table["special"]))}

    def compose(self, text):
        """NFC, without zero-width marks, and with the usual forms of full-width characters."""
        return unicodedata.normalize("NFC", self.removed.sub("", text).translate(self.wide))

    def split(self, text, composed=True):
        """The words of a text."""
        if composed:
            text = self.alone.sub(r" \g<0> ", self.compose(text))
        lowered = self.line_break.sub(" ", text.lower()).replace("\u2019", "'")
        return [word for piece in self.separator.split(lowered) if (word := piece.strip("'"))]

    def encode(self, text):
        """The ids of a text: the start, then one for each word."""
        special, words = self.table["special"], self.split(text, self.table["composed"])
        return [special["start"], *(self.ids.get(word, special["unknown"]) for word in words)]

    def hash(self, feature):
        """The bucket of a word or an n-gram of characters."""
        hashes, found = self.table["hashes"], 0
        for byte in feature.encode():
            found = (found + byte + 1) * int(hashes["multiplier"]) & MASK
        return (found ^ found >> 32) & 2 ** hashes["bits"] - 1

    def count(self, name, text):
        """The distinct buckets of a text, ascending, and how often each occurs."""
        if name == "words":
            features = self.split(text)
        else:
            pieces = re.split("[ \t-\r]+", self.compose(text).lower())
            tidy = f" {' '.join(piece for piece in pieces if piece)} "
            longest = self.table["hashes"]["longest"]
            grams = (tidy[at : at + size] for size in range(1, longest + 1) for at in range(len(tidy) - size + 1))
            features = [gram for gram in grams if gram.strip(" ")]
        counts = {}
        for feature in features:
            bucket = self.hash(feature)
            counts[bucket] = counts.get(bucket, 0) + 1
        return sorted(counts.items())

    def join(self, text, cells):
        """A text with those of other columns in front of it."""
        parts = [*(cells[name] for name in self.table["columns"]["joined"]), text]
        return "\n".join(part for part in parts if part and part.strip())

    def read_cells(self, cells):
        """The tokens and the numbers of columns next to a text: of each its cell, a text, a number or None."""
        table, tokens, numbers = self.table["columns"], [], []
        for slot in table["slots"]:
            cell = cells[slot["column"]]
            cell = "" if cell is None else str(cell).strip()
            cell = None if cell in table["missing"] else cell
            if "edges" in slot:
                number = None if cell is None else (read_number if slot["kind"] == "number" else read_years)(cell)
                place = 0 if number is None else 2 + bisect.bisect_right(slot["edges"], number)
                scaled = 0.0 if number is None else (number - slot["mean"]) / slot["std"]
                numbers.append(min(max(scaled, -table["farthest"]), table["farthest"]))
            else:
                value = cell if cell is None or slot["kind"] == "category" else read_part(cell, slot["kind"])
                place = 0 if value is None else 2 + slot["values"].index(value) if value in slot["values"] else 1
            tokens.append(slot["first"] + place)
        return tokens, numbers

    def __call__(self, texts, columns=None):
        """The inputs of the model for several texts, by name; `columns`: cells of each column next to them, by name."""
        rows = [{name: cells[row] for name, cells in (columns or {}).items()} for row in range(len(texts))]
        texts = [self.join(text, cells) for text, cells in zip(texts, rows, strict=True)] if columns else texts
        encoded = [self.encode(text) for text in texts]
        width = max(map(len, encoded))
        padding = self.table["special"]["padding"]
        inputs = {"ids": np.array([[padding] * (width - len(ids)) + ids for ids in encoded], np.int64)}
        for name in self.table["hashed"]:
            counted = [self.count(name, text) for text in texts]
            width = max(1, *map(len, counted))
            filled = [pairs + [(-1, 0)] * (width - len(pairs)) for pairs in counted]
            both = np.array(filled, np.int64)  # [texts, width, 2]
            inputs[name], inputs[f"{name}_counts"] = both[..., 0], both[..., 1]
        if self.table["columns"]["slots"]:
            tokens, numbers = zip(*map(self.read_cells, rows), strict=True)
            inputs |= {"columns": np.array(tokens, np.int64), "numbers": np.array(numbers, np.float32)}
        return {name: array for name, array in inputs.items() if name in self.table["inputs"]}

    def check(self):
        """Compare with the examples in the file; gives their number."""
        for example in self.table["examples"]:
            text = example["text"]
            assert self.split(text, self.table["composed"]) == example["split"], text
            assert self.encode(text) == example["ids"], text
            for name in self.table["hashed"]:
                assert self.count(name, text) == [tuple(pair) for pair in example[name]], (name, text)
        for row in self.table["rows"]:
            tokens, numbers = self.read_cells(row["cells"])
            assert tokens == row["columns"], row
            assert np.allclose(numbers, row["numbers"], atol=1e-6), row
        return len(self.table["examples"]) + len(self.table["rows"])


def read_number(cell):
    """A number with a decimal point or comma, perhaps with commas between thousands."""
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", cell):
        cell = cell.replace(",", "")
    elif re.fullmatch(r"[+-]?\d+,\d+", cell):
        cell = cell.replace(",", ".")
    return float(cell)


def read_time(cell):
    """A time like 2024-12-31 or 2024-12-31 23:59."""
    return np.datetime64(cell.removesuffix("Z").replace(" ", "T"))


def read_years(cell):
    """A time in years of 365 days since 1970."""
    return int(read_time(cell).astype("datetime64[s]").astype(np.int64)) / (365 * 86400)


def read_part(cell, kind):
    """The month, weekday (1: Monday) or hour of a time; None: it is no time."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?Z?", cell):
        return None
    unit = {"month": "M", "weekday": "D", "hour": "h"}[kind]
    count = int(read_time(cell).astype(f"datetime64[{unit}]").astype(np.int64))
    return str({"month": count % 12 + 1, "weekday": (count + 3) % 7 + 1, "hour": count % 24}[kind])


if __name__ == "__main__":
    print(f"{Tokenizer(sys.argv[1]).check()} examples agree")
