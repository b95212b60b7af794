"""The encoder of WarpVRNN: maps of a frame at several resolutions."""

import numpy as np
import pytest
import tensorflow as tf
from naive_warp_vrnn import convolve, kernel_and_bias, space_to_depth

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video.networks.frame_pyramid import FramePyramid, Upsampling, he_normal

# (height, width, channels), resolutions.
FRAMES = [((8, 8, 1), 2), ((8, 8, 3), 3), ((16, 24, 4), 3), ((16, 32, 1), 4)]


def frames_of(shape, num=2, seed=0):
    pixels = np.random.default_rng(seed).uniform(size=[num, *shape])
    return tf.constant(pixels, tf.float32)


def pyramid_of(channels, filters, **options):
    return FramePyramid(channels, filters, WeightSeeds(0), **options)


@pytest.mark.parametrize(("shape", "depth"), FRAMES)
def test_maps_halve_from_one_resolution_to_the_next(shape, depth):
    filters = [3 * 2**i for i in range(depth)]
    encoder = pyramid_of(shape[2], filters)
    maps = encoder(frames_of(shape))
    height, width, _ = shape
    assert [m.shape for m in maps] == [
        (2, height // 2**i, width // 2**i, filters[i - 1]) for i in range(1, depth + 1)
    ]


def test_the_first_map_is_a_convolution_of_two_by_two_pixels():
    encoder = pyramid_of(3, [5, 6])
    frames = frames_of((8, 8, 3))
    weights = kernel_and_bias(encoder.convolutions[0])
    expected = convolve(space_to_depth(2.0 * frames.numpy() - 1.0), weights)
    expected = np.where(expected > 0.0, expected, 0.2 * expected)
    np.testing.assert_allclose(encoder(frames)[0], expected, atol=1e-5)


def test_initial_weights_keep_the_size_of_activations():
    """Leaky ReLUs of He's weights, from layer to layer, down and up again."""
    encoder = pyramid_of(3, [32, 64, 128])
    frames = tf.cast(frames_of((64, 64, 3)) > 0.5, tf.float32)  # of size 1
    sizes = [np.sqrt(np.mean(np.square(m))) for m in encoder(frames)]
    layer = Upsampling(64, 128, WeightSeeds(0))
    up = tf.nn.leaky_relu(layer(tf.random.stateless_normal([2, 8, 8, 128], [0, 1])))
    sizes.append(np.sqrt(np.mean(np.square(up))))
    assert 0.5 < min(sizes) < max(sizes) < 2.0, sizes
    deviation = np.std(he_normal(WeightSeeds(0), 50)([100, 100]))
    assert deviation == pytest.approx((2 / 50) ** 0.5, rel=0.05)
