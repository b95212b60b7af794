"""What is said of a finished conversion: as JSON, and to people."""

import importlib.metadata

from tfsigmavae.version import __version__
from tfsigmavae_video.data.softmotion import DATASET

_NUM_NAMES_TOLD = 10


def results(plans, state) -> dict:
    """What `dataset.json` says of the clips.

    Args:
        plans: list of `SplitPlan`.
        state: `StateFolder` in which all of their shards are done.

    Raises:
        ValueError: if no clip of a split can be read.
    """
    fields = plans[0].source.fields.items()
    return {
        "fields": {field: [*shape] for field, (shape, _) in fields},
        "is_held_out": all(plan.source.is_held_out for plan in plans),
        "fps": {plan.split: plan.fps for plan in plans},
        "splits": {plan.split: _result(plan, state) for plan in plans},
    }


def _result(plan, state):
    bad = {}
    for shard in plan.shards:
        for number, (reason, count) in state.bad_pieces(shard).items():
            first, before = bad.get(number, (reason, 0))
            bad[number] = (first, before + count)
    unread = {
        plan.clip_name(number): f"{reason} ({count} clips left out)"
        for number, (reason, count) in bad.items()
    }
    num_clips = plan.num_pieces - sum(count for _, count in bad.values())
    if not num_clips:
        name, reason = next(iter(unread.items()))
        raise ValueError(
            f"No clip of {plan.split!r} can be read. {name}: {reason}. Mend the data, "
            f"and delete '{state.path}'."
        )
    return {
        "clips": num_clips,
        "frames": num_clips * plan.num_frames,
        "files": sum(state.file(shard).is_file() for shard in plan.shards),
        "rest_frames": plan.num_rest_frames,
        "skipped": plan.skipped | unread,
    }


def summary(split, told, num_frames) -> str:
    """Some lines for people, of a split's `results`."""
    rest = f"; {told['rest_frames']:,} frames at the ends of videos are left over"
    lines = [
        f"{split}: {told['clips']:,} clips of {num_frames} frames in "
        f"{told['files']:,} files{rest if told['rest_frames'] else ''}."
    ]
    if skipped := told["skipped"]:
        lines.append(f"  Left out ({len(skipped):,}, all of them in {DATASET}):")
        rows = list(skipped.items())[:_NUM_NAMES_TOLD]
        lines += [f"    {name}: {reason}" for name, reason in rows]
    return "\n".join(lines)


def versions() -> dict:
    """Of what decides the bytes of the files."""
    found: dict[str, str | None] = {"tfsigmavae": __version__}
    for package in ("av", "numpy", "pillow"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found
