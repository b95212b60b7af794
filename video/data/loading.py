"""Opens a data set of clips by its path, whatever kind of data it is."""

import inspect
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from tfsigmavae.typing import PathLike
from tfsigmavae_video.data import softmotion
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.data.folder import VideoFolder, holds_videos
from tfsigmavae_video.data.kth import KTHSource, holds_kth
from tfsigmavae_video.data.moving_mnist import MovingMnistSource, holds_digits
from tfsigmavae_video.data.softmotion import Split
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource
from tfsigmavae_video.data.tfds_bair import TfdsBairSource, find_prepared


class _Kind(NamedTuple):
    """A kind of data.

    Attributes:
        description: what it is, for messages.
        is_held_by: function, whether a path holds it.
        source: (path, split, frame_shape, with_actions, ...) -> `ClipSource`. Those two
            options are what every kind must take: experiments and scripts give them. A
            `frame_shape` other than that of the stored frames must be an error, unless
            frames are made to fit. A kind that can leave out short clips also takes
            `min_frames`.
    """

    description: str
    is_held_by: Callable
    source: Callable


# The first kind that a path holds is taken.
_KINDS = [
    _Kind(
        "softmotion records: one .tfrecords file, or a folder that holds train/ and "
        "test/ with such files (`pushing.write` makes one), or the BAIR archive, "
        "extracted or as a tar",
        softmotion.holds_records,
        SoftmotionSource,
    ),
    _Kind(
        "BAIR as tensorflow-datasets has prepared it (bair_robot_pushing_small)",
        lambda path: path.is_dir() and find_prepared(path) is not None,
        TfdsBairSource,
    ),
    _Kind(
        "KTH: its avi files and 00sequences.txt",
        holds_kth,
        KTHSource,
    ),
    _Kind(
        "Moving MNIST: the files of MNIST or Fashion-MNIST",
        holds_digits,
        MovingMnistSource,
    ),
    _Kind(
        "videos: one file, or a folder with videos in it or in folders below (mp4, "
        "mov, avi, mkv, webm, GIF, animated PNG and WebP, .npy, .npz, folders of "
        "numbered pictures)",
        lambda path: path.is_dir() or holds_videos(path),
        VideoFolder,
    ),
]


def load(
    data: PathLike,
    split: Split = "train",
    min_frames: int | None = None,
    **options: Any,
) -> ClipSource:
    """Opens one split of a data set of clips.

    | `data`                                       | options                          |
    |----------------------------------------------|----------------------------------|
    | one `.tfrecords` file; a folder that holds   | `camera`, `frame_shape`,         |
    | `train/` and `test/` with such files; the    | `num_record_frames`,             |
    | BAIR archive, extracted or as a tar          | `with_actions`, `with_positions` |
    | BAIR of tensorflow-datasets                  | `camera`, `frame_shape`,         |
    |                                              | `with_actions`, `with_positions` |
    | KTH: a folder of its avi files               | `frame_shape`, `min_frames`      |
    | Moving MNIST: a folder of (Fashion-)MNIST's  | `frame_shape`, `num_digits`,     |
    | IDX files                                    | `num_frames`, `max_speed`,       |
    |                                              | `deterministic`, `num_clips`,    |
    |                                              | `seed`, `digit_size`             |
    | a folder of videos, or one video file        | `frame_shape`, `with_actions`,   |
    |                                              | `fit`, `alpha`, `stride`, `fps`, |
    |                                              | `clip_frames`, `cut_shots`,      |
    |                                              | `test_share`, `on_bad`           |

    The options are those of `bair.clips`, `TfdsBairSource`, `KTHSource`,
    `MovingMnistSource` and `VideoFolder`. For example, with `folder` from
    `pushing.write`:

        train = load(folder, "train", with_actions=True)
        batches(train, num_frames=12, batch_size=16, shuffle=True, repeat=True)

    Args:
        data: path of a file or folder, see above.
        split: "train" or "test". One record file has no splits: both give all of it,
            and so does one video.
        min_frames: frames that a clip needs. Shorter videos are left out; records are
            all of one length, and `batches` tells where it is too short.
        **options: see above.

    Returns:
        `ClipSource`.

    Raises:
        FileNotFoundError: if there is nothing at `data`, or no files of `split`.
        TypeError: if an option is unknown.
        ValueError: if `data` is of no kind above, an option is out of its range, or a
            file is damaged.
    """
    path = pathlib.Path(data)
    kind = _kind_of(path)
    allowed = _option_defaults(kind)
    if min_frames is not None and "min_frames" in allowed:
        options["min_frames"] = min_frames
    unknown = [name for name in options if name not in allowed]
    if unknown:
        raise TypeError(
            f"Unknown option {unknown[0]!r} for '{path}'. Allowed: {sorted(allowed)}."
        )
    return kind.source(path, split, **options)


def option_defaults(data) -> dict:
    """Options of the kind of data that a path holds, with their defaults.

    Raises:
        FileNotFoundError: if there is nothing at `data`.
        ValueError: if it is of no kind that `load` opens.
    """
    return _option_defaults(_kind_of(pathlib.Path(data)))


def source_class(data) -> Any:
    """The class of `ClipSource` that opens a path; errors are those of `load`."""
    return _kind_of(pathlib.Path(data)).source


def _kind_of(path):
    supported = "; or ".join(kind.description for kind in _KINDS)
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder '{path}'.")
    kind = next((kind for kind in _KINDS if kind.is_held_by(path)), None)
    if kind is None:
        raise ValueError(f"'{path}' holds no known clips. `data` must be {supported}.")
    return kind


def _option_defaults(kind):
    _, _, *options = inspect.signature(kind.source).parameters.values()  # path, split
    return {option.name: option.default for option in options}
