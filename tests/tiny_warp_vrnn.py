"""Small WarpVRNN models and clips for tests."""

import keras
import numpy as np
from benchmarking.models import randomise_weights

from tfsigmavae.video import WarpVRNN

TINY_WARP = {
    "frame_shape": (8, 8, 1),
    "num_context": 2,
    "latent_size": 2,
    "width": 2,
    "depth": 2,
    "seed": 0,
}


def tiny_model(**changes):
    return WarpVRNN(**{**TINY_WARP, **changes})


def compiled_model(compile_options=None, **changes):
    """A compiled tiny model. Eager unless asked otherwise: tracing takes seconds."""
    model = tiny_model(**changes)
    options = {"optimizer": keras.optimizers.Adam(1e-3), "run_eagerly": True}
    model.compile(**options | (compile_options or {}))
    return model


def awake_model(seed=1, **changes):
    """Weights that show in the outputs: flows of some pixels, masks that differ."""
    model = randomise_weights(tiny_model(**changes), seed)
    # The outputs are scaled by 4: else sigmoids and flows stand at their ends.
    kernel = model.networks.generator.output_layer.kernel
    kernel.assign(0.3 * kernel)
    return model


def smooth_clips(num_clips=2, num_frames=5, frame_shape=(8, 8, 1), seed=0):
    """Clips of blobs that wander, uint8 `[B, T, H, W, C]`: flows have a use."""
    rng = np.random.default_rng(seed)
    height, width, channels = frame_shape
    rows, columns = np.mgrid[:height, :width]
    start = rng.uniform(1, min(height, width) - 1, [num_clips, 1, 2, channels])
    steps = rng.uniform(-1.5, 1.5, [num_clips, num_frames, 2, channels])
    places = start + np.cumsum(steps, axis=1)
    y, x = (places[:, :, i, np.newaxis, np.newaxis] for i in (0, 1))
    distance = (rows[..., np.newaxis] - y) ** 2 + (columns[..., np.newaxis] - x) ** 2
    pixels = 40 + 180 * np.exp(-distance / 4) + rng.uniform(0, 30, distance.shape)
    return pixels.astype(np.uint8)


def inputs_of(model, num_clips=2, num_frames=5):
    """What the model takes; its clips; and actions, or `None` if it takes none."""
    clips = smooth_clips(num_clips, num_frames, model.frame_shape)
    if not model.action_size:
        return clips, clips, None
    shape = [num_clips, num_frames, model.action_size]
    actions = np.random.default_rng(5).normal(size=shape)
    actions = actions.astype(model.decoder.compute_dtype)
    return {"frames": clips, "actions": actions}, clips, actions
