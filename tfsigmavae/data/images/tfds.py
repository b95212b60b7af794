"""Images and labels of tensorflow-datasets, once they are prepared on this machine."""

import numpy as np
from PIL import Image

from tfsigmavae.backend import require
from tfsigmavae.data.images.picture_files import hold_out
from tfsigmavae.data.images.stacking import stack


def load_tfds(name, split, root, transform, test_share, progress=None):
    """The feature "image" of a tensorflow-datasets split: uint8 `[N, H, W, C]`."""
    builder = _prepared(name, root)
    if "image" not in builder.info.features:
        raise ValueError(
            f"'{name}' must have a feature 'image', got "
            f"{sorted(builder.info.features)}."
        )
    num, images = _feature("image", builder, name, split, test_share)
    made = (
        (where, transform(_picture(image, where), where))
        for index, image in images
        for where in [f"image {index} of '{name}'"]
    )
    return stack(made, num, progress)


def load_tfds_labels(name, split, root, test_share):
    """The class "label" of the same examples: int64 `[N]`, or `None` without one."""
    builder = _prepared(name, root)
    tfds = require("tensorflow_datasets", "datasets")
    features = builder.info.features
    is_class = tfds.features.ClassLabel
    if "label" not in features or not isinstance(features["label"], is_class):
        return None
    # Images need not be decoded for it.
    skip = {"image": tfds.decode.SkipDecoding()} if "image" in features else None
    _, found = _feature("label", builder, name, split, test_share, decoders=skip)
    labels = np.array([label for _, label in found], np.int64)
    # -1 stands for a class that is not told, as those of some test splits.
    return None if np.any(labels < 0) else labels


def _prepared(name, root):
    tfds = require("tensorflow_datasets", "datasets")
    builder = tfds.builder(name, data_dir=root)
    if not builder.data_path.exists():
        raise FileNotFoundError(
            f"tensorflow-datasets has not prepared '{name}': there is no "
            f"'{builder.data_path}'. Run `tfds build {name}` on a machine with network "
            "access, or name its folder as `root`."
        )
    return builder


def _feature(feature, builder, name, split, test_share, **options):
    """How many examples a split has, and the index and feature of each, as stored."""
    own = sorted(builder.info.splits)
    held_out = own == ["train"]
    if not held_out and split not in own:
        raise ValueError(f"Unknown split {split!r} of '{name}'. Choose one of: {own}.")
    stored = "train" if held_out else split
    wanted = [str(i) for i in range(builder.info.splits[stored].num_examples)]
    if held_out:
        wanted = hold_out(wanted, split, test_share, name)
    chosen = set(wanted)
    dataset = builder.as_dataset(split=stored, shuffle_files=False, **options)
    values = dataset.map(lambda example: example[feature]).as_numpy_iterator()
    return len(wanted), (
        (index, value) for index, value in enumerate(values) if str(index) in chosen
    )


def _picture(image, where):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"{where} must be [H, W, C] uint8 with C 1 or 3, got {image.dtype} of "
            f"shape {image.shape}."
        )
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
