"""The types that readers return."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqconv.data.records import EncodedTexts


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
