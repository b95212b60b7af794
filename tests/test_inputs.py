"""What is read of other people's files, and what errors say of them."""

import gzip
import os
import zipfile
import zlib

import numpy as np
import pytest

from tfsigmavae import inputs


@pytest.mark.parametrize("size", [0, 1, 2**18, 2**20, 3 * 2**20 + 5])
def test_unpacking_gives_what_gzip_does(tmp_path, size):
    data = np.random.default_rng(0).integers(0, 4, size, np.uint8).tobytes()
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(data) + gzip.compress(b"more") + bytes(9))
    assert inputs.read_gzip(file) == data + b"more"
    assert inputs.read_gzip(file, 16) == (data + b"more")[:16]
    assert b"".join(inputs.inflated("a", zlib.compress(data))) == data


@pytest.mark.parametrize("cut", [1, 9, 100])
def test_what_is_cut_is_broken(tmp_path, cut):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(os.urandom(3 * 2**20))[:-cut])
    with pytest.raises(inputs.InputError, match=f"'{file}' is broken: its end is miss"):
        inputs.read_gzip(file)


def test_many_small_parts_come_to_an_end(tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(5000 * gzip.compress(b""))
    with pytest.raises(inputs.InputError, match="more than 4,000 parts"):
        inputs.read_gzip(file)


def test_large_files_may_unpack_to_a_hundred_times_their_size():
    limit = inputs.MAX_UNPACKED
    for unpacked, packed in [(limit, 1), (limit + 100, limit // 100 + 2)]:
        inputs.check_unpacked("'a'", unpacked, packed)
    for unpacked, packed in [(limit + 1, 1), (2 * limit, limit // 100)]:
        with pytest.raises(inputs.InputError, match="'a' would unpack.*by hand"):
            inputs.check_unpacked("'a'", unpacked, packed)


def test_arrays_are_those_of_numpy(tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.ones(2, np.float32)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = inputs.read_arrays(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        np.save(tmp_path / "a.npy", array)
        np.testing.assert_array_equal(inputs.read_array(tmp_path / "a.npy"), array)
    with pytest.raises(inputs.InputError, match="a.npz.*no item named 'c.npy'"):
        inputs.read_arrays(tmp_path / "a.npz", ["c"])


def test_arrays_that_would_run_code_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([print], object))
    with pytest.raises(inputs.InputError, match="a.npz.*Object arrays cannot be load"):
        inputs.read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "cause",
    [KeyError("it"), zipfile.BadZipFile("it"), zlib.error("it"), OSError("it")],
    ids=lambda cause: type(cause).__name__,
)
def test_errors_of_libraries_are_told_as_ours(cause):
    with pytest.raises(inputs.InputError) as caught, inputs.explained("'a'"):
        raise cause
    assert (
        str(caught.value) == "'a' cannot be read: it. Copy it again, or leave it out."
    )
    assert caught.value.__cause__ is cause


def test_errors_that_say_enough_keep_their_words(tmp_path):
    class Own(inputs.InputError):
        pass

    with pytest.raises(FileNotFoundError), inputs.explained("'a'"):
        open(tmp_path / "none")
    with pytest.raises(Own, match="^'b' is so[.]$"), inputs.explained("'a'", error=Own):
        raise inputs.InputError("'b' is so.")
    with pytest.raises(ImportError), inputs.explained("'a'"):
        raise ImportError("pip install it")
