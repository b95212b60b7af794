"""Calibration of p(x | z): synthetic Gaussians whose answers are known."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import assert_samples_follow

from tfsigmavae import decoders
from tfsigmavae.calibration import (
    coverage,
    distribution_statistics,
    distribution_summary,
    pit,
    pit_histogram,
    sigma_ratio,
)

tfd = tfp.distributions
LEVELS = np.array([0.5, 0.8, 0.9, 0.95])


def gaussian(sigma=1.0, bias=0.0, shape=(20, 16, 16, 3)):
    """A prediction of sigma times the truth's, and the truth."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=shape).astype(np.float32)
    truth = mean + 0.3 * rng.normal(size=shape).astype(np.float32)
    decoder = decoders.get("fixed_sigma", sigma=0.3 * sigma, values="real")
    return decoder(tf.constant(mean + bias)), truth


def normal_coverage(sigma):
    """P(|x| < sigma * quantile) of x ~ N(0, 1)."""
    normal = tfd.Normal(np.float64(0.0), np.float64(1.0))
    return 2.0 * normal.cdf(sigma * normal.quantile(0.5 + LEVELS / 2.0)) - 1.0


def summary(distribution, truth):
    examples = distribution_statistics(distribution, truth, per_example=True)
    return distribution_summary(examples)


def test_a_calibrated_gaussian_passes():
    distribution, truth = gaussian()
    found = summary(distribution, truth)
    # 15360 pixels: sigma is known to 1 / sqrt(2 * 15360) = 0.6 %, a share to 0.4 %.
    assert found["sigma"]["ratio"] == pytest.approx(1.0, abs=0.02)
    assert 0.003 < found["sigma"]["error"] < 0.01
    np.testing.assert_allclose(found["coverage"]["share"], LEVELS, atol=0.01)
    counts = distribution_statistics(distribution, truth)["pit"][0]
    assert_samples_follow(np.repeat(np.arange(40), counts.astype(int)), [1 / 40] * 40)
    assert found["pit"]["deviation"] < 0.06  # 0.8 / sqrt(384) of chance


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_wrong_sigma_fails_in_the_known_way(sigma):
    found = summary(*gaussian(sigma))
    assert found["sigma"]["ratio"] == pytest.approx(1.0 / sigma, rel=0.02)
    np.testing.assert_allclose(
        found["coverage"]["share"], normal_coverage(sigma), atol=0.012
    )
    density = found["pit"]["density"]
    tails, middle = density[0] + density[-1], density[19] + density[20]
    assert (tails > 2.0 * middle) if sigma < 1.0 else (middle > 1.5 * tails)
    assert found["pit"]["deviation"] > 0.3


def test_a_bias_tilts_the_histogram_and_widens_the_error():
    found = summary(*gaussian(bias=0.3))
    assert found["sigma"]["ratio"] == pytest.approx(np.sqrt(2.0), rel=0.02)
    density = found["pit"]["density"]
    assert density[0] > 3.0 and density[-1] < 0.2  # truths lie below the prediction


def test_an_infinite_variance_has_no_ratio():
    """Not 0, which would be endless underconfidence."""
    truth = np.zeros((2, 4, 4, 1), np.float32)
    heavy = tfd.Independent(tfd.StudentT(1.5, tf.zeros_like(truth), 0.1), 3)
    parts = distribution_statistics(heavy, truth, per_example=True)
    sigma = distribution_summary(parts)["sigma"]
    assert sigma["ratio"] is None and sigma["sigma"] is None and sigma["rmse"] == 0.0
    assert sigma["error"] is None
    assert np.isnan(sigma_ratio(heavy, truth))


def test_figures_are_those_of_the_functions_of_one_idea():
    distribution, truth = gaussian(0.7)
    found = summary(distribution, truth)
    values = pit(distribution, truth)
    assert found["sigma"]["ratio"] == pytest.approx(sigma_ratio(distribution, truth))
    np.testing.assert_allclose(found["pit"]["density"], pit_histogram(values))
    np.testing.assert_allclose(found["coverage"]["share"], coverage(values))


def test_channels_and_frames_have_figures_of_their_own():
    errors = tf.constant([0.1, 0.2])[:, None] * tf.constant([1.0, 3.0])  # [T, C]
    shape = [2, 2, 4, 4, 2]
    truth = tf.zeros(shape) + errors[:, None, None]
    distribution = decoders.get("fixed_sigma", sigma=0.5)(tf.zeros(shape))
    parts = distribution_statistics(distribution, truth, per_example=True)
    assert [part["count"].shape for part in parts] == [(2, 2)] * 2
    found = distribution_summary(parts)["sigma"]
    expected = errors.numpy()
    np.testing.assert_allclose(
        [channel["rmse"] for channel in found["channels"]],
        np.sqrt(np.mean(expected**2, 0)),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        [step["ratio"] for step in found["steps"]],
        np.sqrt(np.mean(expected**2, 1)) / 0.5,
        rtol=1e-6,
    )
    assert found["sigma"] == pytest.approx(0.5)


def test_batches_add_up_to_the_whole():
    distribution, truth = gaussian()
    mean = distribution.mean()
    decoder = decoders.get("fixed_sigma", sigma=0.3, values="real")
    whole = distribution_statistics(distribution, truth)
    halves = [
        distribution_statistics(decoder(mean[part]), truth[part])
        for part in (np.s_[:10], np.s_[10:])
    ]
    for name, values in whole.items():
        both = halves[0][name] + halves[1][name]
        np.testing.assert_allclose(both, values, rtol=1e-12)


@pytest.mark.parametrize("name", decoders.names())
def test_the_variance_of_every_decoder_is_that_of_its_samples(name):
    # Of heavier tails the variance of samples scatters too much to tell anything.
    decoder = decoders.get(name, **({"min_df": 8.0} if name == "student_t" else {}))
    raw = tf.random.stateless_normal([20, 8, 8, decoder.params_size(3)], [0, 0])
    distribution = decoder(decoder.activate(raw))
    samples = distribution.sample(200, seed=1)
    expected = np.mean(np.square(samples - distribution.mean()))
    if name == "bernoulli":
        target = distribution.sample(seed=0)
    else:
        target = tf.fill(distribution.mean().shape, 0.4)
    sums = distribution_statistics(distribution, target)
    variance = sums["variance"].sum() / sums["count"].sum()
    # 3840 pixels of 200 samples, and of 4 where draws stand for a formula.
    assert variance == pytest.approx(expected, rel=0.03)


def test_a_summary_is_json_with_no_nan():
    decoder = decoders.get("fixed_sigma", sigma=0.5)
    image = tf.zeros([1, 4, 4, 1])
    found = distribution_summary([distribution_statistics(decoder(image), image)])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["sigma"]["steps"] is None and found["sigma"]["error"] is None
    assert found["coverage"]["error"] == [None] * 4


def test_what_is_no_image_is_an_error():
    decoder = decoders.get("fixed_sigma")
    with pytest.raises(ValueError, match="must be \\[B, H, W, C\\] images or"):
        distribution_statistics(decoder(tf.zeros([2, 3])), tf.zeros([2, 3]))
    with pytest.raises(ValueError, match="no statistics to sum"):
        distribution_summary([])


@pytest.mark.parametrize("name", decoders.names())
def test_clips_of_every_decoder_have_figures_for_each_frame(name):
    decoder = decoders.get(name)
    raw = tf.random.stateless_normal([2, 3, 4, 4, decoder.params_size(3)], [0, 0])
    levels = np.random.default_rng(0).integers(0, 2, [2, 3, 4, 4, 3])
    sums = distribution_statistics(
        decoder(decoder.activate(raw)), (255 * levels).astype(np.uint8)
    )
    shapes = {key: values.shape for key, values in sums.items()}
    sizes = {"count": 3, "squared_error": 3, "variance": 3, "pit": 40}
    assert shapes == {key: (3, size) for key, size in sizes.items()}
    np.testing.assert_array_equal(sums["pit"].sum(1), sums["count"].sum(1))
