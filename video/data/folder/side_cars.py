"""Actions of a user's own: a table beside the video."""

import pathlib
import re

import numpy as np

from tfsigmavae_video.data.video_files import VideoError

# What the name of the table has in place of the video's suffix.
ENDS = (".actions.csv", ".actions.npy", ".csv", ".npy")


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
        VideoError: if the file is not such a table, or has another number of rows.
    """
    read = _read_npy if file.suffix == ".npy" else _read_csv
    try:
        rows = read(file)
    except (OSError, ValueError) as error:
        raise VideoError(f"'{file}' cannot be read as actions: {error}.") from error
    if len(rows) not in (num_frames - 1, num_frames):
        raise VideoError(
            f"'{file}' has {len(rows)} rows of actions, and the video has {num_frames} "
            f"frames: {num_frames - 1} or {num_frames} rows are needed."
        )
    if not np.isfinite(rows).all():
        raise VideoError(f"'{file}' has actions that are not finite.")
    missing = num_frames - len(rows)
    return np.pad(rows.astype(np.float32), [(0, missing), (0, 0)])


def _read_npy(file):
    rows = np.load(file, allow_pickle=False)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind not in "fiu":
        raise ValueError(
            f"it holds {rows.dtype} {list(rows.shape)}, not numbers [T, A]"
        )
    return rows


def _read_csv(file):
    lines = file.read_text("utf-8-sig").splitlines()
    lines = {number: line for number, line in enumerate(lines, 1) if line.strip()}
    rows = {number: _numbers(line) for number, line in lines.items()}
    first = next(iter(rows), None)
    if rows and rows[first] is None:  # a header
        del rows[first]
    if not rows:
        raise ValueError("it holds no numbers")
    num_columns = len(next(iter(rows.values())) or [])
    for number, row in rows.items():
        if row is None or len(row) != num_columns:
            raise ValueError(f"line {number} is not {num_columns} numbers")
    return np.array(list(rows.values()))


def _numbers(line):
    """The numbers of a line, or `None`."""
    separator = next((s for s in (",", ";") if s in line), r"\s+")
    try:
        return [float(cell) for cell in re.split(separator, line.strip())]
    except ValueError:
        return None
