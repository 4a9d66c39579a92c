"""How many threads are used where none is named."""

import os

import pytest

from seqconv.networks import threads
from seqconv.networks.threads import count_threads, limit_threads, read_processor_limit


@pytest.fixture(autouse=True)
def no_container(monkeypatch, tmp_path):
    monkeypatch.setattr(threads, "ROOT", tmp_path)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_named_number_stands():
    assert count_threads(3) == 3


def test_a_share_of_the_processors_holds_where_no_number_is_named(monkeypatch):
    monkeypatch.setattr(threads, "_count_processors", lambda: 8)
    with limit_threads(3):
        assert count_threads(0) == 3
        assert count_threads(5) == 5
        with limit_threads(20):
            assert count_threads(0) == 8
        assert count_threads(0) == 3
    assert count_threads(0) == 8


def test_all_processors_that_this_process_may_use(monkeypatch):
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    assert count_threads(0) == len(os.sched_getaffinity(0))


def test_the_number_that_python_was_told(monkeypatch):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 5, raising=False)
    assert count_threads(0) == 5


def test_all_processors_where_a_process_has_no_set_of_its_own(monkeypatch):
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert count_threads(0) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count_threads(0) == 1


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("50000 100000", 1), ("200000 100000", 2), ("250000 100000", 3), ("max 100000", 8), ("900000 100000", 8)],
)
def test_no_more_threads_than_the_processor_time_of_a_container(monkeypatch, tmp_path, limit, expected):
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    write(tmp_path / "sys/fs/cgroup/cpu.max", f"{limit}\n")
    assert count_threads(0) == expected
    assert count_threads(7) == 7


def test_the_least_of_the_limits_on_the_way_up_counts(tmp_path):
    write(tmp_path / "proc/self/cgroup", "0::/pod/container\n")
    top = tmp_path / "sys/fs/cgroup"
    write(top / "pod/container/cpu.max", "max 100000\n")
    write(top / "pod/cpu.max", "150000 100000\n")
    write(top / "cpu.max", "400000 100000\n")
    assert read_processor_limit(tmp_path) == 1.5


def test_limits_of_the_older_control_groups(tmp_path):
    write(tmp_path / "proc/self/cgroup", "5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n")
    cpu = tmp_path / "sys/fs/cgroup/cpu"  # a container sees its own group at the top
    write(cpu / "cpu.cfs_quota_us", "300000\n")
    write(cpu / "cpu.cfs_period_us", "100000\n")
    assert read_processor_limit(tmp_path) == 3


def test_no_limit_in_the_older_control_groups(tmp_path):
    write(tmp_path / "proc/self/cgroup", "4:cpu,cpuacct:/\n")
    cpu = tmp_path / "sys/fs/cgroup/cpu"
    write(cpu / "cpu.cfs_quota_us", "-1\n")
    write(cpu / "cpu.cfs_period_us", "100000\n")
    assert read_processor_limit(tmp_path) is None


@pytest.mark.parametrize("text", [None, "0::/\n"])
def test_no_limit_where_the_system_tells_none(tmp_path, text):
    if text is not None:
        write(tmp_path / "proc/self/cgroup", text)
    assert read_processor_limit(tmp_path) is None
