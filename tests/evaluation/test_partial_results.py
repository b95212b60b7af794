"""Parts of results on disk, as an interrupted computation leaves them.

| what happens                                    | what it finds                     |
|-------------------------------------------------|-----------------------------------|
| killed between two parts                        | what was done; the rest is missing|
| killed within one                               | nothing of it                     |
| the same call with other options                | an error that names them          |
| a part, or the record, that is cut or foreign   | an error that shows the way       |
| the same call twice at once                     | whole parts                       |
| a folder that cannot be written to              | an error before anything is done  |
| no folder is wanted                             | memory                            |
"""

import numpy as np
import pytest

from tfsigmavae.evaluation.partial_results import PartialResults


def _part(number):
    return {"sample/psnr": np.full([2, 3], number, np.float32), "rates": np.eye(2)}


@pytest.fixture(params=["folder", "memory"])
def parts(request, tmp_path):
    folder = tmp_path / "parts" if request.param == "folder" else None
    return PartialResults(folder, {"seed": 0})


def test_what_goes_in_comes_out(parts):
    assert 0 not in parts
    parts[0], parts[1] = _part(0), _part(1)
    assert 0 in parts and 1 in parts and 2 not in parts
    joined = parts.joined(2)
    assert joined.keys() == {"sample/psnr", "rates"}
    np.testing.assert_array_equal(joined["sample/psnr"][:, 0], [0, 0, 1, 1])
    assert joined["sample/psnr"].dtype == np.float32


def test_goes_on_where_another_process_stopped(tmp_path):
    first = PartialResults(tmp_path, {"seed": 0, "names": ("a", "b")})
    first[0] = _part(0)
    (tmp_path / ".partial.part-000001.npz").write_bytes(b"half")
    later = PartialResults(tmp_path, {"seed": 0, "names": ("a", "b")})
    assert 0 in later and 1 not in later
    np.testing.assert_array_equal(later[0]["rates"], np.eye(2))


def test_parts_of_something_else_are_refused(tmp_path):
    PartialResults(tmp_path, {"seed": 0, "model": "a"})[0] = _part(0)
    with pytest.raises(ValueError, match="another model, seed"):
        PartialResults(tmp_path, {"seed": 1, "model": "b"})


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_part_is_named(tmp_path, content):
    parts = PartialResults(tmp_path, {})
    parts[3] = _part(3)
    file = tmp_path / "part-000003.npz"
    file.write_bytes(file.read_bytes()[:200] if content is None else content)
    with pytest.raises(ValueError, match=r"part-000003.npz' is damaged: delete it"):
        parts[3]


def test_options_may_change_while_nothing_is_done(tmp_path):
    PartialResults(tmp_path, {"seed": 0})
    PartialResults(tmp_path, {"seed": 1})[0] = _part(0)
    with pytest.raises(ValueError, match="another seed"):
        PartialResults(tmp_path, {"seed": 0})


@pytest.mark.parametrize("content", [b"", b'{"seed"', b"\xff", b"[1]", None])
def test_a_damaged_record_is_named(tmp_path, content):
    PartialResults(tmp_path, {"seed": 0})[0] = _part(0)
    record = tmp_path / "record.json"
    record.unlink() if content is None else record.write_bytes(content)
    with pytest.raises(ValueError, match="record.json' (is damaged|does not tell)"):
        PartialResults(tmp_path, {"seed": 0})


@pytest.mark.parametrize(
    "foreign", [{"rates": np.eye(2)}, _part(1) | {"rates": np.eye(3)}]
)
def test_a_part_of_something_else_is_named(tmp_path, foreign):
    parts = PartialResults(tmp_path, {})
    parts[0], parts[1], parts[2] = _part(0), foreign, _part(2)
    with pytest.raises(ValueError, match="part-000001.npz' is damaged: delete it"):
        parts.joined(3)


def test_two_at_once_leave_whole_parts(tmp_path, monkeypatch):
    """The second saves a part while the first is within the same one."""
    first, second = PartialResults(tmp_path, {}), PartialResults(tmp_path, {})
    save = np.savez

    def interrupted(file, **arrays):
        monkeypatch.setattr(np, "savez", save)
        with open(file, "wb") as stream:
            stream.write(b"half")
            second[0] = _part(5)
            stream.seek(0)
            save(stream, **arrays)

    monkeypatch.setattr(np, "savez", interrupted)
    first[0] = _part(5)
    np.testing.assert_array_equal(first[0]["sample/psnr"], _part(5)["sample/psnr"])
    assert {p.name for p in tmp_path.iterdir()} == {"record.json", "part-000000.npz"}


@pytest.mark.parametrize("name", ["file", "file/parts"])
def test_a_file_in_the_way_is_an_error_at_once(tmp_path, name):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="Nothing can be written to '.*choose another"):
        PartialResults(tmp_path / name, {})
