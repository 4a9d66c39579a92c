"""A search sees no test rows, keeps its trials, goes on from them, and says plainly whether it was of use."""

import json
import sys
import time
from collections import Counter

import pytest

from helpers.command import seqconv_command
from seqconv import load, tune
from seqconv.errors import BundleError, ConfigError, DataError, MissingExtra
from seqconv.metrics.bootstrap import Estimate
from seqconv.metrics.comparison import Score
from seqconv.models.results import read_results
from seqconv.recipes.recipe import read_recipe
from seqconv.tasks.compared import ComparedRun
from seqconv.tasks.kinds import TASKS
from seqconv.tasks.tuned import TuneResults
from seqconv.training import trials, tuning
from seqconv.training.budget import Timer
from seqconv.training.checkpoint import Epoch
from seqconv.training.comparison import compare_runs
from seqconv.training.folder import Options
from seqconv.training.loop import Listener
from seqconv.training.spaces import read_space

optuna = pytest.importorskip("optuna", reason="the extra tune is not installed")
SPACE = {"training": {"learning_rate": {"times": [0.001, 1, 2]}, "batch_size": [5, 10, 20]}}
NETWORK = [{"layer": "ngram_bag", "longest": 1, "buckets": 1024}]
GIVEN = {"model": "network", "network": NETWORK, "batch_size": 10, "learning_rate": 0.05, "epochs": 3}


class Heard(Listener):
    """Interrupts a search when it hears `stop`."""

    def __init__(self, stop=None):
        self.said, self.stop = [], stop

    def say(self, text):
        self.said.append(text)
        if self.stop and text.startswith(self.stop):
            raise KeyboardInterrupt


def write_texts(folder):
    rows = [f"{['poor', 'good'][row % 2]} film {row},{'np'[row % 2]}" for row in range(90)]
    (folder / "mine.csv").write_text("\n".join(["text,label", *rows]))
    return str(folder / "mine.csv")


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of three trials, what was said, and the splits that trials were fitted to."""
    folder, heard, splits = tmp_path_factory.mktemp("tune"), Heard(), []
    fit = trials.fit_split
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            trials, "fit_split", lambda recipe, split, *rest: splits.append(split) or fit(recipe, split, *rest)
        )
        options = Options(out=folder / "run", baselines=False)
        run = tune(write_texts(folder), 3, SPACE, options, heard, **GIVEN)
    return run, heard.said, splits


def test_trials_are_fitted_without_the_test_rows(searched):
    run, _, splits = searched
    own = read_results(run.folder / "best")
    assert len(splits) == 4
    for split in splits:
        assert split.test is split.validation
        assert len(split.test.targets) == own.validation["n"]


def test_the_default_is_the_first_trial_and_the_best_has_the_best_validation_score(searched):
    results = searched[0].results
    first, *others = results.trials
    assert (first.number, first.values) == (0, "")
    assert first.settings == {"training.learning_rate": 1, "training.batch_size": 10}
    assert len(others) == 3
    assert len({tuple(each.settings.items()) for each in results.trials}) == 4
    done = [each for each in results.trials if each.state == "complete"]
    assert results.best == min(done, key=lambda each: -each.validation["accuracy"]).number
    assert results.varied == ["training.learning_rate", "training.batch_size"]
    assert searched[1].count(f"best so far: trial {results.best}") == bool(results.best)


def test_the_folder_holds_store_results_page_and_runs(searched):
    run = searched[0]
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {"trials.db", "metrics.json", "report.html", "recipe.toml", "best"}
    assert TuneResults.from_dict(json.loads((run.folder / "metrics.json").read_text())) == run.results
    assert run.results.verdict in (run.folder / "report.html").read_text().replace("\u00a0", " ")
    best = read_recipe(str(run.folder / "recipe.toml"))
    assert best.training.batch_size == run.results.trials[run.results.best].settings["training.batch_size"]
    assert read_results(run.folder / "best").test == run.results.best_test
    assert str(run).startswith(run.results.verdict)
    page = (run.folder / "report.html").read_text()
    found = Counter(each.state for each in run.results.trials)
    assert f"Of 4 trials {found['complete']} ran to the end, {found['pruned']} ended early and 0 failed." in page


def test_the_best_is_compared_with_the_default_on_the_test_rows(tmp_path):
    source = write_texts(tmp_path)
    layers = [{"layer": "embed", "width": 4}, {"layer": "global_max_pool"}, {"layer": "output"}]
    given = GIVEN | {"network": layers, "learning_rate": 1e-6}  # a default that learns nothing
    space = {"training": {"learning_rate": [1e-6, 0.5]}}
    run = tune(source, 1, space, Options(out=tmp_path / "run", baselines=False), **given)
    results = run.results
    assert results.best == 1
    found = compare_runs([run.folder / "default", run.folder / "best"]).runs[1].improvement
    assert results.improvement == found
    assert results.beats_default
    assert found.low > 0
    assert "fewer errors (95 % interval" in results.verdict
    assert "than the default (" in results.verdict


def test_an_interrupted_search_goes_on_from_its_trials(tmp_path):
    source, options = write_texts(tmp_path), Options(out=tmp_path / "run", baselines=False)
    with pytest.raises(KeyboardInterrupt) as stopped:
        tune(source, 3, SPACE, options, Heard("trial 2"), **GIVEN)
    assert "run.partial keeps what was reached" in stopped.value.__notes__[0]
    names = {path.name for path in (tmp_path / "run.partial").iterdir()}
    assert names == {"trials.db", "recipe.toml"}
    with pytest.raises(ConfigError, match="holds an interrupted run, which stays"):
        tune(source, 3, SPACE, options, Heard(), **GIVEN)
    with pytest.raises(ConfigError, match=r"^resume needs the same recipe, data and space"):
        tune(source, 3, SPACE, options, Heard(), resume=True, **GIVEN | {"epochs": 2})
    (tmp_path / "run.partial" / "best").mkdir()  # as of an interruption while the best is fitted
    (tmp_path / "run.partial" / "best" / "history.csv").touch()
    heard = Heard()
    results = tune(source, 3, SPACE, options, heard, resume=True, **GIVEN).results
    assert "resuming after 2 trials" in heard.said
    assert [each.number for each in results.trials] == [0, 1, 2, 3]
    assert not (tmp_path / "run.partial").exists()
    with pytest.raises(BundleError, match=r"it is a search\. Name its best run: .*run/best$"):
        load(tmp_path / "run")
    load(tmp_path / "run" / "best")


# The search alone, with scores of our own


class Scores:
    """Judges a recipe by its batch size."""

    judged = "accuracy"

    def fit(self, recipe, listener):
        if recipe.training.batch_size == 13:
            raise DataError("mine.csv: must have more rows")
        if recipe.training.batch_size == 14:
            raise MemoryError("Unable to allocate 95 GiB")
        return trials.Judged(float(recipe.training.batch_size), {"accuracy": 0.5}, 1)


def search(folder, values, count, budget="", model="network"):
    recipe, heard = read_recipe("text", (f"training.model={model}",)), Heard()
    found = trials.Search(folder, recipe, read_space({"training": {"batch_size": values}}, recipe))
    timer = Timer(budget)
    tuning._search(found, Scores(), count, timer, heard)
    listed, best = found.list_trials(), found.find_best()
    found.close()
    return listed, best, heard.said, timer


def test_no_setting_is_tried_twice_and_a_small_space_ends_the_search(tmp_path):
    listed, best, said, _ = search(tmp_path, [50, 20, 30], 20)
    assert sorted(each.settings["training.batch_size"] for each in listed) == [20, 30, 50]
    assert best.settings["training.batch_size"] == 20
    assert said[-1] == "no settings are left that have not been tried"


def test_a_search_goes_on_where_the_sampler_draws_the_same_again(tmp_path, monkeypatch):
    class Stuck(optuna.samplers.RandomSampler):
        def sample_independent(self, *given):
            return 20

    monkeypatch.setattr(optuna.samplers, "TPESampler", Stuck)
    listed, _, said, _ = search(tmp_path, [50, 20, 30, 40], 9)
    assert sorted(each.settings["training.batch_size"] for each in listed) == [20, 30, 40, 50]
    assert said[-1] == "no settings are left that have not been tried"


@pytest.mark.parametrize(("value", "says"), [(13, "mine.csv: must have more rows"), (14, "Unable to allocate 95 GiB")])
def test_a_trial_that_cannot_be_fitted_is_kept_with_its_reason(tmp_path, value, says):
    listed, best, said, _ = search(tmp_path, [50, value], 1)
    assert [each.state for each in listed] == ["complete", "failed"]
    assert listed[1].says == says
    assert best.number == 0
    assert any(says in each for each in said)


def test_the_store_lies_in_its_folder_whatever_that_is_called(tmp_path):
    folder = tmp_path / "50% of a?b#c"
    folder.mkdir()
    search(folder, [50, 20], 1)
    assert {path.name for path in folder.iterdir()} == {"trials.db", "recipe.toml"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_damaged_store_is_refused_in_one_line(tmp_path):
    (tmp_path / "trials.db").write_text("garbage" * 99)
    with pytest.raises(BundleError, match=r"trials\.db: must hold trials as seqconv writes them; .*--overwrite"):
        search(tmp_path, [50, 20], 1)


@pytest.mark.parametrize(
    ("epochs", "setting", "values", "rungs"),
    [
        (1, "epochs", [1, 2], []),
        (5, "epochs", [4, 8], []),
        (8, "epochs", [4, 8], [2]),
        (10, "epochs", [4, 8], [3]),
        (90, "epochs", [4, 8], [10, 30]),
        (90, "class_weight", ["none", "balanced"], []),  # whose losses do not measure the same
    ],
)
def test_losses_are_compared_after_more_than_one_epoch_where_they_measure_the_same(
    tmp_path, epochs, setting, values, rungs
):
    recipe = read_recipe("text", (f"training.epochs={epochs}",))
    found = trials.Search(tmp_path, recipe, read_space({"training": {setting: values}}, recipe))
    found.close()
    assert found.rungs == rungs


def test_a_budget_leaves_time_to_judge_the_best(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    fit = Scores.fit
    monkeypatch.setattr(Scores, "fit", lambda *given: clock.__setitem__(0, clock[0] + 1) or fit(*given))
    listed, _, _, timer = search(tmp_path, {"low": 1, "high": 10_000}, 0, "10s")
    assert timer.reserved == 2  # the default and the best, each fitted once more
    assert len(listed) == 6  # two of ten seconds are for files, see `Timer`


def test_a_budget_leaves_time_for_a_best_that_takes_longer(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    fit = Scores.fit

    def work(scores, recipe, listener):
        clock[0] += 1 if recipe.training.batch_size == 50 else 3
        return fit(scores, recipe, listener)

    monkeypatch.setattr(Scores, "fit", work)
    _, best, _, timer = search(tmp_path, [50, 20, 21, 22, 23, 24], 0, "12s")
    assert best.seconds == 3
    assert timer.reserved == 1 + 3
    assert clock[0] == 1 + 3 + 3  # of 9.6 seconds, see `Timer`: 4 are kept, and the third may end late


@pytest.mark.parametrize(("model", "tried"), [("network", 2), ("words", 1)])
def test_no_trial_that_cannot_be_cut_short_begins_where_there_is_no_time_for_it(tmp_path, monkeypatch, model, tried):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    fit = Scores.fit
    monkeypatch.setattr(Scores, "fit", lambda *given: clock.__setitem__(0, clock[0] + 4) or fit(*given))
    listed, _, _, _ = search(tmp_path, [50, 60, 70], 0, "18s", model)
    assert len(listed) == tried


def test_trials_that_fall_behind_or_have_no_time_are_ended():
    class Trial:
        told, behind = (), False

        def report(self, loss, epoch):
            self.told += ((epoch, loss),)

        def should_prune(self):
            return self.behind

    def epoch(number):
        return Epoch(number, 1.0, 0.5, 0.1 * number, 0.5, 1.0)

    trial, later = Trial(), time.perf_counter() + 60
    watch = trials._Watch(trial, (1, 3), later, optuna.TrialPruned)
    for number in (1, 2, 3):
        watch.end_epoch(epoch(number))
    assert trial.told == ((1, 0.1), (3, pytest.approx(0.3)))
    trial.behind = True
    with pytest.raises(optuna.TrialPruned, match=r"behind others after 1 epoch$"):
        watch.end_epoch(epoch(1))
    trials._Watch(trial, (1, 3), None, optuna.TrialPruned).end_epoch(epoch(1))
    with pytest.raises(optuna.TrialPruned, match="no time was left"):
        trials._Watch(trial, (), time.perf_counter() - 1, optuna.TrialPruned).end_epoch(epoch(2))


def test_windows_of_every_length_are_judged_on_the_same_rows():
    recipe = read_recipe("demo-series", ("windows.lookback=1d", "training.model=network"))
    data = TASKS["series"].load(recipe.data, None)
    choices = read_space({"windows": {"lookback": ["1d", "2d", "8d"]}}, recipe)
    judge = trials.Judge(recipe, choices, data, Options())
    longest = TASKS["series"].split(data, read_recipe("demo-series", ("windows.lookback=8d",)), 1, None).validation
    shortest = TASKS["series"].split(data, recipe, 1, None).validation
    assert judge.rows == len(longest.targets) < len(shortest.targets)
    assert (judge.kept[1].validation.times == longest.times).all()


def test_scores_of_runs_with_other_rows_are_those_on_the_rows_that_both_have():
    found = ComparedRun("run", "mine", 9, 1.0, {}, 250, {"mae": Estimate(0.5, 0.4, 0.6)})
    test = {"loss": 0.1, "mae": 0.7, "n": 250}
    assert tuning._keep_shared(test, found, 250) == test
    assert tuning._keep_shared(test, found, 200) == {"mae": 0.5, "n": 200}


@pytest.mark.parametrize(
    ("improvement", "says"),
    [
        (Estimate(0.3, 0.1, 0.5), "9 of 10 right: 30 % fewer errors (95 % interval 10 to 50 %) than the default (8)."),
        (
            Estimate(0.1, -0.1, 0.3),
            "No better than the default on the test rows. 9 of 10 right: too close to call against the default (8).",
        ),
        (Estimate(float("nan"), float("nan"), float("nan")), "No better than the default, which makes no error."),
    ],
)
def test_what_a_search_was_of_use_for_is_said_plainly(improvement, says):
    assert tuning._say_verdict(improvement, Score("9 of 10 right", counted=True), "8", 7).startswith(says)


@pytest.mark.parametrize(
    ("finished", "why"),
    [
        (7, "none of 7 finished trials is, on the validation rows"),
        (1, "the one finished trial is not, on the validation rows"),
        (0, "no other trial was finished"),
    ],
)
def test_a_search_without_a_better_trial_says_how_many_there_were(finished, why):
    found = tuning._say_verdict(None, Score("9 of 10 right", counted=True), "8", finished)
    assert found == f"No better than the default: {why}. 9 of 10 right."


def test_the_command_prints_one_object(tmp_path):
    source = write_texts(tmp_path)
    (tmp_path / "space.toml").write_text("[training]\nbatch_size = [5, 50]\n")
    given = (
        "--space",
        "space.toml",
        "--trials",
        "1",
        "--model",
        "network",
        "--epochs",
        "1",
        "--no-baselines",
        "--json",
    )
    done = seqconv_command("tune", source, *given, cwd=tmp_path)
    results = json.loads(done.stdout)
    assert done.stderr == ""
    assert results["run"] == "runs/mine-tune"
    assert len(results["trials"]) == 2
    assert (tmp_path / "runs" / "mine-tune" / "best" / "model").is_dir()
    done = seqconv_command("tune", source, "--space", "no.toml", cwd=tmp_path, code=2)
    assert done.stderr.startswith("seqconv: --space must be a TOML file")


def test_without_optuna_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"pip install 'seqconv\[tune\]'"):
        tune(write_texts(tmp_path), out=tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
