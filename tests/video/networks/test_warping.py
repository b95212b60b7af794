"""The warp against SciPy's interpolation, its gradient against differences."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tfsigmavae_video.networks.warping import warp

SHAPE = NUM_CHANNELS, NUM_IMAGES, HEIGHT, WIDTH = 2, 3, 5, 7
FLOWS = {
    "none": lambda rng, shape: np.zeros(shape),
    "small": lambda rng, shape: rng.uniform(-0.9, 0.9, shape),
    "large": lambda rng, shape: rng.uniform(-4.0, 4.0, shape),
    "whole": lambda rng, shape: rng.integers(-3, 4, shape).astype(float),
    "far outside": lambda rng, shape: rng.choice([-1e4, 1e4], shape),
    # Onto the last line and column, and just beside them.
    "border": lambda rng, shape: to_places(rng.choice(EDGES, shape)),
}
EDGES = np.array([0.0, 1e-9, 1.0, 1.0 - 1e-9])


def to_places(shares):
    """The flow that leads every pixel to these shares of height and width."""
    grid = np.mgrid[:HEIGHT, :WIDTH][:, np.newaxis]
    size = np.array([HEIGHT - 1, WIDTH - 1]).reshape(2, 1, 1, 1)
    return shares * size - grid


def images_of(dtype=np.float64, seed=0, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def flow_of(name, seed=1):
    rng = np.random.default_rng(seed)
    return FLOWS[name](rng, (2, NUM_IMAGES, HEIGHT, WIDTH))


def interpolated(images, flow):
    """Every image and channel by itself, with its own image's flow."""
    grid = np.mgrid[:HEIGHT, :WIDTH]
    return np.array(
        [
            [
                scipy.ndimage.map_coordinates(
                    image, grid + flow[:, number], order=1, mode="nearest"
                )
                for number, image in enumerate(channel)
            ]
            for channel in images
        ]
    )


@pytest.mark.parametrize("name", FLOWS)
def test_values_are_those_of_scipy(name):
    images, flow = images_of(), flow_of(name)
    expected = interpolated(images, flow)
    np.testing.assert_allclose(warp(images, flow), expected, rtol=0.0, atol=1e-12)
    # Weights of neighbours have the rounding of coordinates up to 7.
    single = warp(tf.cast(images, tf.float32), tf.cast(flow, tf.float32))
    assert single.dtype == tf.float32
    np.testing.assert_allclose(single, expected, atol=2e-6)


def test_whole_flows_copy_pixels_bit_by_bit():
    images, flow = images_of(np.float32), flow_of("whole").astype(np.float32)
    expected = interpolated(images, flow)
    places = flow + np.mgrid[:HEIGHT, :WIDTH][:, np.newaxis]
    before_last = np.array([HEIGHT - 1, WIDTH - 1]).reshape(2, 1, 1, 1)
    within = np.all(places < before_last, axis=0)
    found = warp(images, flow).numpy()
    np.testing.assert_array_equal(found[:, within], expected[:, within])
    # The last line and column are all of a step from the one before: a + (b - a).
    np.testing.assert_allclose(found, expected, atol=3e-7)


def test_the_flow_points_down_and_right_to_where_a_pixel_comes_from():
    images = images_of()
    for axis, step in ((0, [1, 0]), (1, [0, 1])):
        flow = np.zeros([2, *SHAPE[1:]]) + np.reshape(step, [2, 1, 1, 1])
        moved = np.moveaxis(warp(images, flow), axis + 2, 0)[:-1]
        expected = np.moveaxis(images, axis + 2, 0)[1:]
        np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_the_smallest_image():
    images = np.array([[[[0.0, 1.0], [2.0, 3.0]]]])
    flow = np.full([2, 1, 2, 2], 0.5)
    np.testing.assert_allclose(warp(images, flow)[0, 0], [[1.5, 2.0], [2.5, 3.0]])


def test_a_flow_that_is_not_finite_gives_pixels_that_are_not():
    """Nor does it fail: that training has diverged is for others to tell."""
    flow = flow_of("small")
    flow[0, 1, 2, 3] = np.nan
    warped = warp(tf.constant(images_of()), tf.constant(flow)).numpy()
    assert np.argwhere(np.isnan(warped)).tolist() == [[0, 1, 2, 3], [1, 1, 2, 3]]


@pytest.mark.parametrize("name", ["small", "large", "far outside"])
def test_gradients_are_those_of_differences(name):
    """Away from kinks, where a flow points at a pixel or at the border."""
    shape = [2, 2, 3, 4]
    flow = FLOWS[name](np.random.default_rng(1), shape)
    places = flow + np.mgrid[:3, :4][:, np.newaxis]
    assert np.abs(places - np.round(places)).min() > 1e-4 or name == "far outside"
    upstream = images_of(seed=3, shape=shape)

    def weighed(images, flow):
        return tf.reduce_sum(upstream * warp(images, flow))

    inputs = [tf.constant(images_of(shape=shape)), tf.constant(flow)]
    theory, numbers = tf.test.compute_gradient(weighed, inputs, delta=1e-5)
    for ours, expected in zip(theory, numbers, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-8)
    if name == "far outside":
        assert not np.any(theory[1]), "a point at the border pulls at its flow"


@pytest.mark.parametrize("name", ["large", "whole"])
def test_xla_gives_the_same(name):
    images = tf.constant(images_of(np.float32))
    flow = tf.constant(flow_of(name), tf.float32)

    def step(images, flow):
        with tf.GradientTape() as tape:
            tape.watch([images, flow])
            warped = warp(images, flow)
            loss = tf.reduce_sum(warped**2)
        return warped, *tape.gradient(loss, [images, flow])

    compiled = tf.function(step, jit_compile=True)(images, flow)
    for ours, theirs in zip(compiled, step(images, flow), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_free_number_of_images():
    graph = tf.function(
        warp,
        input_signature=[
            tf.TensorSpec([NUM_CHANNELS, None, HEIGHT, WIDTH], tf.float64),
            tf.TensorSpec([2, None, HEIGHT, WIDTH], tf.float64),
        ],
    )
    images, flow = images_of(), flow_of("large")
    expected = interpolated(images, flow)
    for number in (1, NUM_IMAGES):
        warped = graph(images[:, :number], flow[:, :number])
        np.testing.assert_allclose(warped, expected[:, :number], atol=1e-12)
