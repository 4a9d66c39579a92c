"""IMDB with fastText on words: another model, to compare the times with."""

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import fasttext
from arrays import read_archive, split_words
from works import THREADS

with tempfile.TemporaryDirectory() as folder:
    for part in ("train", "test"):
        texts, labels = read_archive(Path(sys.argv[1]), part)
        lines = (f"__label__{label} {' '.join(split_words(text))}\n" for text, label in zip(texts, labels, strict=True))
        Path(folder, part).write_text("".join(lines), "utf-8")
    model = fasttext.train_supervised(str(Path(folder, "train")), thread=THREADS, verbose=0)
    # `predict` does not run under numpy 2.4; `test` does
    _, accuracy, _ = model.test(str(Path(folder, "test")))
print(json.dumps({"accuracy": accuracy}))
