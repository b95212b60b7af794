"""A training step of WarpVRNN: the model's own, or that of the reference program."""

from benchmarking.cases import SMALL_WARP_VRNN
from benchmarking.flops import reference_warp_training_macs, warp_training_macs
from benchmarking.frame_by_frame_warp_vrnn import FrameByFrameWarpVRNN
from benchmarking.gate import worst
from benchmarking.models import (
    make_warp_vrnn,
    random_clips,
    randomise_weights,
    unguarded,
)
from benchmarking.svg import differences, model_step, naive_step, step_work
from benchmarking.work import Work
from tfsigmavae.math import to_unit_range

_GATE_FRAMES = 5


def make(settings) -> Work:
    """A compiled step on one batch of uint8 clips that stays on the device."""
    model, num_frames = make_warp_vrnn(settings), settings["num_frames"]
    if settings["program"] == "unguarded":
        model = unguarded(model)
    if settings["program"] != "naive":
        program, macs = model_step(model), warp_training_macs(model, num_frames)
    else:
        reference = FrameByFrameWarpVRNN(model)
        program = naive_step(model, reference)
        macs = reference_warp_training_macs(model, num_frames, reference)
    return step_work(program, macs, settings)


def compare(settings) -> dict:
    """The model against the reference program.

    At full size, the loss and the norm of all gradients; of small models of random
    weights every gradient, with the prior of the model and with N(0, 1).
    """
    loss, norms, _ = _differences(make_warp_vrnn(_in_float32(settings)), settings)
    found = {"loss": (loss, 1e-5), "gradient norm": (norms, 1e-3)}
    for name, options in {
        "learned prior": {},
        "N(0, 1), the future alone": {
            "prior": "standard_normal",
            "scored_frames": "future",
        },
    }.items():
        small = _in_float32(settings | SMALL_WARP_VRNN) | {"options": options}
        model = randomise_weights(make_warp_vrnn(small))
        loss, _, gradients = _differences(model, small)
        found[f"loss of a small model, {name}"] = (loss, 1e-5)
        found[f"its every gradient, {name}"] = (worst(gradients), 1e-3)
    return found


def _in_float32(settings):
    return settings | {"precision": "float32"}


def _differences(model, settings):
    frames = random_clips(settings | {"batch_size": 3}, num_frames=_GATE_FRAMES)
    frames = to_unit_range(frames, "frames")
    return differences(model, FrameByFrameWarpVRNN(model), frames)
