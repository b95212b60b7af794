"""Files from clips and pictures: GIF, APNG, WebP, MP4 and still PNG."""

import io
import pathlib
from typing import Literal, TypeAlias, get_args

import imageio.v3 as iio
import numpy as np
from PIL import Image, features

from tfsigmavae.checks import check_choice
from tfsigmavae.files import write_bytes
from tfsigmavae.pictures.files import to_pillow, to_uint8, write_png
from tfsigmavae.typing import Array, PathLike

Format: TypeAlias = Literal["apng", "gif", "mp4", "webp"]
Palette: TypeAlias = Literal["best", "fast"]
_FORMAT_OF_SUFFIX: dict[str, Format] = {
    ".gif": "gif",
    ".png": "apng",
    ".apng": "apng",
    ".webp": "webp",
    ".mp4": "mp4",
}
FORMATS = get_args(Format)

write_image = write_png  # a still, by the name that goes with `write_animation`


def write_animation(
    path: PathLike,
    frames: Array,
    fps: float = 10,
    format: Format | None = None,
    palette: Palette = "best",
) -> pathlib.Path:
    """Writes a clip as an animated file, whole or not at all.

    The bytes go to a temporary name in the same folder, which then replaces `path` in
    one step: a reader, or an interrupted run, never meets half a file. A missing
    parent folder is made. The formats are described at `encode_animation`.

    Args:
        path: file to write; an existing one is replaced.
        frames: `[T, H, W, C]` with C 1 or 3, uint8 or float in [0, 1].
        fps: frames per second. Defaults to `10`.
        format: `"gif"`, `"apng"`, `"webp"` or `"mp4"`. Defaults to `None`: chosen by
            the suffix of `path` (`.gif`, `.png` or `.apng`, `.webp`, `.mp4`).
        palette: `"best"` or `"fast"`, see `encode_animation`. Defaults to `"best"`.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        ValueError: if the format is not known, or for what `encode_animation`
            refuses.
        ImportError: if the format needs a package that is not installed.

    Example:
        >>> write_animation("runs/first/samples/clip.gif", clip, fps=10)
    """
    path = pathlib.Path(path)
    if format is None:
        format = _FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if format is None:
        raise ValueError(
            f"`path` must end in one of {', '.join(_FORMAT_OF_SUFFIX)}, got "
            f"{path.name!r}. Rename it or pass `format`."
        )
    return write_bytes(path, encode_animation(frames, fps, format, palette))


def encode_animation(
    frames: Array, fps: float = 10, format: Format = "gif", palette: Palette = "best"
) -> bytes:
    """Encodes a clip as the bytes of an animated file that loops for ever.

    - `"gif"`: grey clips are lossless. Colour is reduced to 256 colours, chosen anew
      for every frame; a frame with fewer colours is kept exactly. The choice takes
      time: about 10 s for 30 frames of 700 x 900 pixels, 0.4 s for 30 of 64 x 64.
    - `"apng"`, `"webp"`: lossless, and faster.
    - `"mp4"`: H.264, lossy, 4:2:0, height and width must be even; needs
      `pip install "tfsigmavae[mp4]"`. Whether it loops is the player's choice.

    GIF counts time in 1/100 s, APNG and WebP in 1/1000 s. Frame boundaries are rounded
    to that clock and not the durations, so that 30 frames at 15 per second last 2 s
    in every format. Writers merge identical neighbouring frames into one that lasts
    longer: it plays alike, but the frames in a file are not the frames of the clip.

    Args:
        frames: `[T, H, W, C]` with C 1 or 3, uint8 or float in [0, 1].
        fps: frames per second, at most 50 for GIF (browsers slow down faster ones).
            Defaults to `10`.
        format: one of the above. Defaults to `"gif"`.
        palette: `"best"`, or `"fast"` for a coloured GIF in about a hundredth of the
            time: some 3 dB worse, and few colours are not kept exactly. Of no effect on
            other formats. Defaults to `"best"`.

    Returns:
        `bytes`.

    Raises:
        TypeError: if `frames` is neither uint8 nor floating.
        ValueError: for another shape, format or frame rate, or odd sizes in `"mp4"`.
        ImportError: if the format needs a package that is not installed.
    """
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}, got {format!r}."
        )
    check_choice("palette", palette, get_args(Palette))
    if not fps > 0 or (format == "gif" and fps > 50):
        raise ValueError(
            "`fps` must be positive, and at most 50 in a GIF, whose players slow down "
            f"shorter frames, got {fps!r}."
        )
    frames = to_uint8(frames, "frames")
    if frames.ndim != 4 or 0 in frames.shape or frames.shape[-1] not in (1, 3):
        raise ValueError(
            "`frames` must be one clip [T, H, W, C] with at least one frame and C 1 "
            f"or 3, got shape {frames.shape}."
        )
    if format == "mp4":
        return _encode_mp4(frames, fps)
    return _encode_with_pillow(frames, fps, format, palette)


def _encode_with_pillow(frames, fps, format, palette):
    pictures = [to_pillow(frame) for frame in frames]
    options: dict[str, dict] = {"apng": {"format": "PNG"}, "gif": {"format": "GIF"}}
    options["webp"] = {"format": "WEBP", "lossless": True}
    if format == "gif" and frames.shape[-1] == 3:
        pictures = [_reduce_colours(picture, palette) for picture in pictures]
    if format == "webp" and not features.check("webp"):
        raise ImportError(
            "This Pillow was built without WebP. Reinstall it with "
            '`pip install --force-reinstall pillow`, or write "gif" or "apng".'
        )
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        save_all=True,
        append_images=pictures[1:],
        duration=_durations(len(frames), fps, tick=10 if format == "gif" else 1),
        loop=0,
        **options[format],
    )
    return buffer.getvalue()


def _reduce_colours(picture, palette):
    if palette == "fast":
        return picture.quantize(
            256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
    # Measured on 64x64 films and on sheets of 24 tiles: maximum coverage refined by
    # k-means gives 2 to 3.5 dB more than Pillow's own choice (median cut) in a file
    # up to a fifth smaller. One palette for the whole clip is 0.4 to 1.9 dB worse on
    # films, even on sheets, and loses what a palette of its own keeps exactly. Pillow
    # can apply a given palette only by a coarse lookup: up to 7 dB worse. Dithering
    # would flicker.
    return picture.quantize(
        256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )


def _durations(num_frames, fps, tick):
    """Milliseconds of each frame, multiples of `tick`, without a growing error."""
    ends = [round(1000 * t / (fps * tick)) * tick for t in range(num_frames + 1)]
    return [end - start for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _encode_mp4(frames, fps):
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise ValueError(
            f"`frames` of an mp4 must have even height and width, got {height}x{width}."
            ' Crop or pad them, or write "webp".'
        )
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'Writing mp4 needs PyAV: `pip install "tfsigmavae[mp4]"`.'
        ) from error
    return iio.imwrite(
        "<bytes>",
        np.broadcast_to(frames, (*frames.shape[:-1], 3)),
        extension=".mp4",
        plugin="pyav",
        codec="libx264",
        fps=float(fps),
    )
