"""Files and folders that are there whole or not at all."""

import numpy as np
import pytest

from tfsigmavae.files import read_json, whole, write_bytes, write_json, write_text


def _hidden(folder):
    return list(folder.glob(".*"))


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_replaces_another_in_one_step(tmp_path, shared):
    path = tmp_path / "deep" / "down" / "array.npy"
    for value in (1, 2):
        with whole(path, shared) as partial:
            assert partial.suffix == ".npy" and not partial.exists()
            np.save(partial, value)
            assert not path.exists() or np.load(path) == value - 1
        assert np.load(path) == value
    assert not _hidden(path.parent)


@pytest.mark.parametrize("shared", [False, True])
def test_after_an_error_all_is_as_before(tmp_path, shared):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(KeyError), whole(path, shared) as partial:
        partial.write_text("half")
        raise KeyError
    assert path.read_text() == "old" and not _hidden(tmp_path)
    with pytest.raises(KeyError), whole(tmp_path / "folder", shared) as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise KeyError
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("shared", [False, True])
def test_a_block_that_writes_nothing_is_an_error(tmp_path, shared):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a.txt", shared):
        pass


def test_what_a_killed_process_left_is_replaced(tmp_path):
    for name in ("folder", "file"):
        context = whole(tmp_path / name)
        partial = context.__enter__()
        partial.mkdir()
        (partial / "half").touch()
        with whole(tmp_path / name) as again:
            assert again == partial and not again.exists()
            again.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"


def test_of_two_writers_of_a_folder_the_first_stays(tmp_path):
    path = tmp_path / "clips"
    with whole(path, shared=True) as slow:
        slow.mkdir()
        (slow / "slow").touch()
        with whole(path, shared=True) as fast:
            fast.mkdir()
            (fast / "fast").touch()
    assert [file.name for file in path.iterdir()] == ["fast"]
    assert not _hidden(tmp_path)


def test_the_second_writer_of_a_folder_can_be_refused(tmp_path):
    path = tmp_path / "1"
    with pytest.raises(OSError), whole(path, shared=True, exist_ok=False) as slow:
        slow.mkdir()
        with whole(path, shared=True, exist_ok=False) as fast:
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
