"""Small SVG-LP models and clips for tests."""

import keras
import numpy as np
from benchmarking.models import randomise_weights  # noqa: F401 (for tests)

from tfsigmavae.video import SVGLP

TINY = {
    "frame_shape": (8, 8, 3),
    "num_context": 2,
    "latent_size": 3,
    "network": "dcgan",
    "code_size": 6,
    "hidden_size": 5,
    "width": 4,
    "seed": 0,
}


def tiny_model(**changes):
    return SVGLP(**{**TINY, **changes})


def compiled_model(compile_options=None, **changes):
    """A compiled tiny model. Eager unless asked otherwise: tracing takes seconds."""
    model = tiny_model(**changes)
    options = {"optimizer": keras.optimizers.Adam(1e-3), "run_eagerly": True}
    model.compile(**options | (compile_options or {}))
    return model


def random_clips(num_clips=2, num_frames=5, frame_shape=TINY["frame_shape"], seed=0):
    """uint8 clips of noise, `[B, T, H, W, C]`."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, [num_clips, num_frames, *frame_shape], np.uint8)
