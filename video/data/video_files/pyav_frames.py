"""From a decoded frame to RGB as displayed."""

import numpy as np


def to_array(frame) -> np.ndarray:
    """The pixels of a `av.VideoFrame`, upright.

    Returns:
        uint8 `[H, W, C]`, C 1 for grey formats, 4 with alpha, else 3.
    """
    components = frame.format.components
    if len(components) == 1 and not frame.format.has_palette:
        format = "gray"
    else:
        format = "rgba" if any(c.is_alpha for c in components) else "rgb24"
    pixels = frame.reformat(
        format=format,
        src_colorspace=frame.colorspace,
        src_color_range=frame.color_range,
        dst_color_range=2,
    ).to_ndarray()
    if format == "gray":
        pixels = pixels[..., None]
    return np.rot90(pixels, round(frame.rotation / 90))
