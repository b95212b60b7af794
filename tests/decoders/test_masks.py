"""Padded steps count neither in the likelihood nor in sigma: as clips without them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.losses import NegativeLogLikelihood
from tfsigmavae.masks import mask_of

each_decoder = pytest.mark.parametrize("name", decoders.names())
LENGTHS = [2, 5, 0]
MASK = np.arange(5) < np.array(LENGTHS)[:, None]
SHAPE = (3, 5, 2, 4, 2)  # three clips of up to five steps


def data(decoder, shape=SHAPE):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(*shape[:-1], decoder.params_size(shape[-1])))
    levels = rng.integers(0, 256, shape, np.uint8)
    return tf.constant(raw, tf.float32), levels


def masked(tensor, mask=MASK):
    tensor = tf.identity(tensor)
    tensor._keras_mask = tf.constant(mask)
    return tensor


def unpadded(decoder, params, levels, score):
    """Of each clip on its own, without its padding."""
    scores = np.zeros(len(LENGTHS), np.float32)
    for i, length in enumerate(LENGTHS):
        if length:
            clip = decoder(params[i : i + 1, :length])
            scores[i] = getattr(clip, score)(levels[i : i + 1, :length])[0]
    return scores


# XLA compiles every decoder in `check_decoder`; the mask is the same code for all: here
# with a state, a mixture and a choice.
XLA = [(name, True) for name in ("optimal_sigma", "logistic_mixture", "categorical")]


@pytest.mark.parametrize(
    ("name", "jit_compile"), [(name, False) for name in decoders.names()] + XLA
)
def test_likelihood_is_that_of_the_clips_without_padding(name, jit_compile):
    decoder = decoders.get(name)
    raw, levels = data(decoder)
    params = decoder.activate(raw)
    scores = ["log_prob"] + ["log_mass"] * (decoder.measure is not None)
    for score in scores:

        def scored(params, score=score):
            return getattr(decoder(masked(params)), score)(levels)

        if jit_compile:
            scored = tf.function(scored, jit_compile=True)
        expected = unpadded(decoder, params, levels, score)
        np.testing.assert_allclose(scored(params), expected, rtol=1e-5)
        assert scored(params)[2] == 0.0
    distribution = decoder(masked(params))
    assert mask_of(distribution) is None, "a loss would leave the steps out again"
    np.testing.assert_array_equal(distribution.mean()[:, :2], decoder(params)[:, :2])


@each_decoder
def test_mask_goes_on_where_time_is_in_the_batch(name):
    decoder = decoders.get(name, event_rank=3)
    raw, levels = data(decoder)
    params = decoder.activate(raw)
    distribution = decoder(masked(params))
    np.testing.assert_array_equal(mask_of(distribution), MASK)
    expected = decoder(params).log_prob(levels)
    np.testing.assert_array_equal(distribution.log_prob(levels), expected)


@each_decoder
def test_activation_keeps_the_mask(name):
    decoder = decoders.get(name)
    raw, _ = data(decoder)
    assert mask_of(decoder.activate(raw)) is None
    np.testing.assert_array_equal(mask_of(decoder.activate(masked(raw))), MASK)


@each_decoder
@pytest.mark.parametrize("event_rank", [None, 3])
def test_padding_has_no_gradient(name, event_rank):
    decoder = decoders.get(name, event_rank=event_rank)
    raw, levels = data(decoder)
    with tf.GradientTape() as tape:
        tape.watch(raw)
        params = masked(decoder.activate(raw))
        log_prob = decoder(params, levels, training=True).log_prob(levels)
        if event_rank:
            log_prob = tf.where(MASK, log_prob, 0.0)
    gradient = tape.gradient(log_prob, raw).numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[~MASK].any() and gradient[MASK].any()


@pytest.mark.parametrize("event_rank", [None, 3])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0], MASK + 0.25])
@pytest.mark.parametrize("scope", ["batch", "channel", "image"])
def test_sigma_is_fitted_to_steps_that_count(scope, weights, event_rank):
    decoder = decoders.OptimalSigma(scope, event_rank=event_rank)
    raw, levels = data(decoder)
    params = decoder.activate(raw)
    decoder(masked(params), levels, training=True, sample_weight=weights)
    error = (levels / 255.0 - np.float64(params)) ** 2
    weights = np.ones(3) if weights is None else np.array(weights)
    full = np.broadcast_to(weights.reshape(3, -1), MASK.shape) * MASK
    if scope == "batch":
        expected = np.average(error.mean((2, 3, 4)), weights=full)
    elif scope == "channel":
        expected = np.average(error.mean((2, 3)), axis=(0, 1), weights=full)
    elif event_rank:
        expected = np.average(error.mean((2, 3, 4)), weights=full)
    else:  # each clip's own, those with a step alike or by their weight
        own = [np.average(error[i].mean((1, 2, 3)), weights=full[i]) for i in (0, 1)]
        of_clips = [full[i][full[i] > 0].mean() for i in (0, 1)]
        expected = np.average(own, weights=of_clips)
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)
    assert decoder.num_updates.numpy() == 1


def test_all_padding_moves_nothing():
    for scope in ("batch", "channel", "image"):
        decoder = decoders.OptimalSigma(scope)
        raw, levels = data(decoder)
        params = masked(decoder.activate(raw), np.zeros_like(MASK))
        log_prob = decoder(params, levels, training=True).log_prob(levels)
        np.testing.assert_array_equal(log_prob, np.zeros(3))
        assert decoder.num_updates.numpy() == 0 and np.all(decoder.sigma == 1.0)


def test_beta_nll_leaves_padding_out():
    for name in ("per_image_sigma", "per_pixel_sigma"):
        decoder = decoders.get(name, beta_nll=0.5)
        raw, levels = data(decoder)
        params = decoder.activate(raw)
        likelihood = decoder(masked(params))
        objective = decoder.objective(None, likelihood, levels)
        for i in (0, 1):
            clip = slice(i, i + 1), slice(LENGTHS[i])
            own = decoder.objective(None, decoder(params[clip]), levels[clip])
            np.testing.assert_allclose(objective[i], own[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "with_target"),
    [(name, True) for name in decoders.names()] + [("categorical", False)],
)
def test_a_model_with_masking_trains_as_on_unpadded_clips(name, with_target, tmp_path):
    steps = np.random.default_rng(1).uniform(0.1, 1.0, (3, 5, 2)).astype(np.float32)
    steps = np.where(MASK[..., None], steps, np.float32(0.0))
    inputs = keras.Input([5, 2])
    decoder = decoders.get(name, name="decoder")
    hidden = keras.layers.Masking()(inputs)
    dense = keras.layers.Dense(decoder.params_size(2), name="dense")
    params = dense(hidden)
    outputs = decoder(params, inputs if with_target else None)
    model = keras.Model(inputs, outputs)
    assert outputs.shape == (None, 5, 2)
    # In a graph where the mask enters a state, eagerly the others.
    eagerly = not decoder.fits_target
    model.compile(
        "sgd", NegativeLogLikelihood(), run_eagerly=eagerly, jit_compile=False
    )
    if not decoder.fits_target or with_target:
        assert np.isfinite(model.fit(steps, steps, verbose=0).history["loss"][0])
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    loss = model.evaluate(steps, steps, verbose=0)
    params = model.get_layer("dense")(steps)
    plain = unpadded(model.get_layer("decoder"), params, steps, "log_prob")
    np.testing.assert_allclose(loss, -plain.mean(), rtol=1e-5)


def test_masks_that_are_none_of_steps_are_refused():
    decoder = decoders.FixedSigma()
    with pytest.raises(ValueError, match="mask of `params` must be one of steps"):
        decoder(masked(tf.zeros([3, 5])))


def test_custom_distributions_say_that_they_cannot_leave_out_steps():
    class Whole(decoders.Decoder):
        def distribution(self, params, target, training):
            normal = super().independent(
                decoders.decoder.tfd.Normal(params, 1.0), params
            )
            return decoders.decoder.tfd.TransformedDistribution(
                normal, decoders.decoder.tfp.bijectors.Identity()
            )

    likelihood = Whole()(masked(tf.zeros(SHAPE)))
    with pytest.raises(TypeError, match="can steps be scored apart.*`event_rank`"):
        likelihood.log_prob(tf.zeros(SHAPE))
