"""Finds the videos under a folder by their names; no file is opened."""

import collections
import os
import pathlib
import re

from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.video_files import is_video

# Lie beside videos everywhere and are not worth a word.
_USUAL = tuple(
    ".bib .cfg .csv .db .doc .docx .html .ini .json .jsonl .log .md .pdf .py .rst .sh "
    ".srt .sub .toml .tsv .txt .url .vtt .xml .yaml .yml".split()
)
_ARRAYS = (".npy", ".npz")
_ACTIONS = ".actions.npy"
# Folders that systems make (macOS, Synology), and what marks our own: a run, a cache.
_SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")
_OUR_MARKS = {"run.json": "a run's folder", "source.json": "a cache's folder"}
# Names by which one folder may be reached, by links; see `tfsigmavae.inputs.walk`.
_MOST_NAMES = 16


def holds_videos(path: PathLike) -> bool:
    """Whether a path is that of a video, or of a folder with videos below: by names."""
    return bool(find_videos(path)[0])


def find_videos(root) -> tuple:
    """The videos of a folder and all folders below, in natural order.

    A folder that holds numbered pictures and nothing else is one video. Hidden files
    and folders are left out, as are the folders of our own runs and caches, and
    actions beside a video: `x.npy` beside `x.mp4`, and any `*.actions.npy`.

    Args:
        root: folder, or path of one video.

    Returns:
        dict of name -> path of the videos, and dict of name -> reason for what else is
        there, without what is usual beside videos (texts, tables, subtitles). Names
        are paths relative to `root`, with slashes.
    """
    root = pathlib.Path(root)
    if is_video(root):
        return {root.absolute().name: root}, {}
    if what := _mark(root):
        return {}, {root.absolute().name: f"is {what}"}
    videos, others = {}, {}
    if root.is_dir():
        _walk(root, "", set(), collections.Counter(), videos, others)
    return tuple(
        {name: found[name] for name in sorted(found, key=natural_order)}
        for found in (videos, others)
    )


def natural_order(name: str) -> list:
    """Sort key that puts a_2.mp4 before a_10.mp4, and a folder's files together."""
    return [
        [int(p) if p.isdecimal() else p for p in re.split(r"([0-9]+)", part)]
        for part in name.split("/")
    ]


def _walk(folder, prefix, above, seen, videos, others):
    """Adds what lies in a folder.

    `above` holds the real paths of those around it, `seen` counts all there were.
    """
    try:
        entries = [e for e in folder.iterdir() if not _is_hidden(e.name)]
    except OSError as error:
        others[prefix.rstrip("/")] = f"cannot be opened: {error.strerror}"
        return
    real = os.path.realpath(folder)
    seen[real] += 1
    link = "a link to itself" if real in above else "one more link to a folder"
    mark = _mark(folder)
    if real in above or mark or seen[real] > _MOST_NAMES:
        others[prefix.rstrip("/")] = f"is {mark or link}"
        return
    stems = {_stem(e) for e in entries if e.suffix.lower() not in _ARRAYS}
    for entry in entries:
        name = prefix + entry.name
        if entry.suffix.lower() == ".npy" and _is_side_car(entry, stems):
            continue
        if is_video(entry):
            videos[name] = entry
        elif entry.is_dir():
            _walk(entry, f"{name}/", above | {real}, seen, videos, others)
        elif entry.suffix.lower() not in _USUAL and entry.suffix:
            others[name] = "is no video that can be read"


def _mark(folder):
    """What a folder of our own is, or `None`."""
    marks = (what for mark, what in _OUR_MARKS.items() if (folder / mark).is_file())
    return next(marks, None)


def _is_hidden(name):
    return name.startswith(".") or name in _SYSTEM_FOLDERS


def _stem(entry):
    """What the names of side-cars begin with; nothing where it is no video."""
    if not is_video(entry):
        return None
    return entry.name if entry.is_dir() else entry.stem


def _is_side_car(entry, stems):
    return entry.name.lower().endswith(_ACTIONS) or entry.stem in stems
