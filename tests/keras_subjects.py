"""Small models of every kind, for tests of what people do with a Keras model."""

import dataclasses

import keras
import numpy as np
from drifting_model import DriftingModel
from tiny_svg_lp import TINY
from tiny_vae import TinyVAE
from tiny_warp_vrnn import TINY_WARP

from tfsigmavae.models import ConvVAE, HierarchicalVAE
from tfsigmavae.video import SVGLP, WarpVRNN


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model that people may put their hands on, and data that it trains on.

    Attributes:
        kind: class of the model.
        options: constructor arguments that make it small.
        shape: shape of an example; the first axis of a clip is free.
        parts: attributes that `summary` has to show.
    """

    kind: type
    options: dict
    shape: tuple
    parts: tuple

    def make(self, **options):
        return self.kind(**{"seed": 0, **self.options, **options})

    def data(self, num=4, seed=0):
        """uint8 `[num, *shape]`."""
        rng = np.random.default_rng(seed)
        return rng.integers(0, 256, [num, *self.shape], np.uint8)

    def compiled(self, optimizer=None, run_eagerly=True, dtype=None, **compile_options):
        """Eager unless asked otherwise: tracing takes seconds."""
        model = self.make(**({"dtype": dtype} if dtype else {}))
        model.compile(
            keras.optimizers.Adam(1e-3) if optimizer is None else optimizer,
            run_eagerly=run_eagerly,
            **compile_options,
        )
        return model


class BuiltTinyVAE(TinyVAE):
    """Makes all its weights in its constructor, as `VariationalModel` advises."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, *self.generator.output_shape[1:]])
        self.built = True


keras.saving.register_keras_serializable(package="tests")(BuiltTinyVAE)

SUBJECTS = {
    "ConvVAE": Subject(
        ConvVAE,
        {"image_shape": (8, 8, 1), "latent_size": 2, "widths": (3, 4)},
        shape=(8, 8, 1),
        parts=("encoder", "generator", "decoder"),
    ),
    "HierarchicalVAE": Subject(
        HierarchicalVAE,
        {"image_shape": (8, 8, 1), "levels": ((4, 1),), "width": 4},
        shape=(8, 8, 1),
        parts=("output_network", "decoder"),
    ),
    "SVGLP": Subject(
        SVGLP,
        TINY,
        shape=(4, *TINY["frame_shape"]),
        parts=(
            "networks.encoder",
            "networks.generator",
            "networks.predictor",
            "networks.posterior",
            "networks.prior",
            "decoder",
        ),
    ),
    "WarpVRNN": Subject(
        WarpVRNN,
        TINY_WARP,
        shape=(3, *TINY_WARP["frame_shape"]),
        parts=(
            "networks.encoder",
            "networks.generator",
            "networks.posterior",
            "networks.prior",
            "decoder",
        ),
    ),
    # As users write them.
    "VariationalModel": Subject(
        BuiltTinyVAE, {}, shape=(4, 4, 1), parts=("encoder", "generator", "decoder")
    ),
    "VideoModel": Subject(
        DriftingModel,
        {"frame_shape": (4, 4, 1)},
        shape=(3, 4, 4, 1),
        parts=("decoder",),
    ),
}
