"""Posterior and prior of WarpVRNN: from maps to a Gaussian."""

import numpy as np
import pytest
import tensorflow as tf
from naive_warp_vrnn import Gaussian

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video.networks.gaussian_head import GaussianHead


def head_of(size=(4, 4), num_inputs=5, **options):
    given = {"mean_gain": 1.0, "log_variance_bias": -3.0, **options}
    return GaussianHead(6, size, num_inputs, WeightSeeds(0), **given)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 5), (8, 4)])
@pytest.mark.parametrize("num_extra", [0, 2])
def test_head_is_that_of_numpy(size, num_extra):
    head = head_of(size, num_extra=num_extra, dtype="float64")
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=[2, *size, channels]) for channels in (2, 3)]
    extra = rng.normal(size=[2, num_extra]) if num_extra else None
    mean, stddev = head(maps, extra)
    expected, log_variance = Gaussian(head)(maps, extra)
    np.testing.assert_allclose(mean, expected, atol=1e-12)
    np.testing.assert_allclose(stddev, np.exp(log_variance / 2), rtol=1e-12)


@pytest.mark.parametrize(("bias", "log_variance"), [(-1e3, -12.0), (1e3, 4.0)])
def test_log_variances_are_clipped(bias, log_variance):
    head = head_of()
    head.log_variance.bias.assign([bias] * 6)
    _, stddev = head([tf.ones([2, 4, 4, 5])])
    np.testing.assert_allclose(stddev, np.full([2, 6], np.exp(log_variance / 2)), 1e-6)


@pytest.mark.parametrize("gain", [0.02, 1.0])
def test_heads_start_as_they_are_told(gain):
    """Log variances near their bias, means of the gain's size."""
    head = head_of((8, 8), 64, mean_gain=gain, log_variance_bias=-1.0)
    maps = tf.random.stateless_normal([64, 8, 8, 64], [0, 1])
    mean, stddev = head([maps])
    assert np.std(mean) == pytest.approx(gain, rel=0.5)
    log_variance = 2 * np.log(stddev)
    assert np.mean(log_variance) == pytest.approx(-1.0, abs=0.2)
    # 512 inputs of about 1, times 0.01.
    assert np.std(log_variance) == pytest.approx(0.23, rel=0.5)


def test_heads_give_float32_in_half_precision():
    head = head_of(dtype="mixed_bfloat16")
    assert head.first.compute_dtype == "bfloat16"
    for values in head([tf.ones([2, 4, 4, 5], tf.bfloat16)]):
        assert values.dtype == tf.float32 and values.shape == (2, 6)
