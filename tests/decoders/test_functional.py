"""Decoders in functional models: any of them, by the same lines."""

import keras
import numpy as np
import pytest

import tfsigmavae as sv


def functional(decoder):
    pixels = keras.Input([6, 6, 1])
    channels = decoder.params_size(1)
    raw = keras.layers.Dense(36 * channels)(keras.layers.Flatten()(pixels))
    params = decoder.activate(keras.layers.Reshape([6, 6, channels])(raw))
    model = keras.Model(pixels, decoder(params, target=pixels))
    model.compile(keras.optimizers.Adam(0.03), loss=sv.NegativeLogLikelihood())
    return model


@pytest.mark.parametrize("name", sv.decoders.names())
def test_a_functional_model_learns_and_is_saved(name, tmp_path):
    keras.utils.set_random_seed(0)
    options = {"sigma": 0.1} if name == "fixed_sigma" else {}
    model = functional(sv.decoders.get(name, **options))
    pixels = np.random.default_rng(0).random([32, 6, 6, 1], "float32")
    losses = model.fit(pixels, pixels, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    means = model.predict(pixels, verbose=0)
    assert 0 <= means.min() and means.max() <= 1  # pixels
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(pixels, verbose=0), means)


@pytest.mark.parametrize("name", sv.decoders.names())
def test_it_is_the_activation_of_models(name):
    """Of a symbolic tensor as of one with values."""
    decoder = sv.decoders.get(name)
    raw = np.random.default_rng(1).normal(size=[2, 6, 6, decoder.params_size(1)])
    inputs = keras.Input(raw.shape[1:])
    symbolic = keras.Model(inputs, decoder.activate(inputs))
    expected = decoder.activate(keras.ops.cast(raw, "float32"))
    np.testing.assert_allclose(symbolic(raw), expected, rtol=1e-6)
