"""What training prints while it goes on."""

import io
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from rich.progress import Progress

from seqconv.__main__ import main
from seqconv.cli.console import wrap
from seqconv.cli.progress import Terminal
from seqconv.training.checkpoint import Epoch


def print_epochs(epochs, again=False, verbose=False, kept=0):
    written = io.StringIO()
    listener = Terminal(Progress(console=Console(file=written, width=80), disable=True), verbose)
    first = Epoch(epoch=1, loss=0.1111, metric=0.9698, validation_loss=0.3453, validation_metric=0.8708, seconds=12.34)
    if again:
        listener.train_again(epochs)
    for number in range(1, epochs + 1):
        listener.start_epoch(number, epochs, 1)
        listener.end_epoch(replace(first, epoch=number))
    if kept:
        listener.keep(replace(first, epoch=kept))
    return written.getvalue().splitlines()


def test_each_of_a_few_epochs_has_a_line_that_fits():
    lines = print_epochs(20)
    assert lines[-1] == "epoch 20/20  12.3 s  loss 0.1111, accuracy 0.9698; validation 0.3453, 0.8708"
    assert len(lines) == 20
    assert max(map(len, lines)) <= 80


def test_of_many_epochs_every_tenth_and_the_last_have_a_line():
    assert [line.split()[1] for line in print_epochs(25)] == ["10/25", "20/25", "25/25"]


def test_the_epoch_that_is_kept_has_a_line_and_verbose_gives_one_to_all():
    *_, last = print_epochs(25, kept=17)
    assert last == "best: epoch 17/25  12.3 s  loss 0.1111, accuracy 0.9698; validation 0.3453, 0.8708"
    assert [line.split()[1] for line in print_epochs(25, verbose=True)] == [f"{n}/25" for n in range(1, 26)]


def test_long_work_has_a_bar_until_it_is_done():
    progress = Progress(console=Console(file=io.StringIO(), width=80), disable=True)
    listener = Terminal(progress)
    for done in (0, 2000, 5000):
        listener.advance("forecasting", done, 5000)
        shown = [(each.description, each.completed, each.fields["note"]) for each in progress.tasks]
        assert shown == ([("forecasting", done, f"{done:,} of 5,000")] if done < 5000 else [])


def test_in_a_terminal_lines_end_between_words_and_elsewhere_they_stay():
    text = "a final fit uses training-and-validation rows; skip it with: seqconv train weather.csv"
    lines = wrap(text, Console(width=24, force_terminal=True)).splitlines()
    assert max(map(len, lines)) <= 25
    assert " ".join(lines) == text
    assert lines[-1] == "seqconv train weather.csv"  # whole, to be copied
    assert any("training-and-validation" in line for line in lines)
    assert wrap(text, Console(width=24, file=io.StringIO())) == text


def test_a_run_says_that_it_stopped_early_and_what_it_keeps(tmp_path, monkeypatch, capsys):
    rows = "".join(f"good film {n % 7},{'pos' if n % 3 else 'neg'}\nbad film {n % 5},neg\n" for n in range(60))
    (tmp_path / "texts.csv").write_text(f"text,label\n{rows}")
    monkeypatch.chdir(tmp_path)
    settings = ("training.patience=1", "training.learning_rate=1", "training.refit=false")
    flags = [part for setting in settings for part in ("--set", setting)]
    monkeypatch.setattr(
        sys, "argv", ["seqconv", "train", "texts.csv", "--epochs", "50", "--no-baselines", "--model", "network", *flags]
    )
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    lines = capsys.readouterr().err.splitlines()
    assert "stopped: no better for 1 epoch" in lines
    assert lines[-1].startswith("best: epoch ")


@pytest.mark.parametrize(("epochs", "said"), [(1, "1 epoch"), (2, "2 epochs")])
def test_a_last_fit_shows_no_score_of_the_rows_it_is_trained_on(epochs, said):
    first, *lines = print_epochs(epochs, again=True)
    assert first == f"retraining on training + validation rows for {said}"
    assert len(lines) == epochs
    assert all(line.endswith("loss 0.1111, accuracy 0.9698") for line in lines)


def test_a_run_that_is_resumed_past_its_last_epoch_counts_those_it_has():
    written = io.StringIO()
    listener = Terminal(Progress(console=Console(file=written, width=80), disable=True))
    history = [Epoch(number, 0.1, 0.9, 0.3, 0.8, 1.0) for number in (1, 2, 3)]
    listener.resume(history)
    listener.keep(history[1])
    assert written.getvalue().splitlines()[-1].startswith("best: epoch 2/3 ")
