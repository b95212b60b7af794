"""Labels belong to the images of the same index."""

import gzip
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfsigmavae.data import images
from tfsigmavae.data.images.labels import load_labels


def write_idx(folder, labels, split="train", packed=True):
    """Images whose pixels all are their label, and the labels."""
    pixels = np.repeat(labels, 16).astype(np.uint8)
    contents = {
        "images-idx3": struct.pack(">HBB3I", 0, 8, 3, len(labels), 4, 4)
        + pixels.tobytes(),
        "labels-idx1": struct.pack(">HBBI", 0, 8, 1, len(labels))
        + bytes(map(int, labels)),
    }
    prefix = {"train": "train", "test": "t10k"}[split]
    for name, data in contents.items():
        path = folder / f"{prefix}-{name}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_idx_files(tmp_path, packed, split):
    write_idx(tmp_path, [3, 1, 2], split, packed)
    for source, root in [(tmp_path, None), ("fashion_mnist", tmp_path)]:
        labels = load_labels(source, split, root=root)
        np.testing.assert_array_equal(labels, [3, 1, 2])
        pixels = images.load(source, split, root=root)
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels)


def test_the_archive_of_keras(tmp_path):
    splits = {"train": [4, 5], "test": [6]}
    arrays = {f"y_{split}": np.array(y, np.uint8) for split, y in splits.items()}
    shapes = {split: [len(y), 28, 28] for split, y in splits.items()}
    arrays |= {f"x_{name}": np.zeros(shapes[name], np.uint8) for name in splits}
    np.savez(tmp_path / "mnist.npz", **arrays)
    for split, labels in splits.items():
        np.testing.assert_array_equal(load_labels(tmp_path, split), labels)


def write_pictures(path, names):
    """A zip of pictures whose grey level is 10 times the folder's number."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            level = int(name.split("/")[-2]) * 10
            stream = io.BytesIO()
            Image.new("L", (4, 4), level).save(stream, "png")
            archive.writestr(name, stream.getvalue())


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("above", ["", "train/", "pictures/"])
def test_folders_of_pictures_are_classes_also_where_a_share_is_held_out(
    tmp_path, split, above
):
    names = [f"{above}{i % 3}/{i}.png" for i in range(30)]
    if above == "train/":
        names += [f"test/{i % 3}/{i}.png" for i in range(6)]
    write_pictures(tmp_path / "set.zip", names)
    labels = load_labels(tmp_path / "set.zip", split)
    pixels = images.load(tmp_path / "set.zip", split)
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels * 10)
    assert len(labels) > 0


def test_pictures_in_one_folder_have_no_classes(tmp_path):
    write_pictures(tmp_path / "set.zip", [f"1/{i}.png" for i in range(20)])
    assert load_labels(tmp_path / "set.zip") is None
    for split in ("train", "test"):
        (tmp_path / "splits" / split).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (4, 4)).save(tmp_path / "splits" / split / f"{i}.png")
    assert load_labels(tmp_path / "splits", "test") is None


@pytest.fixture
def prepared(tmp_path):
    """`prepared(label, train=labels, test=labels)`: a set of tensorflow-datasets.

    The grey level of an image is ten times its label. Two shards or more a split.
    """
    tfds = pytest.importorskip("tensorflow_datasets")

    def prepare(label, **splits):
        (tmp_path / "toy" / "1.0.0").mkdir(parents=True)
        identity = tfds.core.dataset_info.DatasetIdentity(
            name="toy",
            version=tfds.core.Version("1.0.0"),
            data_dir=str(tmp_path / "toy" / "1.0.0"),
            module_name="",
        )
        features = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": label(tfds)}
        info = tfds.core.DatasetInfo(
            builder=identity, features=tfds.features.FeaturesDict(features)
        )
        writer = tfds.core.SequentialWriter(info, max_examples_per_shard=2)
        writer.initialize_splits(list(splits))
        for split, labels in splits.items():
            images = [np.full((4, 4, 1), 10 * max(y, 0), np.uint8) for y in labels]
            rows = zip(images, labels, strict=True)
            examples = [{"image": image, "label": label} for image, label in rows]
            writer.add_examples({split: examples})
        writer.close_all()
        return tmp_path

    return prepare


def three_classes(tfds):
    return tfds.features.ClassLabel(num_classes=3)


def test_tensorflow_datasets(prepared):
    """Of its own splits, in the order in which the images come."""
    root = prepared(three_classes, train=[0, 1, 2, 1, 1, 0, 2], test=[2, 0, 1])
    for split, num in [("train", 7), ("test", 3)]:
        labels = load_labels("tfds:toy", split, root=root)
        pixels = images.load("tfds:toy", split, root=root)
        assert labels.dtype == np.int64 and len(labels) == num
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], 10 * labels)
    with pytest.raises(ValueError, match="Unknown split 'val'"):
        load_labels("tfds:toy", "val", root=root)


def test_tensorflow_datasets_of_which_a_share_is_held_out(prepared):
    root = prepared(
        lambda tfds: tfds.features.ClassLabel(num_classes=12),
        train=[3, 7, 0, 11, 2, 9, 5, 1, 8, 10, 4, 6],
    )
    found = []
    for split in ("train", "test"):
        options = {"root": root, "test_share": 0.25}
        labels = load_labels("tfds:toy", split, **options)
        pixels = images.load("tfds:toy", split, **options)
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], 10 * labels)
        found.extend(labels)
    assert len(labels) == 3 and sorted(found) == list(range(12))


@pytest.mark.parametrize(
    ("label", "labels"),
    [
        (three_classes, [-1] * 12),  # a class that is not told
        (lambda tfds: tfds.features.Scalar(np.int64), [1, 2] * 6),
    ],
)
def test_tensorflow_datasets_without_classes(prepared, label, labels):
    assert load_labels("tfds:toy", root=prepared(label, train=labels)) is None


@pytest.mark.parametrize("end", [".bin", ""])
def test_cifar10_in_both_forms(tmp_path, end):
    for number in range(1, 6):
        labels = [number, 9 - number]
        pixels = np.repeat(labels, 3072).reshape(2, 3072).astype(np.uint8) + 100
        path = tmp_path / f"data_batch_{number}{end}"
        if end:
            rows = np.concatenate([np.array(labels, np.uint8)[:, None], pixels], 1)
            path.write_bytes(rows.tobytes())
        else:
            path.write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}))
    labels = load_labels("cifar10", "train", root=tmp_path)
    np.testing.assert_array_equal(labels, [1, 8, 2, 7, 3, 6, 4, 5, 5, 4])
    pixels = images.load("cifar10", "train", root=tmp_path)
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels + 100)


def test_missing_and_broken_label_files_are_errors(tmp_path):
    write_idx(tmp_path, [1, 2], packed=False)
    file = tmp_path / "train-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="not an IDX file of uint8 labels"):
        load_labels(tmp_path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match="train-labels-idx1-ubyte"):
        load_labels(tmp_path)
