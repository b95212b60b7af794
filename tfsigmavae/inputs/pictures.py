"""Pictures, of the formats and sizes that are allowed."""

from typing import Any

from tfsigmavae.inputs.errors import InputError

# Those that Pillow decodes by itself. Others start programs (EPS: Ghostscript) or are
# rare enough to be traps.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# 67 million, 8,192 x 8,192: more than most cameras have.
MAX_PIXELS = 2**26


def open_picture(
    file: Any,
    where: str,
    formats: tuple[str, ...] = FORMATS,
    max_pixels: int = MAX_PIXELS,
    way_out: str = "Make it smaller, or raise `max_pixels`.",
) -> Any:
    """Opens a picture by its head; no pixel is decoded.

    Args:
        file: path of a regular file, see `check_regular`, or binary file.
        where: str, the picture as the message names it, with quotes.
        formats: tuple of Pillow's names of those allowed. Defaults to `FORMATS`.
        max_pixels: int, width times height at most. Defaults to `MAX_PIXELS`. Pillow
            has a bound of its own, twice `PIL.Image.MAX_IMAGE_PIXELS`.
        way_out: str, a sentence for one that is too large.

    Returns:
        `PIL.Image.Image`.

    Raises:
        InputError: if it is of no such format, or too large.
        OSError and what else Pillow raises: if its head is damaged; see `explained`.
    """
    from PIL import Image  # the layers alone need no pictures

    try:
        picture = Image.open(file, formats=formats)
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"{where} cannot be decoded: it is no {', '.join(formats[:-1])} or "
            f"{formats[-1]} picture. Convert it, copy it again, or remove it."
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{where} is too large: {error} {way_out} (PIL.Image.MAX_IMAGE_PIXELS is a "
            "bound of Pillow's own.)"
        ) from error
    width, height = picture.size
    if width * height > max_pixels:
        picture.close()
        raise InputError(
            f"{where} is too large: {width} x {height} pixels, and at most "
            f"{max_pixels:,} are taken. {way_out}"
        )
    return picture
