"""Training on a GPU: the same losses as the CPU's, then clips per second.

TensorFloat-32 rounds the factors of convolutions and products to 10 bits. TensorFlow
has it on where a GPU can; here it is on in the variants that say so, and off elsewhere,
as in the gates of all cases.
"""

import keras
import numpy as np
import tensorflow as tf

from benchmarking import svg
from benchmarking.gate import worst
from benchmarking.work import Work
from tfsigmavae import ConvVAE, HierarchicalVAE
from tfsigmavae.video import SVGLP, WarpVRNN

# Mode -> dtype policy, whether TensorFloat-32 is on, and how far the loss may be from
# the CPU's in float32, in nats per dimension: float32 sums in another order (XLA too),
# factors of 10 bits, of 8 bits.
MODES = {
    "float32": ("float32", False, 1e-4),
    "tf32": ("float32", True, 1e-2),
    "bfloat16": ("mixed_bfloat16", False, 2e-2),
}
_MODELS = {
    "ConvVAE": lambda **kw: ConvVAE((28, 28, 3), widths=(16, 32, 64), **kw),
    "HierarchicalVAE": lambda **kw: HierarchicalVAE((32, 32, 3), width=16, **kw),
    "SVGLP": lambda **kw: SVGLP((64, 64, 3), network="dcgan", width=16, **kw),
    "WarpVRNN": lambda **kw: WarpVRNN((32, 32, 3), width=8, **kw),
}
_STEPS = 2


def make(settings) -> Work:
    """A training step of SVG-LP in one of the modes."""
    _check_device(settings)
    _, with_tf32, _ = MODES[settings["mode"]]
    tf.config.experimental.enable_tensor_float_32_execution(with_tf32)
    return svg.make(settings)


def compare(settings) -> dict:
    """Losses of two training steps of every model, mode by mode, beside the CPU's."""
    device, found = _check_device(settings), {}
    for name in _MODELS:
        expected = _losses(name, "CPU:0", "float32", jit_compile=False)
        for mode, (_, _, allowed) in MODES.items():
            for jit_compile in (False, True):
                losses = _losses(name, device, mode, jit_compile)
                label = f"{name}, {mode}{', XLA' if jit_compile else ''}"
                distances = np.abs(np.subtract(losses, expected))
                found[f"loss of {label}"] = (worst(distances), allowed)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return found


def _losses(name, device, mode, jit_compile):
    """Nats per dimension of each step."""
    policy, with_tf32, _ = MODES[mode]
    tf.config.experimental.enable_tensor_float_32_execution(with_tf32)
    with tf.device(device):
        model = _MODELS[name](seed=0, dtype=policy)
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit_compile)
        shape = getattr(model, "image_shape", None) or (6, *model.frame_shape)
        levels = np.random.default_rng(0).integers(0, 256, [4, *shape], np.uint8)
        losses = []
        for _ in range(_STEPS):
            logs = model.train_on_batch(levels, return_dict=True)
            losses.append(logs["loss"] / np.prod(shape))
            model.reset_metrics()
    return losses


def _check_device(settings):
    """The device to train on.

    Raises:
        RuntimeError: if there is no GPU, but in a dry run, which takes what there is.
    """
    if tf.config.list_physical_devices("GPU"):
        return "GPU:0"
    if settings["needs_gpu"]:
        raise RuntimeError(
            "`--case gpu` needs a GPU that TensorFlow sees (pip install "
            "'tensorflow[and-cuda]'); --dry-run tries its programs on a CPU."
        )
    return "CPU:0"
