"""Images of tensorflow-datasets, once they are prepared on this machine."""

import numpy as np
from PIL import Image

from tfsigmavae.backend import require
from tfsigmavae.data.images.picture_files import hold_out
from tfsigmavae.data.images.stacking import stack


def load_tfds(name, split, root, transform, test_share, progress=None):
    """The feature "image" of a tensorflow-datasets split: uint8 `[N, H, W, C]`."""
    tfds = require("tensorflow_datasets", "datasets")
    builder = tfds.builder(name, data_dir=root)
    if not builder.data_path.exists():
        raise FileNotFoundError(
            f"tensorflow-datasets has not prepared '{name}': there is no "
            f"'{builder.data_path}'. Run `tfds build {name}` on a machine with network "
            "access, or name its folder as `root`."
        )
    if "image" not in builder.info.features:
        raise ValueError(
            f"'{name}' must have a feature 'image', got "
            f"{sorted(builder.info.features)}."
        )
    return _read(builder, name, split, transform, test_share, progress)


def _read(builder, name, split, transform, test_share, progress):
    own = sorted(builder.info.splits)
    held_out = own == ["train"]
    if not held_out and split not in own:
        raise ValueError(f"Unknown split {split!r} of '{name}'. Choose one of: {own}.")
    stored = "train" if held_out else split
    wanted = [str(i) for i in range(builder.info.splits[stored].num_examples)]
    if held_out:
        wanted = hold_out(wanted, split, test_share, name)
    chosen = set(wanted)
    dataset = builder.as_dataset(split=stored, shuffle_files=False)
    images = dataset.map(lambda example: example["image"]).as_numpy_iterator()
    made = (
        (where, transform(_picture(image, where), where))
        for index, image in enumerate(images)
        if str(index) in chosen
        for where in [f"image {index} of '{name}'"]
    )
    return stack(made, len(wanted), progress)


def _picture(image, where):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"{where} must be [H, W, C] uint8 with C 1 or 3, got {image.dtype} of "
            f"shape {image.shape}."
        )
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
