"""Parts of results on disk, as an interrupted computation leaves them.

| what happens                                    | what it finds                     |
|-------------------------------------------------|-----------------------------------|
| killed between two parts                        | what was done; the rest is missing|
| killed within one                               | nothing of it                     |
| the same call with other options                | an error that names them          |
| a part that is cut or foreign                   | an error that shows the way       |
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
    PartialResults(tmp_path, {"seed": 0, "model": "a"})
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
