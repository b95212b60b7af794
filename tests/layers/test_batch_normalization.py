"""Fused batch normalisation against NumPy and Keras' own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.layers import BatchNormalization

SHAPE = (4, 3, 5, 2)


def _inputs(seed=0, loc=1.5, scale=3.0):
    rng = np.random.default_rng(seed)
    return (loc + scale * rng.normal(size=SHAPE)).astype(np.float32)


def _normalized(inputs, mean, variance, epsilon=1e-5):
    return (inputs - mean) / np.sqrt(variance + epsilon)


def test_training_normalises_by_the_statistics_of_the_batch():
    layer, inputs = BatchNormalization(epsilon=0.1), _inputs()
    layer.build(SHAPE)
    layer.gamma.assign([2.0, -1.0])
    layer.beta.assign([0.5, 3.0])
    expected = _normalized(inputs, inputs.mean((0, 1, 2)), inputs.var((0, 1, 2)), 0.1)
    output = layer(inputs, training=True)
    expected = expected * [2.0, -1.0] + [0.5, 3.0]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_moving_averages_follow_the_batches():
    layer = BatchNormalization(momentum=0.8)
    mean, variance = np.zeros(2), np.ones(2)
    for seed in range(4):
        inputs = _inputs(seed, loc=seed)
        layer(inputs, training=True)
        mean = 0.8 * mean + 0.2 * inputs.mean((0, 1, 2))
        # The kernel gives the unbiased variance, of n - 1 degrees of freedom.
        variance = 0.8 * variance + 0.2 * inputs.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-5)


def test_groups_have_statistics_of_their_own():
    layer = BatchNormalization(momentum=0.8)
    inputs = np.concatenate([_inputs(seed, loc=seed) for seed in range(3)])
    output = layer(inputs, training=True, num_groups=3)
    groups = np.split(inputs, 3)
    expected = [_normalized(g, g.mean((0, 1, 2)), g.var((0, 1, 2))) for g in groups]
    np.testing.assert_allclose(output, np.concatenate(expected), rtol=1e-4, atol=1e-5)
    # One update, by the mean of the groups' statistics.
    mean = np.mean([g.mean((0, 1, 2)) for g in groups], 0)
    variance = np.mean([g.var((0, 1, 2), ddof=1) for g in groups], 0)
    np.testing.assert_allclose(layer.moving_mean, 0.2 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.8 + 0.2 * variance, rtol=1e-5)


def test_inference_uses_the_moving_averages_and_leaves_them_alone():
    layer = BatchNormalization(momentum=0.5)
    layer(_inputs(), training=True)
    layer.gamma.assign([2.0, -1.0])
    layer.beta.assign([0.5, 3.0])
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    inputs = _inputs(seed=1, loc=-4.0)
    expected = _normalized(inputs, mean, variance) * [2.0, -1.0] + [0.5, 3.0]
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, mean)
    np.testing.assert_array_equal(layer.moving_variance, variance)


def test_inference_does_not_depend_on_the_rest_of_the_batch():
    layer = BatchNormalization()
    layer(_inputs(), training=True)
    batch = layer(_inputs(seed=1))
    np.testing.assert_allclose(layer(_inputs(seed=1)[2:3]), batch[2:3], rtol=1e-6)


@pytest.mark.parametrize("frozen_at", ["birth", "build", "parent"])
def test_frozen_layer_uses_and_keeps_the_moving_averages(frozen_at):
    layer = BatchNormalization(trainable=frozen_at != "birth")
    model = keras.Sequential([layer])
    if frozen_at == "birth":
        layer.build(SHAPE)
    else:
        model(_inputs(), training=True)
    frozen = model if frozen_at == "parent" else layer
    frozen.trainable = False
    before = layer.get_weights()
    for num_groups in (1, 2):
        output = layer(_inputs(1), training=True, num_groups=num_groups)
        np.testing.assert_array_equal(output, layer(_inputs(1)))
    model(_inputs(1), training=True)
    for ours, theirs in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not model.trainable_variables
    frozen.trainable = True
    layer(_inputs(1), training=True)
    assert np.any(layer.moving_mean.numpy() != before[2])
    assert len(layer.trainable_variables) == 2


def test_shapes_are_known_before_the_first_call():
    shape = (None, 3, None, 2)
    assert BatchNormalization().compute_output_shape(shape) == shape
    assert BatchNormalization().compute_output_shape(input_shape=shape) == shape
    layer = BatchNormalization()
    layer.build(shape)
    twin = BatchNormalization()
    twin.build_from_config(layer.get_build_config())
    assert [w.shape for w in twin.weights] == [w.shape for w in layer.weights]
    inputs = keras.Input(shape[1:])
    model = keras.Model(inputs, keras.layers.Conv2D(2, 2)(layer(inputs)))
    lines = []
    model.summary(line_length=120, print_fn=lines.append)
    assert "(None, 3, None, 2)" in "".join(lines)


@pytest.mark.parametrize("training", [True, False])
def test_output_and_gradients_equal_those_of_keras(training):
    ours = BatchNormalization(momentum=0.9, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    inputs = tf.constant(_inputs())
    weights = tf.constant(_inputs(seed=1))  # of the outputs in a scalar
    results = []
    for layer in (ours, theirs):
        layer.build(SHAPE)
        layer.gamma.assign([2.0, -1.0])
        layer.beta.assign([0.5, 3.0])
        layer.moving_mean.assign([1.0, 2.0])
        layer.moving_variance.assign([4.0, 9.0])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs, training=training)
            total = tf.reduce_sum(output * weights)
        sources = [inputs, layer.gamma.value, layer.beta.value]
        results.append([output, *tape.gradient(total, sources), layer.moving_mean])
    for mine, keras_own in zip(*results, strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_float32_statistics(dtype):
    layer = BatchNormalization(momentum=0.0, dtype=dtype)
    inputs = tf.cast(_inputs(loc=30.0), layer.compute_dtype)
    output = layer(inputs, training=True)
    assert output.dtype == layer.compute_dtype
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    exact = np.asarray(tf.cast(inputs, tf.float64))
    # Far closer than half precision would hold them: 8 bits round 30 to 0.125.
    np.testing.assert_allclose(layer.moving_mean, exact.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(
        layer.moving_variance, exact.var((0, 1, 2), ddof=1), rtol=1e-4
    )
    assert layer(inputs).dtype == layer.compute_dtype


def test_inference_in_half_precision_stays_near_training_for_a_large_mean():
    layer = BatchNormalization(momentum=0.0, dtype="mixed_bfloat16")
    inputs = tf.cast(_inputs(loc=30.0), tf.bfloat16)
    trained = tf.cast(layer(inputs, training=True), tf.float32)
    # Unit scale, so 2**-8 relative; the moving variance is 1/59 larger.
    inference = tf.cast(layer(inputs), tf.float32)
    np.testing.assert_allclose(inference, trained, atol=0.05)


@pytest.mark.parametrize("training", [True, False])
def test_xla_gives_the_same(training):
    layer = BatchNormalization(momentum=0.0)
    layer(_inputs(), training=True)
    plain = layer(_inputs(seed=1), training=training)
    moved = layer.moving_mean.numpy()
    compiled = tf.function(layer, jit_compile=True)(_inputs(seed=1), training=training)
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, moved, rtol=1e-5)


def test_gamma_starts_around_one_by_the_seed():
    plain, noisy, twin = (
        BatchNormalization(gamma_stddev=stddev, seed=3) for stddev in (0.0, 0.02, 0.02)
    )
    for layer in (plain, noisy, twin):
        layer.build([None, 1, 1, 2000])
    np.testing.assert_array_equal(plain.gamma, np.ones(2000))
    np.testing.assert_allclose(np.mean(noisy.gamma), 1.0, atol=2e-3)
    np.testing.assert_allclose(np.std(noisy.gamma), 0.02, rtol=0.1)
    np.testing.assert_array_equal(twin.gamma, noisy.gamma)


def test_fits_saves_and_reloads(tmp_path):
    model = keras.Sequential([keras.Input(SHAPE[1:]), BatchNormalization(0.5, 1e-4)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(_inputs(), _inputs(seed=1), epochs=2, verbose=0)
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded.layers[0].get_config() == model.layers[0].get_config()
    np.testing.assert_array_equal(
        reloaded.predict(_inputs(), verbose=0), model.predict(_inputs(), verbose=0)
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"momentum": 1.0}, "momentum"),
        ({"momentum": -0.1}, "momentum"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"gamma_stddev": -0.1}, "gamma_stddev"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, word):
    with pytest.raises(ValueError, match=f"`{word}` must"):
        BatchNormalization(**arguments)


def test_float64_is_what_the_fused_kernel_computes():
    inputs = np.random.default_rng(0).normal(3.0, 2.0, (4, 3, 5, 2))
    outputs = []
    for dtype in ("float32", "float64"):
        layer = BatchNormalization(momentum=0.25, epsilon=0.1, dtype=dtype)
        layer(tf.zeros([1, 1, 1, 2], dtype))
        layer.gamma.assign([2.0, 0.5])
        layer.beta.assign([1.0, -1.0])
        trained = layer(tf.constant(inputs, dtype), training=True)
        outputs.append([trained, *layer.get_weights()])
    for single, double in zip(*outputs, strict=True):
        # float32, and moving averages of the variance with N - 1.
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5)
    mean, variance = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2))
    expected = (inputs - mean) / np.sqrt(variance + 0.1) * [2.0, 0.5] + [1.0, -1.0]
    np.testing.assert_allclose(outputs[1][0], expected, rtol=1e-12, atol=1e-12)
    moved = 0.25 + 0.75 * inputs.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(outputs[1][-1], moved, rtol=1e-12)
