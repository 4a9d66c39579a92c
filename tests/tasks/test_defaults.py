"""The default text network fits the data that it is for."""

import numpy as np
import pytest

from seqconv.errors import ConfigError
from seqconv.networks.dropout import DropoutMasks
from seqconv.networks.engines.choice import create_network
from seqconv.networks.inputs import TokenInputs, WindowInputs
from seqconv.networks.layers.kinds import Conv, NgramBag, SubtractLast
from seqconv.networks.ngrams import fit_scales
from seqconv.networks.parsing import build_plan
from seqconv.networks.plan import count_parameters, initial_weights, shapes, walk
from seqconv.recipes.recipe import read_recipe, recipe_from_dict
from seqconv.recipes.sections import KINDS
from seqconv.tasks.guessing import suggest_recipe
from seqconv.tasks.sequence.guess import default_sequence_settings
from seqconv.tasks.series.defaults import default_series_settings
from seqconv.tasks.text.guess import default_text_settings

SIZES = [
    (300, 12, 1),
    (10_000, 20, 1),
    (5_500, 10, 6),
    (25_000, 235, 1),
    (50_000, 100, 20),
    (3_000_000, 150, 14),
    (40, 0, 1),
]


def recipe_for(texts: int, words: float, outputs: int):
    table = {"task": "text", "text": {}, "network": {}, "training": {}}
    for name, value in default_text_settings(texts, words, outputs).items():
        section, _, key = name.partition(".")
        table[section][key] = value
    return recipe_from_dict(table)


@pytest.mark.parametrize(("texts", "words", "outputs"), SIZES)
def test_the_settings_make_a_network_of_sane_size(texts, words, outputs):
    recipe = recipe_for(texts, words, outputs)
    plan = build_plan(recipe.network.layers, (50,), recipe.features.vocabulary, outputs)
    assert shapes(plan, (50,))[-1] == (outputs,)
    assert count_parameters(plan) * 4 * 5 < 2**30 * (1 if outputs == 1 else 2)  # weights, copies and squares, bytes
    assert recipe.training.epochs == (10 if texts <= 40_000 else 8 if texts == 50_000 else 2)


def test_small_data_get_small_tables_and_short_texts_pairs():
    def bag(texts, words):
        recipe = recipe_for(texts, words, 1)
        plan = build_plan(recipe.network.layers, (50,), recipe.features.vocabulary, 1)
        return next(layer for _, layer in walk(plan) if isinstance(layer, NgramBag))

    few, reviews = bag(300, 10), bag(25_000, 235)
    assert few.rows + few.buckets < 15_000 < reviews.rows + reviews.buckets
    assert (few.longest, reviews.longest) == (2, 3)


def test_a_few_hundred_short_texts_are_learnt():
    """The class is told by a pair of words, never by one."""
    random = np.random.default_rng(0)

    def make(count):
        ids = random.integers(20, 60, (count, 12), dtype=np.int32)
        classes = random.integers(0, 2, count)
        for row, place, each in zip(ids, random.integers(0, 11, count), classes, strict=True):
            row[place : place + 2] = (5, 6) if each else (6, 5)
        return TokenInputs(ids), classes.astype(np.float32)[:, None]

    recipe = recipe_for(400, 12, 1)
    plan = build_plan(recipe.network.layers, (12,), recipe.features.vocabulary, 1)
    (inputs, targets), (unseen, expected) = make(400), make(200)
    weights = initial_weights(plan, 0) | fit_scales(plan, inputs, targets, 1)
    net = create_network("native", plan, weights, recipe.training, 1)
    masks = DropoutMasks(plan, (12,), random, 1)
    size = recipe.training.batch_size
    for _ in range(recipe.training.epochs):
        order = random.permutation(400)
        batches = [order[start : start + size] for start in range(0, 400, size)]
        list(net.train_batches(inputs, targets, batches, masks.draw))
    assert ((net.predict(unseen) > 0) == (expected > 0)).mean() > 0.95


@pytest.mark.parametrize(
    ("examples", "length", "columns"), [(1, 1, 1), (400, 16, 1), (12_000, 48, 7), (10**6, 512, 40)]
)
def test_series_networks_start_at_the_naive_forecast_and_see_their_window(examples, length, columns):
    table = {"task": "series", "data": {}, "windows": {}, "network": {}, "training": {}}
    for name, value in default_series_settings(examples, length, columns).items():
        section, _, key = name.partition(".")
        table[section][key] = value
    recipe = recipe_from_dict(table)
    plan = build_plan(recipe.network.layers, (length, columns + 2), outputs=3)
    weights = initial_weights(plan, 0)
    network = create_network("native", plan, weights, recipe.training, 1)
    windows = WindowInputs(np.ones((length, columns + 2), np.float32), np.array([length]), length, 1)
    assert not network.predict(windows).any()
    assert recipe.features.change
    assert {layer.channels for _, layer in walk(plan) if isinstance(layer, SubtractLast)} == {columns}
    (last, *_), dilated = [at for at in weights if not at.startswith("0.")], [at for at in weights if at[:4] == "0.2."]
    gradients = network.gradients(np.zeros((1, length, columns + 2), np.float32), np.ones((1, 1), np.float32), {})[2]
    assert gradients[last.replace("kernel", "bias")].any()
    assert dilated
    blocks = sum(at.count(".") == 4 and at.endswith(".0.kernel") for at in dilated)
    assert 1 + 2 * (2**blocks - 1) >= length
    assert recipe.training.epochs >= 10
    assert recipe.training.coverage == 0.8


def test_the_recipe_series_is_the_default_for_one_size():
    recipe, settings = read_recipe("series"), default_series_settings(10_000, 48, columns=0)
    plans = [build_plan(layers, (48, 9), outputs=3) for layers in (recipe.network.layers, settings["network.layers"])]
    assert plans[0] == plans[1]
    told = {name.partition(".")[2]: value for name, value in settings.items() if name.startswith("training.")}
    assert told.items() <= vars(recipe.training).items()


def test_long_series_take_smaller_steps():
    short, long = (default_series_settings(examples, 48, 7)["training.learning_rate"] for examples in (20_000, 20_001))
    assert short > long


@pytest.mark.parametrize(
    ("examples", "length", "epochs"), [(1, 1, 400), (50, 150, 320), (270, 29, 59), (10**5, 3000, 20)]
)
def test_sequence_networks_see_patterns_of_every_width(examples, length, epochs):
    settings = default_sequence_settings(examples, length)
    plan = build_plan(settings["network.layers"], (length, 3), outputs=4)
    widths = [layer.reach + 1 for _, layer in walk(plan) if isinstance(layer, Conv) and layer.inputs == 3]
    assert widths[0] <= 9
    assert widths == sorted(widths)
    assert max(widths) >= length / 2
    assert settings["training.epochs"] == epochs


def test_the_recipe_ucr_is_the_default_for_one_size():
    recipe, settings = read_recipe("ucr"), default_sequence_settings(40, 100)
    plans = [build_plan(layers, (100, 2), outputs=3) for layers in (recipe.network.layers, settings["network.layers"])]
    assert plans[0] == plans[1]
    told = {name.partition(".")[2]: value for name, value in settings.items() if name.startswith("training.")}
    assert told.items() <= vars(recipe.training).items()


FILES = {
    "text": "text,label\n" + "not a good film,no\na very good film,yes\n" * 20,
    "series": "time,a\n"
    + "".join(f"2020-01-{day:02d} {hour:02d}:00,{hour}\n" for day in range(1, 31) for hour in range(24)),
    "panel": "shop,month,sold\n"
    + "".join(
        f"{shop},{1990 + month // 12}-{month % 12 + 1:02d}-01,{month % 12}\n" for shop in "ab" for month in range(60)
    ),
    "sequence": "".join(
        f"{label}\t" + "\t".join(str(label * step % 5) for step in range(30)) + "\n" for label in (1, 2) * 9
    ),
}


@pytest.mark.parametrize("task", KINDS)
def test_a_start_with_a_file_is_the_file_alone(tmp_path, task):
    path = tmp_path / f"mine.{'tsv' if task == 'sequence' else 'csv'}"
    path.write_text(FILES[task])
    flags = {"series": ["data.target=a"], "panel": ["data.target=sold"]}.get(task, [])
    alone, named = suggest_recipe(str(path), flags), suggest_recipe(KINDS[task].start, [*flags, f"data.source={path}"])
    assert alone.recipe == named.recipe
    assert alone.recipe.task == task
    assert alone.notes[1:] == named.notes[1:]
    assert named.notes[0] == f"task: {task} (as asked)"


def test_a_few_dozen_sequences_are_learnt():
    """A bump early or late in noise tells the class by its width, not by its place."""
    random = np.random.default_rng(0)

    def make(count):
        values = random.normal(0, 0.3, (count, 60, 1)).astype(np.float32)
        wide = random.integers(0, 2, count)
        for row, kind, at in zip(values, wide, random.integers(0, 40, count), strict=True):
            row[at : at + (16 if kind else 4)] += 1.5
        ends = np.arange(1, count + 1, dtype=np.int64) * 60
        return WindowInputs(values.reshape(-1, 1), ends, 60, 1), wide.astype(np.float32)[:, None]

    settings = default_sequence_settings(40, 60)
    training = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith("training.")}
    table = {"task": "sequence", "network": {"layers": settings["network.layers"]}, "training": training}
    recipe = recipe_from_dict(table)
    plan = build_plan(recipe.network.layers, (60, 1))
    network = create_network("native", plan, initial_weights(plan, 0), recipe.training, 1)
    inputs, targets = make(40)
    masks = DropoutMasks(plan, (60, 1), random, 1)
    for _ in range(60):
        batches = np.split(random.permutation(40), [16, 32])
        list(network.train_batches(inputs, targets, batches, masks.draw))
    unseen, truth = make(100)
    assert np.mean((network.predict(unseen) > 0) == truth) > 0.9


def test_few_examples_are_not_spared_for_validation(tmp_path):
    assert default_text_settings(20_000, 100, 1)["training.refit"]
    assert not default_text_settings(20_001, 100, 1)["training.refit"]
    path = tmp_path / "mine.csv"
    path.write_text(FILES["text"])
    suggested = suggest_recipe(str(path))
    assert suggested.recipe.training.refit
    assert any(note.startswith("refit: small data set") for note in suggested.notes)
    assert not suggest_recipe(str(path), ["training.refit=false"]).recipe.training.refit
    assert not suggest_recipe(str(path), ["training.model=tf-idf"]).recipe.training.refit


def test_a_mistyped_file_is_answered_with_the_one_beside_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_text("text,label\n")
    with pytest.raises(ConfigError, match=r"^ticket.csv: .*; got neither. Did you mean 'tickets.csv'\?$"):
        suggest_recipe("ticket.csv")
    with pytest.raises(ConfigError, match=r"Did you mean 'etth1'\?$"):
        suggest_recipe("eth1")
