"""The pixels of a Pillow picture."""

import numpy as np

from tfsigmavae.inputs import FORMATS, check_regular, open_picture


def open_frames(path, formats=FORMATS):
    """Opens a picture file by its head, see `tfsigmavae.inputs.open_picture`."""
    check_regular(path)
    return open_picture(path, f"'{path}'", formats, way_out="Make it smaller.")


def num_channels(picture) -> int:
    """Channels of a picture as an array: 1 (grey), 3 (RGB) or 4 (RGB and alpha)."""
    if picture.mode[0] in "1LIF":
        return 1 if picture.mode != "LA" else 4
    return 4 if picture.has_transparency_data else 3


def to_array(picture, channels=None) -> np.ndarray:
    """Gives the pixels of a picture.

    16-bit grey is divided by 257, so that white stays white.

    Args:
        picture: `PIL.Image.Image`.
        channels: 1, 3 or 4. By default as many as the picture has.

    Returns:
        uint8 `[H, W, C]`.

    Raises:
        ValueError: if the levels have no known range (32-bit integers, floats).
    """
    channels = channels or num_channels(picture)
    if picture.mode[0] in "IF":
        return np.repeat(_from_16_bits(np.asarray(picture)), channels, axis=-1)
    pixels = np.asarray(picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _from_16_bits(levels):
    if levels.dtype.kind == "f" or levels.min() < 0 or levels.max() > 65535:
        raise ValueError("8 and 16 bits a channel can be read, it has 32")
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)[..., None]
