"""Every model trains under XLA on the CPU too, and no step is traced twice."""

import keras
import numpy as np
import pytest
from tiny_svg_lp import random_clips, tiny_model

from tfsigmavae import ConvVAE, HierarchicalVAE

# One row a model: (make, examples), as small as it gets: XLA compiles for seconds.
MODELS = {
    "conv_vae": (
        lambda: ConvVAE((8, 8, 1), latent_size=2, widths=[2, 4], seed=0),
        np.random.default_rng(0).integers(0, 256, [4, 8, 8, 1], np.uint8),
    ),
    "hierarchical_vae": (
        lambda: HierarchicalVAE((8, 8, 1), levels=[(2, 1), (4, 1)], width=2, seed=0),
        np.random.default_rng(0).integers(0, 256, [4, 8, 8, 1], np.uint8),
    ),
    # The larger network and all options that change its step; 16 pixels, for it uses
    # the sub-pixel form from there on. `test_svg_lp.py` compiles the smaller one.
    "svg_lp": (
        lambda: tiny_model(
            frame_shape=(16, 16, 3),
            network="vgg",
            width=2,
            frame_statistics=True,
            remat=True,
        ),
        random_clips(4, 3, (16, 16, 3)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_xla_trains_every_model_and_no_step_is_traced_again(name):
    """In one test, for the trace of a step is what takes long."""
    make, examples = MODELS[name]
    model = make()
    calls = []

    def counted(step):
        def traced(data):
            calls.append(step.__name__)
            return step(data)

        return traced

    model.train_step = counted(model.train_step)
    model.test_step = counted(model.test_step)
    model.compile(keras.optimizers.Adam(1e-4), jit_compile=True)
    assert model.jit_compile is True
    before = [weight.numpy() for weight in model.trainable_weights]
    options = {"batch_size": 2, "verbose": 0, "validation_data": examples[:2]}
    history = model.fit(examples, shuffle=False, **options).history
    pairs = zip(before, model.trainable_weights, strict=True)
    moved = [np.abs(weight - old).max() > 0 for old, weight in pairs]
    assert np.mean(moved) > 0.5  # not all: residual branches start as zeros
    # XLA draws other noise, which shows little in a model that is not trained yet.
    np.testing.assert_allclose(history["loss"], eager_loss(name), rtol=0.1)

    assert set(calls) == {"train_step", "test_step"}
    first = len(calls)
    model.fit(examples, epochs=3, **options)
    model.fit(examples[::-1].copy(), **options)
    assert len(calls) == first


def eager_loss(name):
    """Mean loss of two steps from the same weights, with the same data."""
    make, examples = MODELS[name]
    model = make()
    model.compile(keras.optimizers.Adam(1e-4), run_eagerly=True)
    return model.fit(examples, batch_size=2, shuffle=False, verbose=0).history["loss"]
