"""Sigma fitted by weights of the examples, against NumPy and repeated examples."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python

from tfsigmavae.decoders import OptimalSigma

each_scope = pytest.mark.parametrize("scope", ["batch", "image", "channel"])
SHAPE = (4, 3, 5, 2)  # images, or clips of three steps with `event_rank=2`


def _pair(seed=0):
    """Means and pixels; every image, row and channel has an error of its own size."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(0.3, 0.7, SHAPE)
    size = np.linspace(0.02, 0.2, 24).reshape(4, 3, 1, 2)
    loc = pixels + size * rng.normal(size=SHAPE)
    return loc.astype(np.float32), pixels.astype(np.float32)


def _squared_error(loc, pixels):
    return (pixels.astype(np.float64) - loc) ** 2


def _fit(decoder, loc, pixels, weights=None):
    return decoder(tf.constant(loc), pixels, training=True, sample_weight=weights)


WEIGHTS = {
    "B": np.array([0.5, 2.0, 0.0, 1.0]),
    "BT": np.array([[1, 0, 2], [0, 0, 1], [3, 1, 1], [0, 0, 0.5]]),
    "B1": np.array([[0.5], [2.0], [0.0], [1.0]]),
}
each_weights = pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)


@each_weights
@pytest.mark.parametrize(("scope", "axes"), [("batch", None), ("channel", (0, 1, 2))])
def test_variance_is_the_weighted_mean(scope, axes, weights):
    loc, pixels = _pair()
    decoder = OptimalSigma(scope)
    stddev = _fit(decoder, loc, pixels, weights).stddev()
    full = np.broadcast_to(
        weights.reshape(*weights.shape, *[1] * (4 - weights.ndim)), SHAPE
    )
    error = _squared_error(loc, pixels)
    expected = (full * error).sum(axes) / full.sum(axes)
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)
    expected = np.broadcast_to(np.sqrt(expected), SHAPE)
    np.testing.assert_allclose(stddev, expected, rtol=1e-5)


@pytest.mark.parametrize("event_rank", [None, 2])
def test_images_keep_their_own_variance_and_enter_the_running_one_by_weight(event_rank):
    loc, pixels = _pair()
    weights = WEIGHTS["B"] if event_rank is None else WEIGHTS["BT"]
    axes = (1, 2, 3) if event_rank is None else (2, 3)
    decoder = OptimalSigma("image", event_rank=event_rank)
    stddev = _fit(decoder, loc, pixels, weights).stddev()
    own = _squared_error(loc, pixels).mean(axes, keepdims=True)
    np.testing.assert_allclose(stddev, np.broadcast_to(np.sqrt(own), SHAPE), rtol=1e-5)
    expected = (weights * own.reshape(weights.shape)).sum() / weights.sum()
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)


def test_weights_inside_an_event_weigh_its_own_variance():
    loc, pixels = _pair()
    weights = WEIGHTS["BT"]
    decoder = OptimalSigma("image")
    stddev = _fit(decoder, loc, pixels, weights).stddev()
    error = _squared_error(loc, pixels).mean((2, 3))
    own = (weights * error).sum(1) / weights.sum(1)
    expected = np.broadcast_to(np.sqrt(own).reshape(4, 1, 1, 1), SHAPE)
    np.testing.assert_allclose(stddev, expected, rtol=1e-5)
    of_images = weights.sum(1) / (weights > 0).sum(1)
    expected = (of_images * own).sum() / of_images.sum()
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)


@each_scope
@pytest.mark.parametrize("kind", [np.int32, np.float64, bool])
def test_integer_weights_are_repeated_examples(scope, kind):
    loc, pixels = _pair()
    weights = np.array([2, 0, 1, 3]) if kind is not bool else np.array([1, 0, 1, 1])
    weighted, repeated = OptimalSigma(scope), OptimalSigma(scope)
    stddev = _fit(weighted, loc, pixels, weights.astype(kind)).stddev()
    twice = (np.repeat(values, weights, 0) for values in (loc, pixels))
    expected = _fit(repeated, *twice).stddev()
    stddev = np.repeat(stddev, weights, 0)
    np.testing.assert_allclose(stddev, expected, rtol=1e-5)
    np.testing.assert_allclose(
        weighted.running_variance, repeated.running_variance, rtol=1e-5
    )
    assert weighted.num_updates.numpy() == 1


@each_scope
@each_weights
@pytest.mark.parametrize("jit_compile", [None, True])
def test_without_any_weight_nothing_moves(scope, weights, jit_compile):
    decoder = OptimalSigma(scope, momentum=0.5)
    loc, pixels = _pair()
    _fit(decoder, loc, pixels)
    before = [weight.numpy() for weight in decoder.weights]

    def step(loc, weights):
        with tf.GradientTape() as tape:
            tape.watch(loc)
            dist = decoder(loc, pixels, training=True, sample_weight=weights)
            loss = tf.reduce_mean(-dist.log_prob(pixels))
        return dist.stddev(), loss, tape.gradient(loss, loc)

    if jit_compile:
        step = tf.function(step, jit_compile=True)
    stddev, loss, gradient = step(tf.constant(loc), tf.zeros(weights.shape))
    for weight, old in zip(decoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert np.isfinite(loss) and np.isfinite(gradient).all()
    inside = scope != "image" or weights.shape == (4, 3)
    if inside:
        expected = np.broadcast_to(decoder.sigma, SHAPE)
        np.testing.assert_allclose(stddev, expected, rtol=1e-6)


@each_scope
def test_what_has_no_weight_may_be_anything(scope):
    loc, pixels = _pair()
    clean, spoilt = (
        OptimalSigma(scope, values="real"),
        OptimalSigma(scope, values="real"),
    )
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    _fit(clean, loc, pixels, weights)
    loc[1], pixels[1] = np.nan, np.inf
    _fit(spoilt, loc, pixels, weights)
    np.testing.assert_array_equal(spoilt.running_variance, clean.running_variance)
    assert np.isfinite(spoilt.sigma).all() and spoilt.num_updates.numpy() == 1


@each_scope
def test_a_loss_that_is_not_finite_shows(scope):
    loc, pixels = _pair()
    decoder = OptimalSigma(scope)
    loc[0, 0, 0, 0] = np.nan
    dist = _fit(decoder, loc, pixels, np.ones(4))
    assert not np.isfinite(dist.log_prob(pixels)).all()
    assert decoder.num_updates.numpy() == 0


def test_gradient_is_that_of_the_log_of_the_weighted_error():
    loc, pixels = _pair()
    weights = tf.constant(WEIGHTS["B"], tf.float32)
    means = tf.constant(loc)
    with tf.GradientTape() as tape:
        tape.watch(means)
        nll = -_fit(OptimalSigma(), means, pixels, weights).log_prob(pixels)
        loss = tf.reduce_sum(weights * nll) / tf.reduce_sum(weights)
    gradient = tape.gradient(loss, means)
    means, weights = tf.constant(loc, tf.float64), tf.cast(weights, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(means)
        mse = tf.reduce_mean(tf.square(tf.cast(pixels, tf.float64) - means), [1, 2, 3])
        mse = tf.reduce_sum(weights * mse) / tf.reduce_sum(weights)
        full = np.prod(SHAPE[1:]) / 2 * tf.math.log(mse)
    expected = tape.gradient(full, means).numpy()
    # Sums of float32; examples of weight 0 have no gradient.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6 * scale)


@each_scope
def test_weights_may_be_an_input_of_a_functional_model(scope):
    loc, pixels = _pair()
    inputs = [keras.Input(SHAPE[1:]), keras.Input(SHAPE[1:]), keras.Input([])]
    decoder = OptimalSigma(scope, name="decoder")
    outputs = decoder(inputs[0], inputs[1], sample_weight=inputs[2])
    model = keras.Model(inputs, outputs)
    model([loc, pixels, WEIGHTS["B"].astype(np.float32)], training=True)
    expected = OptimalSigma(scope)
    _fit(expected, loc, pixels, WEIGHTS["B"])
    np.testing.assert_allclose(decoder.sigma, expected.sigma, rtol=1e-6)
    model.summary(print_fn=lambda line: None)
    twin = keras.Model.from_config(model.get_config())
    assert twin([loc, pixels, np.ones(4, np.float32)]).shape == SHAPE


def test_negative_weights_are_refused_in_a_graph_too():
    loc, pixels = _pair()
    decoder = OptimalSigma()
    step = tf.function(
        lambda weights: _fit(decoder, loc, pixels, weights).log_prob(loc)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite and not negative"):
        step(tf.constant([1.0, -0.5, 1.0, 1.0]))


_TWO_REPLICAS = """
import json, numpy as np, tensorflow as tf
from tfsigmavae.decoders import OptimalSigma

cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
rng = np.random.default_rng(0)
pixels = rng.uniform(0.3, 0.7, (8, 2, 3, 2)).astype("float32")
size = np.linspace(0.01, 0.2, 8).reshape(8, 1, 1, 1)
loc = (pixels + size * rng.normal(size=pixels.shape)).astype("float32")
weights = {
    "mixed": np.array([0, 1, 2, 0.5, 3, 1, 0, 1], "float32"),
    "one without": np.array([0, 0, 0, 0, 3, 1, 0, 1], "float32"),
    "none": np.zeros(8, "float32"),
}
strategies = {
    "one": tf.distribute.get_strategy(),
    "two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
}
results = {}
for scope in ("batch", "image", "channel"):
    for name, strategy in strategies.items():
        with strategy.scope():
            decoder = OptimalSigma(scope, momentum=0.5)
            decoder.build(loc.shape)

        @tf.function
        def step(batch):
            def one(loc, pixels, values):
                dist = decoder(loc, pixels, training=True, sample_weight=values)
                return dist.log_prob(pixels)
            return strategy.run(one, batch)

        fresh = decoder.get_weights()
        for kind, values in weights.items():
            decoder.set_weights(fresh)
            batches = tf.data.Dataset.from_tensor_slices((loc, pixels, values))
            batches = strategy.experimental_distribute_dataset(batches.batch(8))
            for batch in batches:
                log_prob = strategy.experimental_local_results(step(batch))
            results[f"{scope} {kind} {name}"] = {
                "log_prob": np.concatenate(log_prob).tolist(),
                "sigma": np.asarray(decoder.sigma).tolist(),
                "updates": float(decoder.num_updates.numpy()),
            }
print(json.dumps(results))
"""


def test_two_replicas_share_their_weights():
    results = json.loads(run_python(_TWO_REPLICAS).strip().splitlines()[-1])
    names = [name.removesuffix(" one") for name in results if name.endswith(" one")]
    assert len(names) == 9
    for name in names:
        one, two = results[f"{name} one"], results[f"{name} two"]
        assert two["updates"] == one["updates"] == float("none" not in name)
        for key in ("log_prob", "sigma"):
            # Sums of halves, in another order of float32 operations.
            np.testing.assert_allclose(two[key], one[key], rtol=1e-4, err_msg=name)
