"""`recalibrate`: the running sigma of the final model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_svg_lp import compiled_model, random_clips
from tiny_vae import TinyVAE

from tfsigmavae.decoders import OptimalSigma, SharedSigma
from tfsigmavae.models.seeding import explicit_noise

IMAGES = np.random.default_rng(0).random((10, 4, 4, 3)).astype(np.float32)


def _model(scope="batch"):
    model = TinyVAE((4, 4, 3), decoder=OptimalSigma(scope), seed=1)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.fit(IMAGES, verbose=0)
    # A posterior without noise, so that the errors are those of the reconstructions.
    layer = model.encoder.layers[-2]
    layer.bias.assign([0.0, 0.0, -30.0, -30.0])
    layer.kernel.assign(layer.kernel * [1.0, 1.0, 0.0, 0.0])
    model.decoder.running_variance.assign(tf.zeros_like(model.decoder.running_variance))
    return model


@pytest.mark.parametrize("scope", ["batch", "image", "channel"])
def test_sigma_becomes_the_rmse_over_the_data(scope):
    model = _model(scope)
    # Batches of 4, 4 and 2: every image counts alike.
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(4)
    sigma = model.recalibrate(dataset)
    errors = np.float64(IMAGES) - np.float64(model(IMAGES))
    expected = np.mean(errors**2, axis=(0, 1, 2) if scope == "channel" else None)
    np.testing.assert_allclose(model.decoder.sigma, np.sqrt(expected), rtol=1e-4)
    assert sigma == pytest.approx(np.sqrt(np.mean(expected)), rel=1e-4)
    logs = model.evaluate(IMAGES, verbose=0, return_dict=True)
    assert float(logs["sigma"]) == pytest.approx(sigma, rel=1e-5)
    if scope == "batch":  # (D / 2) (ln(2 pi mse) + 1), the optimum
        optimum = 0.5 * 48 * (np.log(2 * np.pi * expected) + 1.0)
        assert float(logs["nll"]) == pytest.approx(optimum, abs=0.01)


def test_nothing_else_changes():
    model = _model()
    before = [np.array(variable) for variable in model.trainable_variables]
    model.recalibrate(IMAGES)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)


def test_an_endless_dataset_is_read_for_so_many_steps():
    model = _model()
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(5).repeat()
    assert model.recalibrate(dataset, steps=2) == pytest.approx(
        _model().recalibrate(IMAGES), rel=1e-5
    )


def test_an_endless_dataset_needs_a_number_of_steps():
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(5).repeat()
    with pytest.raises(ValueError, match="The data is endless: pass `steps`"):
        _model().recalibrate(dataset)


def test_a_video_model_is_recalibrated_with_its_moving_averages():
    model = compiled_model({"optimizer": keras.optimizers.SGD(0.0)})
    clips = random_clips(4, 4, model.frame_shape)
    model.fit(clips, batch_size=2, epochs=3, verbose=0)
    dataset = tf.data.Dataset.from_tensor_slices(clips).batch(2)
    averages = [v for v in model.non_trainable_variables if "moving" in v.path]
    before = [np.array(variable) for variable in averages]
    errors = {}
    for training in (False, True):
        with explicit_noise(model, 0):
            terms = [model.elbo_terms(clips, training) for clips in dataset]
        errors[training] = np.mean([each.squared_error for each in terms])
    # By the batch's own statistics it would be another figure.
    assert abs(errors[True] / errors[False] - 1) > 1e-3
    for variable, value in zip(averages, before, strict=True):
        variable.assign(value)
    with explicit_noise(model, 0):
        sigma = model.recalibrate(dataset)
    # The same noise: float32 sums in another order.
    assert sigma**2 == pytest.approx(errors[False], rel=1e-5)
    assert averages
    for variable, value in zip(averages, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_decoder_without_a_running_sigma_is_left_as_it_is():
    model = TinyVAE((4, 4, 3), decoder=SharedSigma(), seed=1)
    model(IMAGES)
    before = model.get_weights()
    assert model.recalibrate(IMAGES) is None
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match="holds no batch"):
        _model().recalibrate(tf.data.Dataset.from_tensor_slices(IMAGES[:0]).batch(1))
