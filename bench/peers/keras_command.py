"""The book's IMDB convnet as one Keras script: archive, words, four epochs, test accuracy. No seqconv in it."""

import json
import re
import sys
import tarfile
from collections import Counter

import keras
import numpy as np
from keras import layers

WORDS, LENGTH = 10_000, 500


def read_reviews(path: str) -> dict[str, tuple[list[list[str]], list[int]]]:
    """Words and classes of the training and the test reviews."""
    found: dict[str, tuple[list[list[str]], list[int]]] = {"train": ([], []), "test": ([], [])}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            match = re.fullmatch(r"aclImdb/(train|test)/(pos|neg)/\d+_\d+\.txt", member.name)
            if match:
                text = archive.extractfile(member).read().decode("utf-8")
                words = re.findall(r"[\w']+", text.lower().replace("<br />", " "))
                found[match[1]][0].append(words)
                found[match[1]][1].append(int(match[2] == "pos"))
    return found


def encode(texts: list[list[str]], ids: dict[str, int]) -> np.ndarray:
    """Ids, padded or cut at the front."""
    known = [[1, *(ids.get(word, 2) for word in words)] for words in texts]
    return keras.utils.pad_sequences(known, maxlen=LENGTH)


def build() -> keras.Model:
    """The network, with logits."""
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 128),
            layers.Conv1D(32, 7, activation="relu"),
            layers.MaxPooling1D(5),
            layers.Conv1D(32, 7, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    accuracy = keras.metrics.BinaryAccuracy(threshold=0.0)
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=loss, metrics=[accuracy])
    return model


def main() -> None:
    """Arguments: archive, epochs."""
    reviews = read_reviews(sys.argv[1])
    words, classes = reviews["train"]
    counted = Counter(word for text in words for word in text)
    ids = {word: at for at, (word, _) in enumerate(counted.most_common(WORDS - 3), 3)}
    order = np.random.default_rng(0).permutation(len(words))
    x, y = encode(words, ids)[order], np.asarray(classes, np.float32)[order]
    model = build()
    model.fit(x, y, batch_size=128, epochs=int(sys.argv[2]), validation_split=0.2, verbose=0)
    words, classes = reviews["test"]
    _, accuracy = model.evaluate(encode(words, ids), np.asarray(classes, np.float32), batch_size=128, verbose=0)
    print(json.dumps({"accuracy": accuracy}))


main()
