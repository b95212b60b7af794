"""A training step of the official code: its own `train`."""

from benchmarking import peer
from benchmarking.peer import SCRIPT, check  # noqa: F401 (of every peer)
from benchmarking.work import Work


def make(settings) -> Work:
    """Its step on one batch of clips, which are floats already."""
    torch = peer.start_torch()
    train = peer.load(torch, settings)["train"]
    frames = peer.random_frames(torch, settings)

    def step():
        train(frames)

    return peer.counted_work(step, settings["batch_size"] * settings["num_frames"])
