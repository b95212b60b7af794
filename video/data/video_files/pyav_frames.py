"""From a decoded frame to its pixels as displayed."""

import numpy as np

from tfsigmavae_video.data.video_files.resizing import resize

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


class FrameConverter:
    """Turns the frames of one stream into arrays: colours, upright, square pixels.

    Args:
        pixel_aspect: width / height of a pixel.

    Call arguments:
        frame: `av.VideoFrame`.

    Returns:
        uint8 `[H, W, C]`, C 1 for formats without colour, 4 with alpha, else 3.
    """

    def __init__(self, pixel_aspect):
        from av.video.reformatter import VideoReformatter

        self._pixel_aspect = float(pixel_aspect)
        # One for all frames: making its tables takes longer than a small frame.
        self._reformat = VideoReformatter().reformat
        self._has_matrix, self._matrix = None, None

    def __call__(self, frame):
        format = _pixel_format(frame.format)
        pixels = self._reformat(
            frame,
            format=format,
            src_colorspace=frame.colorspace,
            src_color_range=frame.color_range,
            dst_color_range=_FULL_RANGE,
            interpolation="BICUBIC",  # as FFmpeg, where chroma is enlarged
            threads=1,
        ).to_ndarray()
        if format == "gray":
            pixels = pixels[..., None]
        return _upright(self._with_square_pixels(pixels), self._display_matrix(frame))

    def _display_matrix(self, frame):
        """That of the stream, by its first frame seen; `None` if there is none.

        A frame whose `side_data` was asked for refers to itself: its pixels would stay
        in memory until Python looks for such circles, hundreds of frames later.
        """
        if self._has_matrix is None:
            matrix = frame.side_data.get("DISPLAYMATRIX")
            self._has_matrix = matrix is not None
            if self._has_matrix:
                self._matrix = np.frombuffer(bytes(matrix), "=i4").tolist()
        return self._matrix

    def _with_square_pixels(self, pixels):
        """Widens wide pixels and heightens narrow ones, so that nothing is lost."""
        height, width = pixels.shape[:2]
        height = round(height / min(self._pixel_aspect, 1.0))
        width = round(width * max(self._pixel_aspect, 1.0))
        return resize(pixels, height, width)


def _pixel_format(format):
    if any(component.is_alpha for component in format.components):
        return "rgba"
    is_grey = len(format.components) == 1 and not format.has_palette
    return "gray" if is_grey else "rgb24"


def _upright(pixels, matrix):
    """Turns and mirrors by the display matrix, to the next right angle.

    A pixel (x, y) is shown at (a x + c y, b x + d y). Reference: ISO/IEC 14496-12,
    section 6.2.2.
    """
    if matrix is None:
        return pixels
    a, b, _, c, d = matrix[:5]
    if abs(b) > abs(a):
        pixels = pixels.swapaxes(0, 1)
        a, d = c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
