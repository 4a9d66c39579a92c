"""Work that runs in other processes gives what it gives here; what goes wrong there is told here, in one line."""

import contextlib
import os
import sys
import time

import joblib
import numpy as np
import pytest

from helpers.command import seqconv_command
from seqconv.errors import ConfigError, DataError, MissingExtra, OptionError
from seqconv.networks.threads import count_threads
from seqconv.recipes.recipe import recipe_from_dict
from seqconv.tasks.kinds import TASKS
from seqconv.training import parallel
from seqconv.training.backtest import _list_folds, backtest
from seqconv.training.folder import Options
from seqconv.training.loop import Listener
from seqconv.training.parallel import run_each, spread

THREADS = {"backend": "threading", "n_jobs": 2}  # cheap: no process is started
PLACE = ("run", "seconds")  # what may differ
GIVEN = {"model": "network", "epochs": 1, "refit": False, "baselines": False}


class Heard(Listener):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


def write_texts(folder):
    rows = [f"{['poor', 'good'][row % 2]} film {row},{'np'[row % 2]}" for row in range(60)]
    (folder / "mine.csv").write_text("\n".join(["text,label", *rows]))
    return str(folder / "mine.csv")


def strip(results):
    """Results without what depends on where and how fast they were found."""
    if isinstance(results, dict):
        return {name: strip(each) for name, each in results.items() if name not in PLACE}
    return list(map(strip, results)) if isinstance(results, list) else results


def die_once(folder):
    """Work that gives the number that it is given; the first process that gets a 2 dies."""

    def work(number, listener):
        if number == 2 and not (folder / "killed").exists():
            (folder / "killed").touch()
            os._exit(1)
        return number

    return work


def fit_folds(source, out, where=""):
    heard = Heard()
    with spread(where):
        run = backtest(source, 2, listener=heard, out=out, **GIVEN)
    return run, heard.said


def test_folds_in_processes_give_the_same_bits_and_say_the_same(tmp_path):
    source = write_texts(tmp_path)
    here, said = fit_folds(source, tmp_path / "here")
    there, said_there = fit_folds(source, tmp_path / "there", "processes=2")
    assert strip(there.results.to_dict()) == strip(here.results.to_dict())
    assert sorted(said_there) == sorted(said)
    assert [each for each in said_there if "accuracy" in each] == [each for each in said if "accuracy" in each]
    for number in (1, 2):
        epochs = [
            [line.rsplit(",", 1)[0] for line in (run.folder / f"fold-{number}" / "history.csv").read_text().split()]
            for run in (here, there)
        ]
        assert epochs[0] == epochs[1] != []


def test_ray_gives_the_same_bits_and_does_the_work_of_a_killed_process_again(tmp_path):
    pytest.importorskip("ray", reason="the extra ray is not installed")
    source = write_texts(tmp_path)
    here, _ = fit_folds(source, tmp_path / "here")
    with spread("ray"):
        there = backtest(source, 2, listener=Heard(), out=tmp_path / "there", **GIVEN)
        heard = Heard()
        assert list(run_each(die_once(tmp_path), ((number,) for number in range(4)), 4, heard)) == list(range(4))
    assert strip(there.results.to_dict()) == strip(here.results.to_dict())
    assert [each.partition(",")[0] for each in heard.said] == ["a process was killed"]


def test_results_come_in_order_and_each_worker_has_its_share_of_the_threads():
    everywhere = count_threads(0)

    def work(number, listener):
        listener.say(f"part {number}")
        return number, count_threads(0)

    for config, threads in (({}, everywhere), (THREADS, max(1, everywhere // 2))):
        heard = Heard()
        with joblib.parallel_config(**config):
            found = list(run_each(work, ((number,) for number in range(5)), 5, heard))
        assert found == [(number, threads) for number in range(5)]
        assert heard.said == [f"part {number}" for number in range(5)]
    assert count_threads(0) == everywhere


def test_cores_are_shared_among_the_calls_where_these_are_fewer(monkeypatch):
    monkeypatch.setattr(parallel, "count_threads", lambda threads: 12)
    given = []
    monkeypatch.setattr(parallel, "limit_threads", lambda most: given.append(most) or contextlib.nullcontext())
    with joblib.parallel_config("threading", n_jobs=12):
        assert list(run_each(lambda number, listener: number, ((1,), (2,), (3,)), 3, Listener())) == [1, 2, 3]
    assert given == [4, 4, 4]


@pytest.mark.parametrize("config", [{}, THREADS])
def test_a_mistake_in_the_work_or_its_parts_is_raised_as_it_is(config):
    def work(number, listener):
        if number == 2:
            raise DataError("mine.csv: must hold two classes; got one")
        return number

    def parts():
        yield (0,)
        raise ConfigError("folds must be fewer")

    with joblib.parallel_config(**config):
        with pytest.raises(DataError, match="must hold two classes"):
            list(run_each(work, ((number,) for number in range(4)), 4, Listener()))
        with pytest.raises(ConfigError, match="folds must be fewer"):
            list(run_each(work, parts(), 4, Listener()))


def test_the_work_of_a_process_that_is_killed_is_done_again(tmp_path):
    heard = Heard()
    with spread("processes=2"):
        assert list(run_each(die_once(tmp_path), ((number,) for number in range(6)), 6, heard)) == list(range(6))
    assert [each.partition(",")[0] for each in heard.said] == ["a process was killed"]


def test_processes_that_are_killed_again_and_again_are_told():
    with spread("processes=2"), pytest.raises(OptionError, match=r"^parallel: each process must live.*one was killed"):
        list(run_each(lambda number, listener: os._exit(number), ((1,), (1,)), 2, Listener()))


def test_an_interruption_does_not_wait_for_what_runs_elsewhere():
    class Interrupted(Listener):
        def say(self, text):
            raise KeyboardInterrupt

    def work(number, listener):
        listener.say("done")
        time.sleep(60 * number)

    started = time.perf_counter()
    with spread("processes=2"), pytest.raises(KeyboardInterrupt):
        list(run_each(work, ((0,), (1,)), 2, Interrupted()))
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize("where", ["processes=0", "processes=", "threads", "dask", "dask://", "ray://", "ray:/x"])
def test_other_places_are_refused(where):
    with pytest.raises(OptionError, match="parallel must be processes, processes=N, ray, "), spread(where):
        pass


@pytest.mark.parametrize(("where", "module", "extra"), [("ray", "ray", "ray"), ("dask://a:1", "distributed", "dask")])
def test_an_engine_that_is_missing_is_named_with_its_extra(monkeypatch, where, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"{module} is not installed\..*seqconv\[{extra}\]"), spread(where):
        pass


def test_folds_that_run_at_once_share_a_budget_by_rounds(tmp_path):
    recipe = recipe_from_dict(
        {"task": "text", "data": {"source": write_texts(tmp_path)}, "training": {"budget": "30s"}}
    )
    data = TASKS["text"].load(recipe.data, None)
    for config, rounds in (({}, [5, 4, 3, 2, 1]), (THREADS, [3, 3, 2, 2, 1])):
        with joblib.parallel_config(**config):
            started = time.perf_counter()
            parts = list(_list_folds(recipe, data, (5, "growing"), Options(), started, Listener()))
        budgets = [float(part[3].training.budget.removesuffix("s")) for part in parts]
        assert 30 / np.array(budgets) == pytest.approx(rounds, rel=0.1)


def test_the_command_names_its_flag(tmp_path):
    source = write_texts(tmp_path)
    done = seqconv_command("backtest", source, "--parallel", "cluster", "--json", cwd=tmp_path, code=2)
    assert done.stderr.startswith("seqconv: --parallel must be processes, processes=N, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.csv"]
