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
        lambda: HierarchicalVAE((8, 8, 1), levels=[(2, 2), (4, 1)], width=2, seed=0),
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


def trained(name, **options):
    """Mean loss of two steps, and the model; the same weights and data every time."""
    make, examples = MODELS[name]
    model = make()
    model.compile(keras.optimizers.Adam(1e-4), **options)
    before = [weight.numpy() for weight in model.trainable_weights]
    history = model.fit(examples, batch_size=2, shuffle=False, verbose=0).history
    pairs = zip(before, model.trainable_weights, strict=True)
    moved = [np.abs(weight - old).max() > 0 for old, weight in pairs]
    assert np.mean(moved) > 0.5  # not all: residual branches start as zeros
    return history["loss"][0], model


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_xla_trains_every_model(name):
    loss, model = trained(name, jit_compile=True)
    assert model.jit_compile is True
    # XLA draws other noise, which shows little in a model that is not trained yet.
    expected, _ = trained(name, run_eagerly=True)
    np.testing.assert_allclose(loss, expected, rtol=0.1)


@pytest.mark.parametrize("name", MODELS)
def test_no_step_is_traced_again(name):
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
    model.compile(keras.optimizers.Adam(1e-4), jit_compile=False)
    options = {"batch_size": 2, "verbose": 0, "validation_data": examples[:2]}
    model.fit(examples, **options)
    assert set(calls) == {"train_step", "test_step"}
    first = len(calls)
    model.fit(examples, epochs=3, **options)
    model.fit(examples[::-1].copy(), **options)
    assert len(calls) == first
