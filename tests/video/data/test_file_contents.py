"""A copy of files holds the same; other names, sizes or bytes are others."""

import os
import shutil

import pytest

from tfsigmavae_video.data import file_contents
from tfsigmavae_video.data.file_contents import contents_digest


@pytest.fixture(params=[2**30, 0], ids=["whole", "blocks"])
def files(request, tmp_path, monkeypatch):
    """A file of 200 KB, a small one and a folder of two; read whole, or in blocks."""
    monkeypatch.setattr(file_contents, "_MOST_BYTES", request.param)
    folder = tmp_path / "data" / "frames"
    folder.mkdir(parents=True)
    for name, size in (("0.png", 10), ("1.png", 20)):
        (folder / name).write_bytes(os.urandom(size))
    (tmp_path / "data" / "large").write_bytes(os.urandom(200_000))
    (tmp_path / "data" / "small").write_bytes(os.urandom(50))
    return sorted((tmp_path / "data").iterdir())


def test_a_copy_is_the_same_wherever_it_lies(files, tmp_path):
    shutil.copytree(files[0].parent, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "large", (0, 0))
    copied = sorted((tmp_path / "copy").iterdir())
    assert contents_digest(copied) == contents_digest(files)


@pytest.mark.parametrize("name", ["large", "small", "frames/1.png"])
def test_other_bytes_sizes_or_names_are_others(files, name):
    before = contents_digest(files)
    file = files[0].parent / name
    whole = file.read_bytes()
    for changed in (bytes([whole[0] ^ 1]) + whole[1:], whole[:-1], whole + b"x"):
        file.write_bytes(changed)
        assert contents_digest(files) != before
    file.write_bytes(whole)
    assert contents_digest(files) == before
    moved = file.rename(file.with_name("other"))
    files = [moved if each == file else each for each in files]
    assert contents_digest(files) != before
