"""Finding decoders by name, with options."""

import pytest
import tensorflow as tf

from tfsigmavae import decoders


def test_options_reach_the_decoder():
    assert decoders.get("fixed_sigma", sigma=0.3).sigma == 0.3
    decoder = decoders.get("optimal_sigma_per_image", momentum=0.5)
    assert (decoder.scope, decoder.momentum) == ("image", 0.5)
    assert decoders.get("optimal_sigma_per_channel").scope == "channel"
    assert decoders.get("logistic_mixture", num_mixtures=3).num_mixtures == 3


@pytest.mark.parametrize("name", decoders.names())
def test_options_of_the_bases_reach_every_decoder(name):
    decoder = decoders.get(name, event_rank=2, name="mine")
    assert (decoder.event_rank, decoder.name) == (2, "mine")


def test_unknown_options_are_named():
    with pytest.raises(TypeError, match="'shared_sigma' has no option.*momentum"):
        decoders.get("shared_sigma", momentum=0.5)
    with pytest.raises(TypeError, match="name of a decoder only"):
        decoders.get(decoders.SharedSigma(), initial_sigma=0.5)


def test_probability_is_that_of_the_log():
    decoder = decoders.FixedSigma(0.5)
    pixels = tf.fill([2, 1, 1, 1], 0.25)
    distribution = decoder(pixels)
    # exp(-0) / (0.5 * sqrt(2 pi))
    assert distribution.prob(pixels).numpy() == pytest.approx([0.7978846] * 2)
    with pytest.raises(ValueError, match="batch shape plus event shape"):
        distribution.prob(pixels[:1])


def test_momentum_next_to_one_keeps_sigma_finite():
    decoder = decoders.OptimalSigma(momentum=1 - 1e-9)
    zeros = tf.zeros([1, 2, 2, 1])
    for level in (0.2, 0.4):
        decoder(zeros, target=zeros + level, training=True)
    # The plain mean of the two variances.
    assert decoder.sigma.numpy() == pytest.approx(0.1**0.5, rel=1e-5)
