"""How many threads are used where none is named."""

import os

from seqconv.networks.threads import count_threads


def test_a_named_number_stands():
    assert count_threads(3) == 3


def test_all_processors_that_this_process_may_use():
    assert count_threads(0) == len(os.sched_getaffinity(0))


def test_all_processors_where_a_process_has_no_set_of_its_own(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert count_threads(0) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_threads(0) == 1
