"""Reading clips: the pipeline alone, on files of BAIR's layout and record size."""

import itertools
import pathlib

import numpy as np

from benchmarking.gate import largest, worst
from benchmarking.work import Work, wait_until_idle
from tfsigmavae.video import bair, write_shards

_OPTIONS = {"shuffle": True, "repeat": True, "seed": 0}


def make(settings) -> Work:
    """Batches of clips, which nobody uses."""
    if settings.get("prepare"):  # where the gate is of another module
        prepare(settings)
    batches = iter(_batches(settings))

    def run(num_steps):
        for batch in itertools.islice(batches, num_steps):
            batch.shape  # noqa: B018 (it is there)

    # A pipeline reads ahead. Each turn begins and ends with its buffers full, so that
    # it makes as many batches as it gives.
    return Work(
        run,
        items=settings["batch_size"] * settings["num_frames"],
        settle=wait_until_idle,
    )


def prepare(settings) -> None:
    """Writes the files, once for all processes of a case."""
    root = pathlib.Path(settings["folder"]) / "clips"
    size, rng = settings["frame_size"], np.random.default_rng(0)
    shape = [settings["record_frames"], size, size, 3]

    def episode():
        frames, second_view = rng.integers(0, 256, [2, *shape], np.uint8)
        return {"frames": frames, "second_view": second_view}

    number = settings["num_records"]
    write_shards(root, "train", (episode() for _ in range(number)), number // 4)


def _batches(settings):
    return bair.clips(
        pathlib.Path(settings["folder"]) / "clips",
        num_frames=settings["num_frames"],
        batch_size=settings["batch_size"],
        frame_shape=(settings["frame_size"], settings["frame_size"], 3),
        **_OPTIONS | settings["reading"],
    )


def compare(settings) -> dict:
    """Batches of two passes and more, from the records and out of the cache."""
    prepare(settings)
    num_batches = 2 * settings["num_records"] // settings["batch_size"] + 1
    differences = {}
    for windows in ("first", "random"):
        read, cached = (
            _batches(settings | {"reading": {"windows": windows, **more}})
            for more in ({}, {"cache": "memory"})
        )
        pairs = zip(read.take(num_batches), cached, strict=False)
        difference = worst(largest(one, two) for one, two in pairs)
        differences[f"cached batches, windows {windows}"] = (difference, 0.0)
    return differences
