"""Splits labelled texts into training, validation and test examples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from seqconv.data.records import EncodedTexts, TextData, Texts
from seqconv.errors import DataError, OptionError
from seqconv.networks.inputs import TokenInputs
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import TextRecipe
from seqconv.tasks.baselines import thin, thin_part
from seqconv.tasks.bundle import Bundle
from seqconv.tasks.examples import NAMES, Part, Split, TrainingData
from seqconv.tasks.holdout import join_groups, number_copies
from seqconv.tasks.labels import choose_rows, cut_class_folds, describe_classes, list_sources
from seqconv.tasks.outcomes import fit_outcome, take_outcomes
from seqconv.tasks.profiles import Sample
from seqconv.tasks.results import FoldFacts
from seqconv.tasks.seen import hash_items
from seqconv.tasks.text.columns import Columns
from seqconv.tasks.text.features import TextFeatures, TextPart, TextSplit, TextTraining
from seqconv.tasks.text.profile import sample_texts
from seqconv.tasks.text.reading import judge_reading
from seqconv.tasks.text.rows import TextRows, join_cells, make_text_keys
from seqconv.tasks.text.vocabulary import Encoded, Vocabulary, from_ranks
from seqconv.tasks.text.word_lists import read_word_list
from seqconv.tasks.updates import merge_newer, pool_newer
from seqconv.tasks.weights import weigh_examples

AnyTexts = Texts | EncodedTexts
MOST_JUDGED = 2**23  # outputs for the validation and for the test texts: those of each model are kept in memory


def split_texts(data: TextData, recipe: TextRecipe, threads: int = 1, trained: TextFeatures | None = None) -> TextSplit:
    """Training, validation and test examples, encoded; splits without a file are held out of the training texts.

    Args:
        trained: features of a trained model; None: fit them to the training rows.

    Raises:
        DataError: fewer than two classes, a number that is always the same, or too few texts for all splits.
    """
    data = merge_texts(data, recipe)
    sources: list[AnyTexts] = list_sources(data, None if trained is None else trained.target)
    groups = group_texts(data.train)
    rows = choose_rows(sources, recipe.data, groups, recipe.training.seed, trained is not None)
    texts = [source.take(index) for source, index in zip(sources, rows, strict=True)]
    features, encoded = _fit(texts, recipe, threads, trained)
    facts = describe_classes(sources, rows, features.classes)
    if isinstance(texts[0], Texts):
        judged = judge_reading(texts[0].texts, texts[0].labels, encoded[0], encoded[1])
        facts["notes"] += [f"{each.what}: {each.action}" for each in judged]
    for name, ids in zip(NAMES, encoded, strict=True):
        lengths = np.diff(ids.offsets)
        cut = f"{np.mean(lengths > features.max_len):.1%}"
        facts["splits"][name] |= {"median ids": int(np.median(lengths)), "cut by max_len": cut}
    train, validation, test = _make_parts(features, texts, encoded, recipe)
    most, own = max(MOST_JUDGED // features.target.outputs, 1), texts[2]
    if max(len(validation.targets), len(test.targets)) > most:
        chosen = thin(np.arange(len(own.labels)), most)
        own = own.take(chosen)
        facts["notes"].append(
            f"models are judged by {most:,} validation and test texts at most, evenly spaced: each has "
            f"{features.target.outputs:,} outputs"
        )
    validation, test = thin_part(validation, most), thin_part(test, most)
    example = None if isinstance(own, EncodedTexts) else lambda row: TextRows.of(own.take(np.array([row])))
    drawn = groups is not None and sources[1] is sources[0]
    pool = groups[np.concatenate(rows[:2])] if groups is not None and drawn else None
    samples = _sampler(features, texts[0], encoded[0])
    return Split(train, validation, test, features, facts, example, samples, pool=pool)


def _sampler(features: TextFeatures, texts: AnyTexts, encoded: Encoded) -> Callable[[], list[Sample]] | None:
    """What gives the variables of texts; None: ids without words have none."""
    if isinstance(texts, EncodedTexts):
        return None
    return partial(sample_texts, features, texts, encoded)


def merge_texts(data: TextData, recipe: TextRecipe, always: bool = False) -> TextData:
    """Data with the texts of newer files in its splits, see `merge_newer`."""
    found: TextData = merge_newer(data, recipe, _make_keys, group_texts(data.train), always)
    return found


def encode_texts(
    train: Texts, validation: Texts | None, recipe: TextRecipe, threads: int, trained: TextFeatures | None = None
) -> TextTraining:
    """Encoded texts to fit a network to, without test examples.

    Args:
        trained: features of a trained model; None: fit them to the training rows.
    """
    texts = [train] if validation is None else [train, validation]
    features, encoded = _fit(texts, recipe, threads, trained)
    parts = _make_parts(features, texts, encoded, recipe)
    return TrainingData(parts[0], parts[1] if validation is not None else None, features)


def _fit(
    texts: Sequence[AnyTexts], recipe: TextRecipe, threads: int, trained: TextFeatures | None
) -> tuple[TextFeatures, list[Encoded]]:
    """Features and the ids of texts; the first are the training texts, the only ones whose words are counted."""
    train = texts[0]
    known = np.concatenate([part.labels for part in texts if part.source == train.source])
    target = fit_outcome(train, recipe.training, known) if trained is None else trained.target
    if isinstance(train, EncodedTexts):  # they have no words
        size = recipe.features.vocabulary
        encoded = [from_ranks(part.ids, part.offsets, size) for part in texts if isinstance(part, EncodedTexts)]
        return TextFeatures(target, None, recipe.features.max_len), encoded
    columns = Columns.fit(train.columns) if trained is None else trained.columns
    own, *raw = [columns.join(part.texts, part.columns) for part in texts if isinstance(part, Texts)]
    if trained is None and recipe.features.words:
        if columns.read:
            raise OptionError("text.words is for networks that read texts alone; got columns too. Leave columns out")
        vocabulary = Vocabulary(read_word_list(recipe.features.words).words, normalised=True)
        first = vocabulary.encode(own, threads)
    elif trained is None or trained.vocabulary is None:
        vocabulary, first = Vocabulary.fit_encode(own, recipe.features.vocabulary - columns.tokens, threads)
    else:
        vocabulary, first = trained.vocabulary, trained.vocabulary.encode(own, threads)
    features = TextFeatures(target, vocabulary, recipe.features.max_len, columns)
    return features, [first, *(vocabulary.encode(each, threads) for each in raw)]


def _make_parts(
    features: TextFeatures, texts: Sequence[AnyTexts], encoded: list[Encoded], recipe: TextRecipe
) -> list[TextPart]:
    weights = weigh_examples(texts, recipe.training.class_weight)
    return [
        Part(
            _read(features, ids, part),
            features.target.encode(part.labels),
            keys=_make_keys(part),
            weights=own,
        )
        for part, ids, own in zip(texts, encoded, weights, strict=True)
    ]


def _read(features: TextFeatures, ids: Encoded, texts: AnyTexts) -> TokenInputs:
    if isinstance(texts, EncodedTexts):
        return features.inputs(ids)
    return features.inputs(ids, features.columns.join(texts.texts, texts.columns), texts.columns)


def _make_keys(texts: AnyTexts) -> np.ndarray:
    """The key of each text, with its columns if it has any."""
    if isinstance(texts, EncodedTexts):
        return hash_items(ids.tobytes() for ids in np.split(texts.ids.astype(np.int32), texts.offsets[1:-1]))
    return make_text_keys(texts.texts, texts.columns)


def group_texts(texts: AnyTexts) -> np.ndarray | None:
    """Group number of each text, the same for copies and in a group that is never split, int64 `[N]`; None for
    encoded texts."""
    if isinstance(texts, EncodedTexts):
        return None
    copies = number_copies(join_cells(texts.texts, texts.columns))
    return copies if texts.groups is None else join_groups(copies, texts.groups)


def fold_texts(data: TextData, recipe: TextRecipe, folds: int, window: str) -> Iterator[tuple[FoldFacts, TextData]]:
    """For each stratified fold, with copies of a text in the same fold: facts, and data to train and test on.

    Raises:
        ConfigError: more folds than different texts.
    """
    data = pool_newer(data)
    for facts, rest, tested in cut_class_folds(data.train, group_texts(data.train), folds, recipe.training.seed):
        yield facts, replace(data, train=rest, test=tested)


def list_scored(data: TextData) -> AnyTexts:
    """The texts that a trained model is scored on: of an archive with a test set these."""
    return data.train if data.test is None else data.test


def take_texts(bundle: Bundle[TextFeatures], data: TextData, threads: int) -> tuple[TextPart, list[str]]:
    """Labelled texts as examples for a trained model, and the notes of their reader.

    Raises:
        DataError: no labels, unknown labels, or encoded instead of raw texts (or vice versa).
    """
    texts, targets = take_outcomes(list_scored(data), bundle.features.target)
    inputs = _read(bundle.features, _encode(bundle, texts, threads), texts)
    part = Part(inputs, targets, keys=_make_keys(texts))
    return part, [] if isinstance(texts, EncodedTexts) else list(texts.notes)


def _encode(bundle: Bundle[TextFeatures], texts: AnyTexts, threads: int) -> Encoded:
    vocabulary = bundle.features.vocabulary
    if isinstance(texts, EncodedTexts) != (vocabulary is None):
        kinds = ("raw texts", "word ranks")
        raise DataError(
            f"{texts.source}: must hold {kinds[vocabulary is None]}, which the model was trained on; "
            f"it holds {kinds[vocabulary is not None]}"
        )
    if isinstance(texts, EncodedTexts):
        return from_ranks(texts.ids, texts.offsets, bundle.recipe.features.vocabulary)
    features = bundle.features
    return features.words.encode(features.columns.join(texts.texts, texts.columns), count_threads(threads))
