"""Pictures that a page holds within itself."""

import base64
import mimetypes
import pathlib
from typing import NamedTuple

from tfsigmavae.typing import PathLike


class Picture(NamedTuple):
    """A picture of the report.

    Args:
        title: heading.
        alt: what is to be seen, for those who do not see it.
        data: content of the file.
        media_type: `"image/gif"`, `"image/png"` or `"image/webp"`.
        group: heading that it stands under together with others. Defaults to none.
        text: caption. Defaults to none.
        run: title of the evaluation that it belongs to, where there are several.
            Defaults to none.
    """

    title: str
    alt: str
    data: bytes
    media_type: str
    group: str = ""
    text: str = ""
    run: str = ""

    @property
    def uri(self) -> str:
        """The picture as the address of an HTML `img`."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


def read_picture(
    path: PathLike, title: str, alt: str = "", group: str = "", text: str = ""
) -> Picture:
    """Reads a picture for the report.

    Args:
        path: GIF, PNG or WebP file.
        title, group, text: see `Picture`.
        alt: see `Picture`. Defaults to the title.

    Returns:
        `Picture`.

    Raises:
        ValueError: if the name does not end as that of a picture does.
    """
    path = pathlib.Path(path)
    media_type, _ = mimetypes.guess_type(path.name)
    if media_type is None or not media_type.startswith("image/"):
        raise ValueError(f"`path` must be a .png, .gif or .webp file, got '{path}'.")
    return Picture(title, alt or title, path.read_bytes(), media_type, group, text)
