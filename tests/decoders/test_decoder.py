"""What all decoders have from their base: events, values, units, refusals."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.decoders.decoder import ContinuousDecoder

ALL = decoders.names()
CONTINUOUS = [n for n in ALL if isinstance(decoders.get(n), ContinuousDecoder)]
each_decoder = pytest.mark.parametrize("name", ALL)
each_continuous = pytest.mark.parametrize("name", CONTINUOUS)


def _raw(decoder, shape, seed=0):
    """Raw outputs of a generator for `[..., C]` pixels or values of that shape."""
    rng = np.random.default_rng(seed)
    size = decoder.params_size(shape[-1])
    return tf.constant(rng.normal(size=(*shape[:-1], size)), tf.float32)


def _levels(shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@each_decoder
@pytest.mark.parametrize("event_rank", [1, 2, 3, 4])
def test_event_rank_divides_the_axes(name, event_rank):
    shape = (2, 3, 2, 4, 2)
    decoder = decoders.get(name, event_rank=event_rank)
    raw, levels = _raw(decoder, shape), _levels(shape)
    distribution = decoder(decoder.activate(raw))
    assert distribution.batch_shape == shape[:-event_rank]
    assert distribution.event_shape == shape[-event_rank:]
    log_prob = distribution.log_prob(levels)
    assert log_prob.shape == shape[:-event_rank]
    # The same as a flat batch of such events.
    flat = decoder(decoder.activate(tf.reshape(raw, [-1, *raw.shape[-event_rank:]])))
    expected = flat.log_prob(levels.reshape(-1, *shape[-event_rank:]))
    np.testing.assert_allclose(tf.reshape(log_prob, [-1]), expected, rtol=1e-5)
    assert decoder.get_config()["event_rank"] == event_rank


@each_decoder
def test_too_few_axes_are_refused(name):
    decoder = decoders.get(name, event_rank=4)
    with pytest.raises(ValueError, match="batch axis before the event"):
        decoder(_raw(decoder, (2, 3, 4, 3)))
    decoder = decoders.get(name)
    with pytest.raises(ValueError, match="batch axis before the event"):
        decoder(tf.zeros([decoder.params_size(1)]))


@pytest.mark.parametrize("event_rank", [0, -1])
def test_an_event_has_an_axis(event_rank):
    with pytest.raises(ValueError, match="`event_rank` must be an int >= 1"):
        decoders.FixedSigma(event_rank=event_rank)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("per_pixel_sigma", 3),
        ("per_image_sigma", 1),
        ("student_t", 4),
        ("categorical", 255),
        ("bitwise_categorical", 12),
        ("logistic_mixture", 31),
    ],
)
def test_channels_of_no_image_are_refused(name, channels):
    words = r"`params` of \w+ must have `params_size\(channels\)`.*got " + str(channels)
    with pytest.raises(ValueError, match=words):
        decoders.get(name)(tf.zeros([2, 4, 4, channels]))


@each_decoder
def test_params_size_has_one_meaning(name):
    decoder = decoders.get(name)
    sizes = [decoder.params_size(channels) for channels in range(1, 8)]
    assert sizes == sorted(set(sizes))
    assert [decoder.num_channels(size) for size in sizes] == list(range(1, 8))


@each_decoder
def test_bits_are_those_of_the_measure(name):
    decoder, nats = decoders.get(name), tf.constant([-10.0, 50.0])
    bits = decoder.bits_per_dim(nats, 12)
    own = nats.numpy() / 12 / math.log(2.0)
    if decoder.measure == "density":
        np.testing.assert_allclose(bits, own + 8.0, rtol=1e-5)
    elif decoder.measure == "mass":
        np.testing.assert_allclose(bits, own, rtol=1e-5)
    else:
        assert bits is None


@each_decoder
def test_the_objective_is_the_likelihood_unless_asked(name):
    nll = tf.zeros([2])
    assert decoders.get(name).objective(nll, None, None) is nll


@each_decoder
def test_only_a_running_sigma_can_be_calibrated(name):
    decoder = decoders.get(name)
    if not decoder.fits_target:
        with pytest.raises(NotImplementedError, match="no running sigma"):
            decoder.calibrate(tf.constant([0.1]))


@each_continuous
def test_real_values_are_unbounded_and_in_their_own_unit(name):
    decoder = decoders.get(name, values="real", event_rank=2)
    raw = _raw(decoder, (4, 5, 3))
    params = decoder.activate(raw)
    np.testing.assert_array_equal(params, raw)  # no sigmoid
    values = np.random.default_rng(1).normal(20.0, 300.0, (4, 5, 3))
    distribution = decoder(params, target=values, training=True)
    np.testing.assert_array_equal(distribution.mean(), raw[..., :3])
    assert np.isfinite(distribution.log_prob(values)).all()
    with pytest.raises(TypeError, match="must be floating"):
        distribution.log_prob(_levels((4, 5, 3)))
    with pytest.raises(TypeError, match="Only pixels have grey levels"):
        distribution.log_mass(values)
    assert decoder.measure is None and decoder.bits_per_dim(1.0, 3) is None
    assert decoder.get_config()["values"] == "real"


@each_continuous
def test_pixels_have_means_in_the_unit_range(name):
    decoder = decoders.get(name)
    raw = 10.0 * _raw(decoder, (2, 4, 5, 3))
    mean = decoder(decoder.activate(raw)).mean()
    expected = 1 / (1 + np.exp(-raw[..., :3].numpy()))
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-7)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must lie in \[0, 1\]"):
        decoder.to_values(tf.fill([2, 4, 5, 3], 20.0))


def test_other_values_are_refused():
    with pytest.raises(ValueError, match="Unknown `values` 'pixel'.*'real'"):
        decoders.FixedSigma(values="pixel")
