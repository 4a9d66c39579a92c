"""What training prints while it goes on."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.progress import Progress

from seqconv.cli.progress import Terminal
from seqconv.training.checkpoint import Epoch


def print_epochs(epochs, again=False):
    written = io.StringIO()
    listener = Terminal(Progress(console=Console(file=written, width=80), disable=True))
    first = Epoch(epoch=1, loss=0.1111, metric=0.9698, validation_loss=0.3453, validation_metric=0.8708, seconds=12.34)
    if again:
        listener.train_again(epochs)
    for number in range(1, epochs + 1):
        listener.start_epoch(number, epochs, 1)
        listener.end_epoch(replace(first, epoch=number))
    return written.getvalue().splitlines()


def test_each_of_a_few_epochs_has_a_line_that_fits():
    lines = print_epochs(20)
    assert lines[-1] == "epoch 20/20  12.3 s  loss 0.1111, accuracy 0.9698; validation 0.3453, 0.8708"
    assert len(lines) == 20
    assert max(map(len, lines)) <= 80


def test_of_many_epochs_every_tenth_and_the_last_have_a_line():
    assert [line.split()[1] for line in print_epochs(25)] == ["10/25", "20/25", "25/25"]


@pytest.mark.parametrize(("epochs", "said"), [(1, "1 epoch"), (2, "2 epochs")])
def test_a_last_fit_shows_no_score_of_the_rows_it_is_trained_on(epochs, said):
    first, *lines = print_epochs(epochs, again=True)
    assert first == f"training again on training and validation rows for {said}"
    assert len(lines) == epochs
    assert all(line.endswith("loss 0.1111, accuracy 0.9698") for line in lines)
