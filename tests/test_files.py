"""Files and folders that are there whole or not at all."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from tfsigmavae.files import (
    append_line,
    other_writers,
    read_json,
    sweep,
    whole,
    write_bytes,
    write_json,
    write_text,
)


def _hidden(folder):
    return list(folder.glob(".*"))


@pytest.mark.parametrize("first_stays", [False, True])
def test_a_file_replaces_another_in_one_step(tmp_path, first_stays):
    path = tmp_path / "deep" / "down" / "array.npy"
    for value in (1, 2):
        with whole(path, first_stays) as partial:
            assert partial.suffix == ".npy" and not partial.exists()
            np.save(partial, value)
            assert not path.exists() or np.load(path) == value - 1
        assert np.load(path) == value
    assert not _hidden(path.parent)


@pytest.mark.parametrize("first_stays", [False, True])
def test_after_an_error_all_is_as_before(tmp_path, first_stays):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(KeyError), whole(path, first_stays) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "old" and not _hidden(tmp_path)
    with pytest.raises(KeyError), whole(tmp_path / "folder", first_stays) as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise KeyError
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("first_stays", [False, True])
def test_a_block_that_writes_nothing_is_an_error(tmp_path, first_stays):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a.txt", first_stays):
        pass


@pytest.fixture
def little_room():
    """`with little_room():` no file may get longer than 1,000 bytes: a full disk.

    The system then says "File too large"; Python and libraries of C see it alike.
    """

    @contextlib.contextmanager
    def limited():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


def _in_a_folder(partial):
    partial.mkdir()
    np.save(partial / "a.npy", np.zeros(999))


WRITERS = {
    "bytes": lambda partial: partial.write_bytes(bytes(2000)),
    "array": lambda partial: np.save(partial, np.zeros(999)),
    "in a folder": _in_a_folder,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_is_told_by_name_and_nothing_stays(tmp_path, little_room, write):
    path = tmp_path / "a.npy"
    with (
        little_room(),
        pytest.raises(OSError, match=f"(too large|written): '{path}'") as caught,
    ):
        with whole(path) as partial:
            write(partial)
    assert caught.value.filename == str(path) and not list(tmp_path.iterdir())
    with whole(path) as partial:  # there is room again
        write(partial)
    assert path.exists()


def test_errors_within_a_folder_name_the_file_that_it_would_have_had(tmp_path):
    path = tmp_path / "folder"
    with pytest.raises(FileNotFoundError, match=f"'{path}/deep/a'"):
        with whole(path) as partial:
            (partial / "deep" / "a").write_bytes(b"")


def test_half_a_line_does_not_stay_on_a_full_disk(tmp_path, little_room):
    path = tmp_path / "history.csv"
    append_line(path, "epoch,loss\n")
    with little_room(), pytest.raises(OSError, match=f"too large: '{path}'"):
        append_line(path, 2000 * "1")
    append_line(path, "0,\u00e4\n")
    assert path.read_text("utf-8") == "epoch,loss\n0,\u00e4\n"


KILLED = """
import os, signal, sys
from tfsigmavae.files import whole
for name in ("folder", "file"):
    partial = whole(os.path.join(sys.argv[1], name)).__enter__()
    partial.mkdir()
    (partial / "half").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert len(_hidden(tmp_path)) == 2
    write_text(tmp_path / "file", "whole")
    assert [left.name.rpartition(".")[2] for left in _hidden(tmp_path)] == ["folder"]
    assert not other_writers(tmp_path / "folder") and not _hidden(tmp_path)


def test_what_others_write_stays(tmp_path):
    """Another thread, another machine, and what is no name of ours."""
    path = tmp_path / "file"
    foreign = tmp_path / ".partial-00000000-1-00000000.file"
    odd = tmp_path / ".partial-odd.file"
    with whole(path) as mine:
        for left in (mine, foreign, odd):
            left.write_text("half")
        write_text(path, "whole")
        assert other_writers(path) == sorted([mine, foreign, odd])
    sweep(tmp_path)
    assert not _hidden(tmp_path) and path.read_text() == "half"


def test_a_durable_file_and_folder_are_synchronized_before_and_after(
    tmp_path, monkeypatch
):
    """All inside, then the new name: in that order, as a stop of the machine needs."""
    happened, names = [], {}
    open_, replace = os.open, os.replace

    def opened(path, flags):
        handle = open_(path, flags)
        names[handle] = pathlib.Path(path).name.rpartition(".")[2]
        return handle

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", lambda handle: happened.append(names[handle]))
    monkeypatch.setattr(
        os, "replace", lambda *paths: (happened.append("renamed"), replace(*paths))
    )
    with whole(tmp_path / "model", durable=True) as partial:
        partial.mkdir()
        with open(partial / "weights", "w"):
            pass
    write_json(tmp_path / "record", {}, durable=True)
    write_json(tmp_path / "quick", {})
    here = tmp_path.name.rpartition(".")[2]
    expected = ["weights", "model", "renamed", here, "record", "renamed", here]
    assert happened == [*expected, "renamed"]


def test_of_two_writers_of_a_folder_the_first_stays(tmp_path):
    path = tmp_path / "clips"
    with whole(path, first_stays=True) as slow:
        slow.mkdir()
        (slow / "slow").touch()
        with whole(path, first_stays=True) as fast:
            fast.mkdir()
            (fast / "fast").touch()
    assert [file.name for file in path.iterdir()] == ["fast"]
    assert not _hidden(tmp_path)


def test_the_second_writer_of_a_folder_can_be_refused(tmp_path):
    path = tmp_path / "1"
    with pytest.raises(OSError), whole(path) as slow:
        slow.mkdir()
        with whole(path) as fast:
            assert fast != slow and slow.is_dir()
            fast.mkdir()
            (fast / "fast").touch()
    assert [file.name for file in path.iterdir()] == ["fast"]
    assert not _hidden(tmp_path)


def test_a_folder_that_exists_is_not_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").touch()
    with pytest.raises(OSError), whole(tmp_path / "model") as partial:
        partial.mkdir()
    assert (tmp_path / "model" / "weights").exists() and not _hidden(tmp_path)


def test_contents(tmp_path):
    assert write_bytes(tmp_path / "b", b"\x00\xff").read_bytes() == b"\x00\xff"
    assert write_text(tmp_path / "t", "sigma σ").read_text("utf-8") == "sigma σ"
    value = {"a": [1, 2.5, None], "b": "σ"}
    assert read_json(write_json(tmp_path / "j", value)) == value
    assert (tmp_path / "j").read_text().endswith("}\n")


def test_a_line_is_synchronized_once_it_is_written(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    for _ in range(2):
        append_line(tmp_path / "history.csv", "0,1\n")
    assert sizes == [4, 8]


def test_what_another_machine_writes_stays_though_its_number_is_nobodys_here(tmp_path):
    foreign = tmp_path / ".partial-00000000-99999999-00000000.file"
    foreign.write_text("half")
    write_text(tmp_path / "file", "whole")
    assert foreign.read_text() == "half"


def test_a_process_of_another_user_lives(tmp_path, monkeypatch):
    def refuse(number, signal):
        raise PermissionError

    with whole(tmp_path / "file") as partial:
        partial.write_text("half")
        monkeypatch.setattr(os, "kill", refuse)
        assert other_writers(tmp_path / "file") == [partial]
