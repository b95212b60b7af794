"""The generator of WarpVRNN: every latent, map and memory reaches the frame."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video.networks.frame_pyramid import FramePyramid
from tfsigmavae_video.networks.recurrent_generator import RecurrentGenerator

# (height, width, channels), resolutions.
FRAMES = [((8, 8, 1), 2), ((8, 8, 3), 3), ((16, 24, 4), 3), ((16, 32, 1), 4)]


def frames_of(shape, num=2, seed=0):
    pixels = np.random.default_rng(seed).uniform(size=[num, *shape])
    return tf.constant(pixels, tf.float32)


def pyramid_of(channels, filters, **options):
    return FramePyramid(channels, filters, WeightSeeds(0), **options)


@pytest.mark.parametrize(("shape", "depth"), FRAMES)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_generator_gives_numbers_for_every_pixel(shape, depth, policy):
    filters = [4 * 2**i for i in range(depth)]
    size = (shape[0] // 2**depth, shape[1] // 2**depth)
    generator = RecurrentGenerator(5, size, filters, 7, WeightSeeds(0), dtype=policy)
    maps = pyramid_of(shape[2], filters, dtype=policy)(frames_of(shape))
    states = generator.initial_state(2)
    latents = tf.random.stateless_normal([3, 2, 5], [0, 1])
    raw, kept = generator(latents[0], maps, states)
    assert raw.shape == (2, *shape[:2], 7)
    assert raw.dtype == kept[0].dtype == generator.compute_dtype
    assert [s.shape for s in kept] == [s.shape for s in states]
    assert [s.shape[1:3] for s in kept] == [m.shape[1:3] for m in maps[:0:-1]]
    # Within reach of masks and flows, neither saturated nor dead.
    assert 0.1 < np.std(tf.cast(raw, tf.float32)) < 4.0
    again, _ = generator(latents[0], maps, states)
    np.testing.assert_array_equal(raw, again)
    for change in (
        generator(latents[1], maps, states),  # another latent
        generator(latents[0], maps, kept),  # other memories
        generator(latents[0], [tf.zeros_like(m) for m in maps], states),
    ):
        assert np.abs(tf.cast(change[0] - raw, tf.float32)).max() > 1e-3


def test_every_memory_and_every_map_reaches_the_frame():
    filters, size = [4, 8, 16], (2, 2)
    generator = RecurrentGenerator(5, size, filters, 3, WeightSeeds(0))
    maps = pyramid_of(1, filters)(frames_of((16, 16, 1)))
    latent = tf.ones([2, 5])
    states = [tf.ones_like(s) for s in generator.initial_state(2)]
    with tf.GradientTape() as tape:
        tape.watch([maps, states])
        raw, _ = generator(latent, maps, states)
        loss = tf.reduce_sum(raw**2)
    for gradient in tf.nest.flatten(tape.gradient(loss, [maps, states])):
        assert gradient is not None and np.any(gradient)
