"""Converts a data set of clips: opens it, plans, writes on all cores."""

import concurrent.futures
import copy
import os
import pathlib
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tfsigmavae.checks import check_at_least
from tfsigmavae.progress import Progress
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.data.conversion.options import (
    besides_defaults,
    complete,
    defaults_of,
)
from tfsigmavae_video.data.conversion.plan import SplitPlan
from tfsigmavae_video.data.conversion.report import results, summary, versions
from tfsigmavae_video.data.conversion.shard_writer import ShardWriter
from tfsigmavae_video.data.conversion.state_folder import StateFolder
from tfsigmavae_video.data.loading import load
from tfsigmavae_video.data.softmotion import SPLITS, check_split

_SECONDS_BETWEEN_LOOKS = 0.2


def convert_clips(
    data: PathLike | Mapping[str, ClipSource],
    output: PathLike,
    num_frames: int = 30,
    splits: Sequence[str] = SPLITS,
    workers: int | None = None,
    progress: bool = True,
    **options: Any,
) -> dict:
    """Converts videos, or any other clips, into records that are fast to read.

    Each clip is cut into pieces of `num_frames`, from its first frame on. They are
    written as `output/train/*.tfrecords` and `output/test/*.tfrecords`, in the layout
    of BAIR robot pushing, and `load_clips(output)` reads them. What cannot be read is
    left out, named and counted in `output/dataset.json`.

    A conversion that was stopped or killed goes on where it was when it is called again
    with the same arguments; until then its files are in `output.partial`. The files are
    the same to the byte, with any number of workers. A complete one is left as it is;
    whether the data have changed since is told.

    Workers are threads: decoders, resizing and TensorFlow do not hold the interpreter,
    and a process of its own would need 0.6 GB for TensorFlow alone.

    Args:
        data: path of a folder or file, as for `load_clips`; or dict, "train" and "test"
            -> `ClipSource`.
        output: folder to make.
        num_frames: frames of a clip that is written.
        splits: which of "train" and "test".
        workers: threads that read and write. Defaults to `None`, one for each core.
        progress: whether to tell on stderr how far it is, and what was done.
        **options: those of `load_clips` for such data, e.g. `frame_shape`, `fit`,
            `fps`.

    Returns:
        dict, the content of `output/dataset.json`: "options" (those that are not the
        defaults), "fields" (name -> shape of one frame), "is_held_out" (see
        `ClipSource`), "fps" (split -> frames per second, the median of the clips, or
        `None` where unknown) and "splits" with the number of "clips", "frames", "files"
        and "rest_frames" (those at the ends of clips that do not fill a piece), and
        what was "skipped", name -> reason.

    Raises:
        FileExistsError: if `output` holds anything else, or an unfinished conversion
            with other options or of data that changed.
        BlockingIOError: if another process converts to `output`.
        ValueError: on an argument out of its range, if no clip is long enough or can be
            read, if the disk is too full, or if the data change meanwhile.
        KeyboardInterrupt: on Ctrl-C, when the workers have ended.

    Example:
        >>> convert_clips("my_videos/", "data/mine", num_frames=30, fps=10)
        >>> train = load_clips("data/mine", "train")
    """
    check_at_least("num_frames", num_frames, 1)
    workers = _available_cores() if workers is None else workers
    check_at_least("workers", workers, 1)
    splits = _checked_splits(splits)
    output = pathlib.Path(output)
    defaults = defaults_of(data, num_frames)
    chosen = {"data": _name_of(data), "num_frames": num_frames, "splits": splits}
    chosen |= besides_defaults(options, defaults)

    def plan():
        given = {"min_frames": num_frames, **options}
        sources = {split: _open(data, split, given) for split in splits}
        return [SplitPlan(*which, num_frames) for which in sources.items()]

    if (dataset := complete(output, chosen, defaults)) is not None:
        _say(progress, f"'{output}' is complete.")
        _say_if_changed(progress, dataset, plan)
        return dataset
    plans = plan()
    facts = {"options": chosen, "versions": versions(), "origin": _origin(plans)}
    state = StateFolder(output, facts)
    with state.locked():
        # Another process may have made it since.
        if (dataset := complete(output, chosen, defaults)) is not None:
            _say(progress, f"'{output}' is complete.")
            return dataset
        if not state.is_complete:
            _write(plans, state, workers, progress)
            _check_unchanged(plans, facts["origin"], state)
            dataset = facts | results(plans, state)
        dataset = state.finish(dataset)
    for split, told in dataset["splits"].items():
        _say(progress, summary(split, told, num_frames))
    return dataset


def _open(data, split, options) -> Any:
    source: Any = (
        data[split] if isinstance(data, dict) else load(data, split, **options)
    )
    if getattr(source, "on_bad", "raise") != "raise":
        source = copy.copy(source)  # the caller's own stays as it is
        source.on_bad = "raise"  # another clip in its place would be there twice
    return source


def _origin(plans):
    return {plan.split: plan.origin() for plan in plans}


def _check_unchanged(plans, origin, state):
    """Some clips would be those of the old files, and others those of the new."""
    try:
        changed = _origin(plans) != origin
    except FileNotFoundError:
        changed = True
    if changed:
        raise ValueError(
            "The videos or their files changed while they were converted. Delete "
            f"'{state.path}', and convert them again when nothing writes to them."
        )


def _say_if_changed(progress, dataset, plan):
    try:
        if _origin(plan()) == dataset["origin"]:
            return
        what = "The data have changed since"
    except (OSError, ValueError) as error:
        what = f"Its data cannot be opened any more ({error})"
    way_out = "to convert them anew, choose another `output`, or delete this one."
    _say(progress, f"{what}: {way_out}")


def _write(plans, state, workers, progress):
    """Writes all shards that are not done; Ctrl-C or an error ends the workers."""
    todo = [(p, s) for p in plans for s in p.shards if not state.is_done(s)]
    left = sum(len(shard.pieces) for _, shard in todo)
    total = sum(plan.num_pieces for plan in plans)
    _check_room(plans, state.path, left / total)
    if left < total:
        _say(progress, f"Going on with '{state.path}'.")
    bar = Progress(total, "clips", done=total - left, quiet=not progress)
    stop = threading.Event()
    writers = {plan.split: ShardWriter(plan, bar.add, stop.is_set) for plan in plans}

    def write(shard):
        state.note(shard, writers[shard.split](shard, state.file(shard)))

    pool = concurrent.futures.ThreadPoolExecutor(workers)
    try:
        running = {pool.submit(write, shard) for _, shard in todo}
        while running:
            done, running = concurrent.futures.wait(running, _SECONDS_BETWEEN_LOOKS)
            for future in done:
                future.result()
            bar.show()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        bar.close()


def _check_room(plans, path, share):
    needed = share * sum(plan.num_bytes for plan in plans)
    room = shutil.disk_usage(path).free
    if needed > room:
        raise ValueError(
            f"The records need {needed / 1e9:.3g} GB, and {room / 1e9:.3g} GB are free "
            f"in '{path.parent}'. Name another `output`, or smaller frames."
        )


def _checked_splits(splits):
    splits = [splits] if isinstance(splits, str) else list(splits)
    for split in splits:
        check_split(split)
    if not splits or len(set(splits)) < len(splits):
        raise ValueError(f"`splits` must name each split once, got {splits}.")
    return splits


def _name_of(data):
    if isinstance(data, dict):
        return {split: source.name for split, source in data.items()}
    return str(pathlib.Path(data).absolute())


def _available_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _say(progress, line):
    if progress:
        print(line, file=sys.stderr, flush=True)
