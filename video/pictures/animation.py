"""Files from clips and pictures: GIF, APNG, WebP, MP4 and still PNG."""

import io
import numbers
import pathlib
from typing import Literal, TypeAlias, get_args

import imageio.v3 as iio
import numpy as np
from PIL import features

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.files import write_bytes
from tfsigmavae.pictures.files import to_pillow, to_uint8, write_png
from tfsigmavae.typing import Array, PathLike
from tfsigmavae_video.pictures.gif import encode_gif

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

# The formats count the time of a frame in 16 bits: of a GIF 655 s, of others 65 s.
_MOST_HELD = 60
_FPS = (0.02, 1000)

write_image = write_png  # a still, by the name that goes with `write_animation`


def write_animation(
    path: PathLike,
    frames: Array,
    fps: float = 10,
    format: Format | None = None,
    palette: Palette = "best",
    hold: float = 0.0,
    tolerance: int = 6,
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
        palette, hold, tolerance: see `encode_animation`.

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
    return write_bytes(
        path, encode_animation(frames, fps, format, palette, hold, tolerance)
    )


def encode_animation(
    frames: Array,
    fps: float = 10,
    format: Format = "gif",
    palette: Palette = "best",
    hold: float = 0.0,
    tolerance: int = 6,
) -> bytes:
    """Encodes a clip as the bytes of an animated file that loops for ever.

    - `"gif"`: grey clips are lossless, and so are frames of up to 256 colours. Others
      store the pixels that have changed by more than `tolerance`, in up to 256 colours
      that are chosen anew for every frame: 2 to 9 s for 30 frames of 700 x 900 pixels.
    - `"apng"`, `"webp"`: lossless, and faster.
    - `"mp4"`: H.264, lossy, 4:2:0, height and width must be even; needs
      `pip install "tfsigmavae[mp4]"`. Whether it loops is the player's choice.

    GIF counts time in 1/100 s, APNG and WebP in 1/1000 s. Frame boundaries are rounded
    to that clock and not the durations, so that 30 frames at 15 per second last 2 s
    in every format. APNG and WebP merge identical neighbouring frames into one that
    lasts longer: it plays alike, but the frames in a file are not those of the clip.

    Args:
        frames: `[T, H, W, C]` with C 1 or 3, uint8 or float in [0, 1].
        fps: frames per second, at most 50 for GIF (browsers slow down faster ones).
            Defaults to `10`.
        format: one of the above. Defaults to `"gif"`.
        palette: `"best"`, or `"fast"` for a coloured GIF in half the time or less, up
            to 2 dB worse. Of no effect on other formats. Defaults to `"best"`.
        hold: float from 0 to 60, seconds for which the last frame is shown before the
            clip begins again; never less than a frame lasts. An mp4 repeats it.
            Defaults to `0`, as long as the others.
        tolerance: int >= 0, for a GIF with many colours: levels of 255 by
            which a pixel may be off before it is drawn anew, see `gif.encode_gif`. With
            0, all that changes is drawn. Defaults to `6`.

    Returns:
        `bytes`.

    Raises:
        TypeError: if `frames` is neither uint8 nor floating.
        ValueError: for another shape, format, frame rate, hold or tolerance, or odd
            sizes in `"mp4"`.
        ImportError: if the format needs a package that is not installed.
    """
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}, got {format!r}."
        )
    check_choice("palette", palette, get_args(Palette))
    low, high = _FPS
    high = 50 if format == "gif" else high
    if not (isinstance(fps, numbers.Real) and low <= fps <= high):
        raise ValueError(
            f"`fps` must be a number from {low} to {_FPS[1]}, and at most 50 in a GIF, "
            f"whose players slow down shorter frames, got {fps!r}."
        )
    if not 0 <= hold <= _MOST_HELD:
        raise ValueError(
            f"`hold` must be a number of seconds from 0 to {_MOST_HELD}, got {hold!r}."
        )
    check_at_least("tolerance", tolerance, 0)
    frames = to_uint8(frames, "frames")
    if frames.ndim != 4 or 0 in frames.shape or frames.shape[-1] not in (1, 3):
        raise ValueError(
            "`frames` must be one clip [T, H, W, C] with at least one frame and C 1 "
            f"or 3, got shape {frames.shape}."
        )
    if format == "mp4":
        num_more = max(0, round(hold * fps) - 1)
        held = np.repeat(frames[-1:], num_more, axis=0)
        return _encode_mp4(np.concatenate([frames, held]), fps)
    durations = _durations(len(frames), fps, tick=10 if format == "gif" else 1)
    durations[-1] = max(durations[-1], 10 * round(100 * hold))
    if format == "gif":
        return encode_gif(frames, durations, palette, tolerance)
    return _encode_with_pillow(frames, durations, format)


def _encode_with_pillow(frames, durations, format):
    pictures = [to_pillow(frame) for frame in frames]
    options: dict[str, dict] = {"apng": {"format": "PNG"}}
    options["webp"] = {"format": "WEBP", "lossless": True}
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
        duration=durations,
        loop=0,
        **options[format],
    )
    return buffer.getvalue()


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
