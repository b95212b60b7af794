"""Actions of a user's own: a table beside the video."""

import pathlib

import numpy as np

from tfsigmavae.inputs import explained, read_array
from tfsigmavae_video.data.csv_tables import begins_with_column_numbers, read_csv
from tfsigmavae_video.data.video_files import VideoError

# What the name of the table has in place of the video's suffix.
ENDS = (".actions.csv", ".actions.npy", ".csv", ".npy")
_WAY_OUT = "Write it again, or leave out the video."


def find_actions(path) -> pathlib.Path:
    """The table beside a video: `x.csv`, `x.npy` or `x.actions.csv` for `x.mp4`.

    Args:
        path: of the video, a file or a folder of pictures.

    Raises:
        VideoError: if there is none, or more than one.
    """
    path = pathlib.Path(path)
    stem = path.name if path.is_dir() else path.stem
    wanted = [path.with_name(stem + end) for end in ENDS]
    found = [file for file in wanted if file.is_file() and file != path]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(repr(file.name) for file in found)
        raise VideoError(f"'{path}' has {names} beside it. Keep one of them.")
    names = ", ".join(repr(file.name) for file in wanted if file != path)
    raise VideoError(f"'{path}' has no actions beside it: one of {names}.")


def read_actions(file, num_frames: int) -> np.ndarray:
    """Reads the actions of one video.

    Row `t` drives frame `t` to frame `t + 1`. So a video of T frames needs T - 1 rows;
    where the file has just these, a row of zeros follows, which leads nowhere.

    Args:
        file: .npy of numbers `[T, A]`, or .csv: one row a line, its numbers separated
            by commas, semicolons or blanks. A first line that is no numbers is a
            header.
        num_frames: T, frames of the video.

    Returns:
        `[T, A]` float32.

    Raises:
        VideoError: if the file is not such a table, has another number of rows, or has
            T rows only with a first line 0, 1, ... that looks like a header.
    """
    read = _read_npy if file.suffix == ".npy" else read_csv
    with explained(f"'{file}'", "cannot be read as actions", _WAY_OUT, VideoError):
        rows = read(file)
    if len(rows) not in (num_frames - 1, num_frames):
        raise VideoError(
            f"'{file}' has {len(rows)} rows of actions, and the video has {num_frames} "
            f"frames: {num_frames - 1} or {num_frames} rows are needed."
        )
    is_csv = file.suffix != ".npy"
    if is_csv and len(rows) == num_frames and begins_with_column_numbers(file):
        raise VideoError(
            f"'{file}' begins with a line that looks like a header, the numbers of the "
            "columns. As actions it would shift all others by a frame: remove it. If "
            "it is the first action, write a line of names above it."
        )
    if not np.isfinite(rows).all():
        raise VideoError(f"'{file}' has actions that are not finite.")
    missing = num_frames - len(rows)
    return np.pad(rows.astype(np.float32), [(0, missing), (0, 0)])


def _read_npy(file):
    rows = read_array(file)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind not in "fiu":
        raise ValueError(
            f"it holds {rows.dtype} {list(rows.shape)}, not numbers [T, A]"
        )
    return rows
