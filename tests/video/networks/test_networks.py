"""Encoders and generators: shapes, skips, and what the split convolution stands for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.layers import BatchNormalization
from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video import networks
from tfsigmavae_video.networks.conv_unit import ConvUnit
from tfsigmavae_video.networks.convolutions import (
    Convolution,
    TransposedConvolution,
    UpsampledConvolution,
)
from tfsigmavae_video.networks.dcgan import OutputConvolution
from tfsigmavae_video.networks.frame_networks import stage_widths

RNG = np.random.default_rng


def make(name, frame_shape, width=2, code_size=5, num_outputs=4):
    make_encoder, make_generator = networks.get(name)
    encoder = make_encoder(frame_shape, code_size, width, WeightSeeds(0))
    generator = make_generator(frame_shape, num_outputs, width, WeightSeeds(1))
    return encoder, generator


@pytest.mark.parametrize("name", ["dcgan", "vgg"])
@pytest.mark.parametrize(
    "frame_shape, num_stages",
    [((8, 8, 3), 1), ((8, 16, 1), 1), ((24, 24, 3), 2), ((64, 48, 2), 3)],
)
def test_shapes(name, frame_shape, num_stages):
    encoder, generator = make(name, frame_shape)
    frames = RNG(2).random([3, *frame_shape], np.float32)
    code, skips = encoder(frames)
    assert code.shape == (3, 5) and np.abs(code).max() < 1
    height, width, _ = frame_shape
    shrink = 1 if name == "vgg" else 2  # VGG's skips are taken before pooling
    expected = [
        (3, height // 2**i // shrink, width // 2**i // shrink, 2 * min(2**i, 8))
        for i in range(num_stages)
    ]
    assert [skip.shape for skip in skips] == expected
    outputs = generator(code, generator.project_skips(skips))
    assert outputs.shape == (3, height, width, 4)


@pytest.mark.parametrize("name", ["dcgan", "vgg"])
@pytest.mark.parametrize("size, widths", [(64, 4), (128, 5)])
def test_stages_at_the_papers_sizes(name, size, widths):
    # The widths of the official 64 and 128 pixel models, built without computing.
    expected = [64, 128, 256, 512, 512][:widths]
    assert stage_widths((size, size, 3), 64) == expected
    encoder, generator = make(name, (size, size, 3), width=4, code_size=128)
    code, skips = encoder(keras.KerasTensor([None, size, size, 3]))
    assert code.shape == (None, 128)
    assert [skip.shape[-1] for skip in skips] == [w // 16 for w in expected]
    outputs = generator(code, generator.project_skips(skips))
    assert outputs.shape == (None, size, size, 4)
    depths = {"dcgan": [1] * widths, "vgg": [2, 2, 3, 3, 3][:widths]}[name]
    assert [len(stage) for stage in encoder.stages] == depths
    if name == "vgg":
        depths[0] = 1
    assert [len(stage) for stage in generator.stages] == depths[::-1]


@pytest.mark.parametrize(
    "frame_shape, factor",
    [((30, 30, 3), 4), ((64, 66, 3), 16), ((4, 64, 3), 2), ((9, 9, 1), 2)],
)
@pytest.mark.parametrize("name", ["dcgan", "vgg"])
def test_frames_that_do_not_halve_are_refused(name, frame_shape, factor):
    with pytest.raises(ValueError, match=f"`frame_shape`.*multiples of {factor}"):
        make(name, frame_shape)


def test_unknown_network_is_refused():
    with pytest.raises(ValueError, match="'lstm'.*'dcgan', 'vgg'"):
        networks.get("lstm")


def unit_of(name):
    if name == "output":
        return OutputConvolution(3, WeightSeeds(0))
    kind, sizes = {
        "dcgan": (TransposedConvolution, (3, 4, WeightSeeds(0), 2)),
        "vgg": (Convolution, (3, 3, WeightSeeds(0))),
    }[name]
    return ConvUnit(kind(*sizes), WeightSeeds(0), kind(*sizes))


@pytest.mark.parametrize("name", ["dcgan", "vgg", "output"])
def test_split_skip_equals_convolution_of_the_concatenation(name):
    unit = unit_of(name)
    features = RNG(1).normal(size=[2, 4, 6, 5]).astype(np.float32)
    skip = RNG(2).normal(size=[2, 4, 6, 2]).astype(np.float32)
    unit(features, unit.project_skip(skip))  # builds
    for weight in unit.weights:
        weight.assign(RNG(3).uniform(0.5, 1.5, weight.shape))
    transpose = name != "vgg"
    kernels = [unit.convolution.kernel, unit.skip_convolution.kernel]
    kernel = tf.concat(kernels, axis=3 if transpose else 2)
    joined = tf.concat([features, skip], axis=-1)
    if transpose:
        shape = [2, 8, 12, 3]
        expected = tf.nn.conv2d_transpose(joined, kernel, shape, 2, padding="SAME")
    else:
        expected = tf.nn.conv2d(joined, kernel, 1, "SAME")
    if name == "output":
        expected = expected + unit.convolution.bias
    else:
        expected = tf.nn.leaky_relu(unit.batch_norm(expected), 0.2)
    actual = unit(features, unit.project_skip(skip))
    assert np.abs(actual).max() > 1
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["dcgan", "vgg"])
@pytest.mark.parametrize("remat", [False, True])
def test_frozen_normalisation_keeps_its_averages_in_training(name, remat):
    encoder, generator = make(name, (8, 8, 3))
    frames = RNG(2).random([4, 8, 8, 3], np.float32)

    def outputs(training):
        code, skips = encoder(frames, training=training, num_groups=2)
        maps = generator.project_skips(skips, training=training)
        return code, generator(code, maps, training=training, num_groups=2)

    outputs(training=True)
    layers = [*encoder._flatten_layers(), *generator._flatten_layers()]
    norms = [layer for layer in layers if isinstance(layer, BatchNormalization)]
    for layer in layers:
        if isinstance(layer, ConvUnit):
            layer.remat = remat
    moved = [norm.get_weights() for norm in norms]
    for norm in norms:
        norm.trainable = False
    for ours, theirs in zip(outputs(training=True), outputs(False), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for norm, before in zip(norms, moved, strict=True):
        np.testing.assert_array_equal(norm.get_weights(), before)
    for norm in norms:
        norm.trainable = True
    outputs(training=True)
    for norm, before in zip(norms, moved, strict=True):
        assert np.any(norm.moving_mean.numpy() != before[2])


def unit_weights(unit):
    for i, weight in enumerate(unit.weights):
        weight.assign(RNG(i).uniform(0.5, 1.5, weight.shape) * (-1) ** i)
    unit.batch_norm.moving_variance.assign(RNG(9).uniform(0.5, 1.5, 3))


@pytest.mark.parametrize("name", ["dcgan", "vgg"])
def test_folded_normalisation_equals_convolution_then_normalisation(name):
    unit = unit_of(name)
    inputs = RNG(1).normal(size=[2, 4, 6, 5]).astype(np.float32)
    skip = RNG(2).normal(size=[2, 4, 6, 2]).astype(np.float32)
    unit(inputs, unit.project_skip(skip))  # builds
    unit_weights(unit)
    for with_skip in (False, True):
        before = unit.convolution(inputs)
        if with_skip:
            before += unit.skip_convolution(skip)
        expected = tf.nn.leaky_relu(unit.batch_norm(before), 0.2)
        skip_map = unit.project_skip(skip) if with_skip else None
        for folded in (None, unit.fold()):
            actual = unit(inputs, skip_map, folded=folded)
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_folded_weights_are_those_of_the_moment():
    unit = unit_of("vgg")
    inputs = RNG(1).normal(size=[2, 4, 6, 5]).astype(np.float32)
    unit(inputs)
    old = unit.fold()
    before = unit(inputs)
    unit_weights(unit)
    np.testing.assert_array_equal(unit(inputs, folded=old), before)
    assert np.abs(unit(inputs) - before).max() > 0.1


@pytest.mark.parametrize("height", [2, 7, 8, 9])
def test_upsampled_convolution_equals_nearest_upsampling_then_convolution(height):
    layer = UpsampledConvolution(3, WeightSeeds(0))
    inputs = tf.constant(RNG(1).normal(size=[2, height, 5, 4]), tf.float32)
    layer(inputs)
    layer.kernel.assign(RNG(2).normal(size=[3, 3, 4, 3]))
    upstream = tf.constant(RNG(3).normal(size=[2, 2 * height, 10, 3]), tf.float32)

    def gradients_of(convolve):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = convolve(inputs)
        sources = [inputs, layer.kernel.value]
        return [outputs, *tape.gradient(outputs, sources, upstream)]

    def plain(inputs):
        larger = keras.layers.UpSampling2D(2, interpolation="nearest")(inputs)
        return tf.nn.conv2d(larger, layer.kernel, 1, "SAME")

    # float32 sums of some hundred terms; borders included.
    pairs = zip(gradients_of(layer), gradients_of(plain), strict=True)
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["dcgan", "vgg"])
def test_batch_statistics_in_training_only(name):
    encoder, generator = make(name, (8, 8, 3))
    frames = RNG(0).random([4, 8, 8, 3], np.float32)

    def first_of(frames, training):
        code, skips = encoder(frames, training=training)
        maps = generator.project_skips(skips)
        return generator(code, maps, training=training)[0].numpy()

    # The same first frame, other company.
    alone, company = frames[:2], frames[[0, 3]]
    np.testing.assert_array_equal(first_of(alone, False), first_of(company, False))
    assert np.abs(first_of(alone, True) - first_of(company, True)).max() > 1e-6


def test_networks_of_one_seed_are_equal_and_their_layers_differ():
    (first, _), (same, _) = make("vgg", (8, 8, 3)), make("vgg", (8, 8, 3))
    frames = RNG(0).random([1, 8, 8, 3], np.float32)
    np.testing.assert_array_equal(first(frames)[0], same(frames)[0])
    gammas = [unit.batch_norm.gamma.numpy()[0] for unit in first.stages[0]]
    assert gammas[0] != gammas[1]
