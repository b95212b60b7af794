"""Standard files of image data sets, written here byte by byte and read back."""

import gzip
import importlib.util
import pickle
import struct
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfsigmavae.data import images
from tfsigmavae.data.images import matlab_file


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(pixels):
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape)
    return header + pixels.tobytes()


def cifar_binary(pixels):
    return b"".join(b"\x09" + image.transpose(2, 0, 1).tobytes() for image in pixels)


def write_cifar_binary(folder, pixels):
    """Five training batches of two images, and a test batch of three."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(5):
        part = pixels[2 * number : 2 * number + 2]
        (folder / f"data_batch_{number + 1}.bin").write_bytes(cifar_binary(part))
    (folder / "test_batch.bin").write_bytes(cifar_binary(pixels[10:]))


def write_celeba(folder, pictures, partitions):
    (folder / "img_align_celeba").mkdir()
    lines = []
    for number, (picture, partition) in enumerate(
        zip(pictures, partitions, strict=True), start=1
    ):
        name = f"{number:06}.jpg"
        # PNG inside, so that pixels can be told exactly.
        Image.fromarray(picture).save(folder / "img_align_celeba" / name, "PNG")
        lines.append(f"{name} {partition}")
    (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "name", ["{}-images-idx3-ubyte", "{}-images-idx3-ubyte.gz", "{}-images.idx3-ubyte"]
)
def test_idx_files(tmp_path, name):
    splits = {
        "train": ("train", noise(5, 4, 3)),
        "test": ("t10k", noise(2, 4, 3, seed=1)),
    }
    for prefix, pixels in splits.values():
        data = idx(pixels)
        data = gzip.compress(data) if name.endswith("gz") else data
        (tmp_path / name.format(prefix)).write_bytes(data)
        # Labels beside them are left alone.
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(b"")
    for split, (_, pixels) in splits.items():
        for arguments in ((tmp_path, split), ("fashion_mnist", split)):
            root = tmp_path if arguments[0] == "fashion_mnist" else None
            loaded = images.load(*arguments, root=root)
            assert loaded.dtype == np.uint8 and loaded.flags.writeable
            np.testing.assert_array_equal(loaded, pixels[..., None])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (idx(noise(2, 4, 3))[:-1], "40 bytes by its header, got 39"),
        (idx(noise(2, 4, 3)) + b"\0", "40 bytes by its header, got 41"),
        (b"\0\0\x08\x01" + bytes(36), "not an IDX file of uint8 images"),
        (b"<html>", "not an IDX file"),
    ],
    ids=["short", "long", "labels", "page"],
)
def test_broken_idx_files_are_named(tmp_path, data, words):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=f"'{file}'.*{words}"):
        images.load(tmp_path)


@pytest.mark.parametrize("cut", [4, -3])
def test_broken_gzip_is_named(tmp_path, cut):
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(noise(9, 4, 3)))[:cut])
    with pytest.raises(ValueError, match=f"'{file}' is broken.*Download it again"):
        images.load("mnist", root=tmp_path)


def test_files_are_found_in_the_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    (folder / "fashion-mnist").mkdir(parents=True)
    mnist, fashion = noise(3, 28, 28), noise(4, 28, 28, seed=1)
    np.savez(folder / "mnist.npz", x_train=mnist, x_test=mnist[:1], y_train=mnist)
    file = folder / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(fashion)))
    np.testing.assert_array_equal(images.load("mnist"), mnist[..., None])
    np.testing.assert_array_equal(images.load("mnist", "test"), mnist[:1, ..., None])
    np.testing.assert_array_equal(images.load("fashion_mnist"), fashion[..., None])
    cifar = folder / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    pixels = noise(12, 32, 32, 3)
    write_cifar_pickles(cifar, pixels)
    np.testing.assert_array_equal(images.load("cifar10", "train"), pixels[:10])
    np.testing.assert_array_equal(images.load("cifar10", "test"), pixels[10:])


def test_a_wrong_archive_is_named(tmp_path):
    file = tmp_path / "mnist.npz"
    np.savez(file, x_test=noise(3, 28, 28, 1))
    for split, words in (("train", "not Keras' archive"), ("test", "uint8 images")):
        with pytest.raises(ValueError, match=f"'{file}'.*{words}"):
            images.load(tmp_path, split)
    file.write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=f"'{file}' is not Keras' archive"):
        images.load(tmp_path)


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_cifar10_binary_version(tmp_path, inner):
    pixels = noise(13, 32, 32, 3)
    write_cifar_binary(tmp_path / inner, pixels)
    np.testing.assert_array_equal(images.load(tmp_path), pixels[:10])
    loaded = images.load("cifar10", "test", root=tmp_path)
    np.testing.assert_array_equal(loaded, pixels[10:])
    assert loaded.flags.c_contiguous and loaded.dtype == np.uint8


def test_broken_cifar10_files_are_named(tmp_path):
    write_cifar_binary(tmp_path, noise(13, 32, 32, 3))
    file = tmp_path / "data_batch_2.bin"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=f"'{file}'.*records of 3073.*got 6145 bytes"):
        images.load(tmp_path)
    file.write_bytes(b"\x0a" + whole[1:])
    with pytest.raises(ValueError, match=f"'{file}' is not CIFAR-10.*above 9"):
        images.load(tmp_path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_1.bin to data_batch_5.bin"):
        images.load("cifar10", root=tmp_path)
    assert len(images.load("cifar10", "test", root=tmp_path)) == 3


def write_cifar_pickles(folder, pixels):
    folder.mkdir(parents=True, exist_ok=True)
    rows = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    parts = {f"data_batch_{n + 1}": rows[2 * n : 2 * n + 2] for n in range(5)}
    for name, part in {**parts, "test_batch": rows[10:]}.items():
        (folder / name).write_bytes(python2_pickle(part))


def python2_pickle(rows):
    """What Python 2 and its NumPy wrote for {"data": rows, "labels": []}."""
    shape = b"".join(b"J" + struct.pack("<i", side) for side in rows.shape)
    return (
        b"\x80\x02}(U\x04data"
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01" + shape + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", rows.size) + rows.tobytes() + b"tb"
        b"U\x06labels]u."
    )


class _Harmful:
    def __reduce__(self):
        return sys.exit, (1,)


def test_cifar10_pickles_cannot_run_code(tmp_path):
    write_cifar_pickles(tmp_path, noise(12, 32, 32, 3))
    file = tmp_path / "test_batch"
    file.write_bytes(pickle.dumps({b"data": _Harmful()}))
    with pytest.raises(ValueError, match=f"'{file}' is not a CIFAR-10 batch.*sys.exit"):
        images.load(tmp_path, "test")
    file.write_bytes(python2_pickle(noise(2, 3000)))
    with pytest.raises(ValueError, match=f"'{file}' must hold.*3072.*3000"):
        images.load(tmp_path, "test")


@pytest.mark.skipif(not importlib.util.find_spec("scipy"), reason="needs SciPy")
def test_svhn_files(tmp_path):
    import scipy.io

    splits = {"train": noise(3, 32, 32, 3), "test": noise(2, 32, 32, 3, seed=1)}
    splits["extra"] = noise(4, 32, 32, 3, seed=2)
    for split, pixels in splits.items():
        arrays = {"X": pixels.transpose(1, 2, 3, 0), "y": np.ones([len(pixels), 1])}
        scipy.io.savemat(tmp_path / f"{split}_32x32.mat", arrays, do_compression=True)
    for split, pixels in splits.items():
        np.testing.assert_array_equal(images.load(tmp_path, split), pixels)
    loaded = images.load("svhn", "train", root=tmp_path, size=28)
    assert loaded.shape == (3, 28, 28, 3)
    for broken in (b"", b"MATLAB 5.0 but not really" * 20):
        (tmp_path / "test_32x32.mat").write_bytes(broken)
        with pytest.raises(ValueError, match="test_32x32.mat' is not an SVHN file"):
            images.load("svhn", "test", root=tmp_path)


@pytest.mark.skipif(not importlib.util.find_spec("scipy"), reason="needs SciPy")
@pytest.mark.parametrize("compressed", [True, False])
def test_matlab_files_hold_what_scipy_reads(tmp_path, compressed):
    import scipy.io

    rng = np.random.default_rng(0)
    names = "u1 i1 u2 i2 u4 i4 u8 i8 f4 f8".split()
    arrays = {
        f"of_{name}": (100 * rng.random([2, 3, 1, 2])).astype(name) for name in names
    }
    arrays |= {"X": noise(1, 1, 1, 3), "long_name_of_five": np.ones([1, 1], np.uint8)}
    arrays |= {"text": "abc", "cells": np.array([[1, "a"]], object)}
    file = tmp_path / "a.mat"
    scipy.io.savemat(file, arrays, do_compression=compressed)
    read, found = scipy.io.loadmat(file), matlab_file.read_matrices(file)
    assert found.keys() == arrays.keys()
    for name, matrix in found.items():
        if name in ("text", "cells"):
            with pytest.raises(TypeError, match=f"'{name}' is no array of numbers"):
                matrix.values()
        else:
            assert matrix.shape == read[name].shape
            assert matrix.values().dtype == read[name].dtype
            np.testing.assert_array_equal(matrix.values(), read[name])


@pytest.mark.skipif(not importlib.util.find_spec("scipy"), reason="needs SciPy")
def test_svhn_files_of_other_numbers_are_named(tmp_path):
    import scipy.io

    file = tmp_path / "train_32x32.mat"
    scipy.io.savemat(file, {"X": noise(2, 2, 3, 2).astype(float), "y": np.ones([2, 1])})
    with pytest.raises(ValueError, match=f"'{file}' must hold uint8 images.*float64"):
        images.load("svhn", root=tmp_path)
    scipy.io.savemat(file, {"X": noise(2, 2)}, format="4")
    with pytest.raises(ValueError, match=f"'{file}' is not an SVHN file"):
        images.load("svhn", root=tmp_path)


def test_celeba_splits_and_crop(tmp_path):
    pictures = np.zeros([6, 218, 178, 3], np.uint8)
    pictures[:, 40:188, 15:163] = 10 * np.arange(1, 7)[:, None, None, None]
    pictures[:, 40, 15] = 255  # the first pixel of the crop, and its last one
    pictures[:, 187, 162] = 200
    write_celeba(tmp_path, pictures, [0, 0, 1, 2, 0, 2])
    for split, numbers in (("train", [1, 2, 5]), ("validation", [3]), ("test", [4, 6])):
        loaded = images.load("celeba", split, root=tmp_path, size=148)
        assert loaded.shape == (len(numbers), 148, 148, 3)
        assert np.all(loaded[:, 0, 0] == 255) and np.all(loaded[:, -1, -1] == 200)
        loaded[:, 0, 0] = loaded[:, -1, -1] = loaded[:, 1, 1]
        expected = 10 * np.array(numbers)[:, None, None, None]
        np.testing.assert_array_equal(loaded, np.broadcast_to(expected, loaded.shape))
    small = images.load(tmp_path, "test", size=32)
    assert small.shape == (2, 32, 32, 3) and np.all(
        small[:, 8:24, 8:24] == [[[[40]]], [[[60]]]]
    )
    whole = images.load(tmp_path, "test", size=(218, 178), crop=(0, 0, 178, 218))
    np.testing.assert_array_equal(whole, pictures[[3, 5]])


def test_celeba_asks_for_a_size_and_for_all_its_pictures(tmp_path):
    write_celeba(tmp_path, np.zeros([2, 218, 178, 3], np.uint8), [0, 2])
    with pytest.raises(ValueError, match="`size` must be given for CelebA"):
        images.load("celeba", root=tmp_path)
    (tmp_path / "img_align_celeba" / "000002.jpg").unlink()
    assert len(images.load("celeba", root=tmp_path, size=8)) == 1
    with pytest.raises(ValueError, match="1 pictures of split 'test'.*000002.jpg"):
        images.load("celeba", "test", root=tmp_path, size=8)


def test_missing_files_are_named_with_the_way_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name, file, advice in [
        ("mnist", "t10k-images-idx3-ubyte", "keras.datasets.mnist"),
        ("cifar10", "test_batch.bin", "cs.toronto.edu"),
        ("svhn", "test_32x32.mat", "ufldl.stanford.edu"),
        ("celeba", "img_align_celeba", "CelebA.html"),
    ]:
        with pytest.raises(FileNotFoundError, match=f"{file}.*{advice}.*`root`"):
            images.load(name, "test")
    with pytest.raises(FileNotFoundError, match=f"train-images.*{tmp_path}/x.*Debian"):
        images.load("fashion_mnist", root=tmp_path / "x")
    with pytest.raises(FileNotFoundError, match="idx3.*data_batch.*32x32.mat.*png"):
        images.load(tmp_path)


def test_a_folder_of_several_data_sets_is_ambiguous(tmp_path):
    write_cifar_binary(tmp_path, noise(13, 32, 32, 3))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(noise(2, 4, 3)))
    with pytest.raises(ValueError, match="several data sets.*cifar10.*`root`"):
        images.load(tmp_path)
    assert len(images.load("mnist", root=tmp_path)) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("cifra10",), FileNotFoundError, "'cifra10' is neither.*cifar10.*tfds:NAME"),
        (("mnist", "val"), ValueError, "Unknown split 'val' of 'mnist'.*'test'"),
        (("celeba", "val"), ValueError, "'train', 'validation', 'test'"),
        ((__file__,), ValueError, "`source` must be a folder or a zip"),
    ],
)
def test_wrong_sources_are_errors(arguments, error, words):
    with pytest.raises(error, match=words):
        images.load(*arguments)


def test_a_path_takes_no_root(tmp_path):
    with pytest.raises(ValueError, match="`root` goes with a named data set"):
        images.load(tmp_path, root=tmp_path)


class FakeBuilder:
    """As much of a tensorflow-datasets builder as is used."""

    def __init__(self, folder, splits):
        self.data_path = folder
        self.splits = splits
        sizes = {
            name: types.SimpleNamespace(num_examples=len(pixels))
            for name, pixels in splits.items()
        }
        self.info = types.SimpleNamespace(
            features={"image": None, "label": None}, splits=sizes
        )

    def as_dataset(self, split, shuffle_files):
        assert not shuffle_files
        pixels = self.splits[split]
        examples = {"image": pixels, "label": np.zeros(len(pixels))}
        return tf.data.Dataset.from_tensor_slices(examples)


@pytest.fixture
def fake_tfds(monkeypatch, tmp_path):
    def install(splits, folder=tmp_path):
        def builder(name, data_dir):
            assert name == "toy/config" and data_dir is None
            return FakeBuilder(folder, splits)

        module = types.SimpleNamespace(builder=builder)
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)

    return install


def test_tfds_splits(fake_tfds):
    splits = {"train": noise(5, 8, 8, 3), "test": noise(3, 8, 8, 3, seed=1)}
    fake_tfds(splits)
    for split, pixels in splits.items():
        np.testing.assert_array_equal(images.load("tfds:toy/config", split), pixels)
    assert images.load("tfds:toy/config", size=4, channels=1).shape == (5, 4, 4, 1)
    with pytest.raises(ValueError, match="Unknown split 'val'.*'test', 'train'"):
        images.load("tfds:toy/config", "val")


def test_tfds_without_a_test_split_holds_out_a_share(fake_tfds):
    pixels = noise(10, 8, 8, 1)
    fake_tfds({"train": pixels})
    parts = [
        images.load("tfds:toy/config", s, test_share=0.3) for s in ("train", "test")
    ]
    assert [len(part) for part in parts] == [7, 3]
    found = {image.tobytes() for part in parts for image in part}
    assert found == {image.tobytes() for image in pixels}


def test_tfds_errors(fake_tfds, monkeypatch, tmp_path):
    fake_tfds({"train": noise(5, 8, 8, 3)}, folder=tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="none'.*tfds build toy/config.*`root`"):
        images.load("tfds:toy/config")
    fake_tfds({"train": noise(5, 8, 8, 4), "test": noise(1, 8, 8, 3)})
    with pytest.raises(ValueError, match="image 0 of 'toy/config' must be.*8, 8, 4"):
        images.load("tfds:toy/config")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "tfsigmavae\[datasets\]"'):
        images.load("tfds:toy/config")


def test_real_fashion_mnist(shared_data):
    folder = shared_data("t10k-images-idx3-ubyte.gz").parent
    loaded = images.load("fashion_mnist", "test", root=folder)
    assert loaded.shape == (10000, 28, 28, 1)
    # The figures that are published for normalising the test images.
    np.testing.assert_allclose(loaded.mean() / 255, 0.2868, atol=5e-5)
    np.testing.assert_allclose(loaded.std() / 255, 0.3524, atol=5e-5)
    assert loaded[:, 0, 0].max() < 255 and loaded.max() == 255
    np.testing.assert_array_equal(images.load(folder, "test"), loaded)
