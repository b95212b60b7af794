"""Sigma solved for: exact optimum in training, running variance elsewhere."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import run_python

from tfsigmavae.decoders import OptimalSigma
from tfsigmavae.losses import NegativeLogLikelihood

SCOPES = ["batch", "image", "channel"]
IMAGES, CLIPS = (4, 6, 5, 3), (3, 2, 4, 4, 3)
each_scope = pytest.mark.parametrize("scope", SCOPES)
each_shape = pytest.mark.parametrize("shape", [IMAGES, CLIPS], ids=["images", "clips"])


def _pair(shape=IMAGES, seed=0):
    """Means and pixels; every image and every channel has an error of its own size."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(0.2, 0.8, shape)
    size = np.linspace(0.02, 0.2, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    size = size * np.linspace(0.5, 1.5, shape[-1])
    loc = pixels + size * rng.normal(size=shape)
    return loc.astype(np.float32), pixels.astype(np.float32)


def _mse(loc, pixels, scope):
    """In float64, broadcastable against the pixels."""
    error = (pixels.astype(np.float64) - loc) ** 2
    axes = tuple(range(error.ndim))
    over = {"batch": axes, "image": axes[1:], "channel": axes[:-1]}[scope]
    return error.mean(over, keepdims=True)


def _num_dims(shape):
    return int(np.prod(shape[1:]))


@each_scope
@each_shape
def test_loss_is_that_of_the_optimum(scope, shape):
    loc, pixels = _pair(shape)
    nll = -OptimalSigma(scope)(tf.constant(loc), pixels, training=True).log_prob(pixels)
    # D / 2 (ln(2 pi MSE) + 1), with D shared out among the sigmas of a scope.
    log_mse = np.log(2 * np.pi * _mse(loc, pixels, scope))
    per_dim = 0.5 * (log_mse + 1.0)
    num_dims = _num_dims(shape)
    np.testing.assert_allclose(np.mean(nll), num_dims * per_dim.mean(), rtol=1e-5)
    if scope == "image":
        np.testing.assert_allclose(nll, num_dims * per_dim.ravel(), rtol=1e-5)


@each_scope
@each_shape
def test_sigma_equals_the_rmse_of_the_target(scope, shape):
    loc, pixels = _pair(shape)
    stddev = OptimalSigma(scope)(tf.constant(loc), pixels, training=True).stddev()
    expected = np.broadcast_to(np.sqrt(_mse(loc, pixels, scope)), shape)
    np.testing.assert_allclose(stddev, expected, rtol=1e-5)


@each_scope
@each_shape
def test_gradient_is_that_of_the_log_of_the_error(scope, shape):
    loc, pixels = _pair(shape)
    means = tf.constant(loc)
    decoder = OptimalSigma(scope)
    with tf.GradientTape() as tape:
        tape.watch(means)
        nll = -decoder(means, pixels, training=True).log_prob(pixels)
        loss = tf.reduce_mean(nll)
    gradient = tape.gradient(loss, means)
    # Gradient of D / 2 mean(ln MSE): the full derivative, by autodiff in float64.
    means = tf.constant(loc, tf.float64)
    axes = list(range(len(shape)))
    over = {"batch": axes, "image": axes[1:], "channel": axes[:-1]}[scope]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(means)
        squared_error = tf.square(tf.cast(pixels, tf.float64) - means)
        mse = tf.reduce_mean(squared_error, over, keepdims=True)
        full = _num_dims(shape) / 2 * tf.reduce_mean(tf.math.log(mse))
        stopped = tf.reduce_sum(squared_error / tf.stop_gradient(2 * mse)) / shape[0]
    for reference in (full, stopped):
        expected = tape.gradient(reference, means).numpy()
        np.testing.assert_allclose(
            gradient, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max()
        )


def test_own_sigma_per_image_is_never_worse_than_a_shared_one():
    loc, pixels = _pair()
    nll = {
        scope: np.mean(
            -OptimalSigma(scope)(tf.constant(loc), pixels, training=True).log_prob(
                pixels
            )
        )
        for scope in SCOPES
    }
    # Jensen: the mean of the logs lies below the log of the mean.
    assert nll["image"] < nll["batch"] and nll["channel"] < nll["batch"]
    same = np.broadcast_to(loc[:1], loc.shape), np.broadcast_to(pixels[:1], loc.shape)
    equal = [
        np.mean(-OptimalSigma(scope)(*same, training=True).log_prob(same[1]))
        for scope in ("image", "batch")
    ]
    np.testing.assert_allclose(*equal, rtol=1e-5)


def test_uint8_targets_mean_value_over_255():
    loc, _ = _pair()
    levels = np.random.default_rng(1).integers(0, 256, IMAGES, dtype=np.uint8)
    for target in (levels, tf.constant(levels)):
        decoder = OptimalSigma()
        decoder(tf.constant(loc), target, training=True)
        expected = np.sqrt(np.mean((levels / 255.0 - loc) ** 2))
        np.testing.assert_allclose(decoder.sigma, expected, rtol=1e-5)


@pytest.mark.parametrize("target", [_pair()[1] * 255, _pair()[1] - 0.5])
def test_targets_out_of_range_are_refused(target):
    with pytest.raises(tf.errors.InvalidArgumentError, match="`target` must lie in"):
        OptimalSigma()(tf.constant(_pair()[0]), target, training=True)


@each_scope
@each_shape
def test_the_floor_is_hard_and_exact(scope, shape):
    pixels = _pair(shape)[1]
    decoder = OptimalSigma(scope, min_sigma=0.01)
    for residual, sigma in ((0.0, 0.01), (0.009, 0.01), (0.011, 0.011)):
        loc = tf.constant(pixels + np.float32(residual))
        distribution = decoder(loc, pixels, training=True)
        np.testing.assert_allclose(
            distribution.stddev(), np.full(shape, sigma), rtol=1e-4
        )
    nll = -decoder(tf.constant(pixels), pixels, training=True).log_prob(pixels)
    expected = _num_dims(shape) / 2 * np.log(2 * np.pi * 0.01**2)
    np.testing.assert_allclose(nll, [expected] * shape[0], rtol=1e-5)


@pytest.mark.parametrize("min_sigma", [1e-3, 0.01])
@pytest.mark.parametrize("momentum", [0.9, 0.98, 0.999])
def test_the_running_variance_is_floored_too(min_sigma, momentum):
    # Far below the initial variance of 1, whose rounding error must not stay in it.
    decoder = OptimalSigma(min_sigma=min_sigma, momentum=momentum)
    pixels = tf.constant(_pair()[1])
    for _ in range(3):
        decoder(pixels, pixels, training=True)
        np.testing.assert_allclose(decoder.sigma, min_sigma, rtol=1e-5)


# The running variance.


def _expected_running(batches, scope, momentum):
    """Zero-started exponential average divided by 1 - m**n, written as a plain loop."""
    total, weight = 0.0, 0.0
    for loc, pixels in batches:
        mse = _mse(loc, pixels, scope)
        mse = mse.ravel() if scope == "channel" else mse.mean()
        total = momentum * total + (1.0 - momentum) * mse
        weight = momentum * weight + (1.0 - momentum)
    return total / weight


def _batches(num, shape=IMAGES):
    return [
        (loc * 0.9**seed, pixels * 0.9**seed)
        for seed in range(num)
        for loc, pixels in [_pair(shape, seed)]
    ]


@each_scope
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.98])
def test_running_variance_is_the_debiased_average(scope, momentum):
    decoder = OptimalSigma(scope, momentum=momentum)
    batches = _batches(6)
    for i, (loc, pixels) in enumerate(batches):
        decoder(tf.constant(loc), pixels, training=True)
        expected = _expected_running(batches[: i + 1], scope, momentum)
        np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)
        np.testing.assert_allclose(decoder.sigma, np.sqrt(expected), rtol=1e-5)


def test_the_first_batch_replaces_the_initial_sigma():
    loc, pixels = _pair()
    decoder = OptimalSigma(initial_sigma=0.3)
    np.testing.assert_allclose(decoder.sigma, 0.3, rtol=1e-6)
    decoder(tf.constant(loc))
    np.testing.assert_allclose(decoder.sigma, 0.3, rtol=1e-6)
    decoder(tf.constant(loc), pixels, training=True)
    expected = np.sqrt(_mse(loc, pixels, "batch").item())
    np.testing.assert_allclose(decoder.sigma, expected, rtol=1e-5)


@each_scope
@pytest.mark.parametrize("with_target", [True, False])
def test_outside_training_the_running_sigma_is_used_and_kept(scope, with_target):
    decoder = OptimalSigma(scope)
    for loc, pixels in _batches(3):
        decoder(tf.constant(loc), pixels, training=True)
    before = [weight.numpy() for weight in decoder.weights]
    loc, pixels = _pair(seed=9)
    target = 0.1 * pixels if with_target else None
    distribution = decoder(tf.constant(loc), target, training=False)
    expected = np.broadcast_to(np.sqrt(before[0]), IMAGES)
    np.testing.assert_allclose(distribution.stddev(), expected, rtol=1e-6)
    for weight, old in zip(decoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


@each_scope
@pytest.mark.parametrize(
    ("value", "jit_compile"),
    [(np.nan, False), (np.nan, True), (np.inf, False), (-np.inf, True)],
)
def test_a_batch_that_is_not_finite_does_not_enter(scope, value, jit_compile):
    decoder = OptimalSigma(scope, momentum=0.5)
    batches = _batches(3)
    decoder.build(IMAGES)
    step = tf.function(
        lambda loc, pixels: decoder(loc, pixels, training=True).log_prob(pixels),
        jit_compile=jit_compile,
    )
    bad = batches[0][0].copy()
    bad[0, 0, 0, 0] = value
    step(bad, batches[0][1])  # also as the very first batch
    np.testing.assert_allclose(decoder.sigma, np.ones_like(decoder.sigma))
    for loc, pixels in batches:
        step(loc, pixels)
        lost = step(bad, pixels)
        assert not np.isfinite(lost).all(), "the loss must not hide it"
    expected = _expected_running(batches, scope, 0.5)
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)
    assert decoder.num_updates.numpy() == 3


def _model(scope):
    """mean = image * gain, with the target as a second input."""
    image, target = keras.Input(IMAGES[1:]), keras.Input(IMAGES[1:])
    loc = keras.layers.Dense(3, use_bias=False, kernel_initializer="identity")(image)
    decoder = OptimalSigma(scope, momentum=0.7, name="decoder")
    model = keras.Model([image, target], decoder(loc, target))
    model.compile(keras.optimizers.SGD(0.0), NegativeLogLikelihood(), run_eagerly=True)
    return model


@each_scope
def test_running_variance_goes_on_after_saving(scope, tmp_path):
    batches = _batches(4)
    model = _model(scope)
    for loc, pixels in batches[:2]:
        model.train_on_batch([loc, pixels], pixels)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    decoder = reloaded.get_layer("decoder")
    np.testing.assert_array_equal(decoder.sigma, model.get_layer("decoder").sigma)
    for loc, pixels in batches[2:]:
        reloaded.train_on_batch([loc, pixels], pixels)
    expected = _expected_running(batches, scope, 0.7)
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)


def test_evaluate_and_predict_leave_the_state_alone():
    model = _model("batch")
    loc, pixels = _pair()
    model.train_on_batch([loc, pixels], pixels)
    before = [weight.numpy() for weight in model.weights]
    other_loc, other = _pair(seed=5)
    loss = model.evaluate([other_loc, other], other, verbose=0)
    model.predict([other_loc, other], verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    # The training variance scores the other images.
    variance = _mse(loc, pixels, "batch").item()
    num_dims = _num_dims(IMAGES)
    expected = 0.5 * num_dims * np.log(2 * np.pi * variance)
    other_mse = _mse(other_loc, other, "batch").item()
    expected += 0.5 * num_dims * other_mse / variance
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_after_training_sigma_is_the_rmse_of_the_residuals():
    rng = np.random.default_rng(0)
    images = rng.random((64, 4, 4, 1), dtype=np.float32)
    mixing = rng.dirichlet(np.ones(16), 16).astype(np.float32)
    noise = 0.1 * rng.normal(size=images.shape)
    target = images.reshape(64, 16) @ mixing
    target = np.clip(target.reshape(images.shape) + noise, 0, 1).astype(np.float32)
    image, pixels = keras.Input([4, 4, 1]), keras.Input([4, 4, 1])
    hidden = keras.layers.Flatten()(image)
    initializer = keras.initializers.GlorotUniform(seed=0)
    hidden = keras.layers.Dense(16, "sigmoid", kernel_initializer=initializer)(hidden)
    decoder = OptimalSigma()
    model = keras.Model(
        [image, pixels], decoder(keras.layers.Reshape([4, 4, 1])(hidden), pixels)
    )
    model.compile(
        keras.optimizers.Adam(0.02), NegativeLogLikelihood(), jit_compile=False
    )
    batches = tf.data.Dataset.from_tensors(((images, target), target)).repeat(300)
    model.fit(batches, verbose=0)
    residual = model.predict((images, target), verbose=0) - target
    rmse = np.sqrt(np.mean(residual.astype(np.float64) ** 2))
    assert rmse < 0.5 * np.std(target) + 0.1  # it has learned something
    np.testing.assert_allclose(decoder.sigma, rmse, rtol=0.03)


# Around it: precision, replicas, refusals.


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_stays_float32_under_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        decoder = OptimalSigma()
        half = tf.float16 if policy == "mixed_float16" else tf.bfloat16
        loc = tf.cast(_pair()[0], half)
        # 1e-4: a float16 mean of squares would already round it to a few digits.
        pixels = tf.clip_by_value(tf.cast(loc, tf.float32) + 0.01, 0.0, 1.0)
        distribution = decoder(loc, pixels, training=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert {weight.dtype for weight in decoder.weights} == {"float32"}
    assert distribution.dtype == distribution.log_prob(pixels).dtype == tf.float32
    error = (pixels.numpy() - tf.cast(loc, tf.float64).numpy()) ** 2
    np.testing.assert_allclose(decoder.sigma, np.sqrt(error.mean()), rtol=1e-5)


def test_training_without_a_target_warns_and_keeps_sigma():
    decoder = OptimalSigma(initial_sigma=0.4)
    with pytest.warns(UserWarning, match="no `target`: its sigma is not fitted"):
        distribution = decoder(tf.constant(_pair()[0]), training=True)
    np.testing.assert_allclose(distribution.stddev(), np.full(IMAGES, 0.4), rtol=1e-6)
    assert decoder.num_updates.numpy() == 0


@pytest.mark.parametrize("shape", [(4, 6, 5, 1), (1, 6, 5, 3), (6, 5, 3), (4, 6, 5)])
def test_a_target_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="must have the shape of `params`"):
        OptimalSigma()(tf.constant(_pair()[0]), tf.zeros(shape), training=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scope": "pixel"}, "Unknown `scope`"),
        ({"momentum": 1.0}, "`momentum` must be in"),
        ({"momentum": -0.1}, "`momentum` must be in"),
        ({"min_sigma": 0.0}, "`min_sigma` must be positive"),
        ({"min_sigma": 0.5, "initial_sigma": 0.1}, "at most `initial_sigma`"),
        ({"initial_sigma": float("nan")}, "at most `initial_sigma`"),
        ({"initial_sigma": float("inf")}, "`initial_sigma`"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        OptimalSigma(**arguments)


@each_scope
def test_a_free_batch_size_in_a_graph(scope):
    decoder = OptimalSigma(scope)
    decoder.build(IMAGES)
    spec = tf.TensorSpec([None, *IMAGES[1:]])
    step = tf.function(
        lambda loc, pixels: decoder(loc, pixels, training=True).log_prob(pixels),
        input_signature=[spec, spec],
    )
    loc, pixels = _pair()
    expected = OptimalSigma(scope)(tf.constant(loc), pixels, training=True)
    np.testing.assert_allclose(step(loc, pixels), expected.log_prob(pixels), rtol=1e-5)


# Real values and events of fewer axes.


@each_scope
@each_shape
def test_real_values_have_a_sigma_in_their_unit(scope, shape):
    loc, values = (1000.0 * array - 300.0 for array in _pair(shape))
    decoder = OptimalSigma(scope, values="real")
    distribution = decoder(tf.constant(loc), values, training=True)
    sigma = np.sqrt(_mse(loc, values, scope))
    expected = np.broadcast_to(sigma, shape)
    np.testing.assert_allclose(distribution.stddev(), expected, rtol=1e-4)
    nll = np.mean(-distribution.log_prob(values))
    per_dim = 0.5 * (np.log(2 * np.pi * sigma**2) + 1.0)
    np.testing.assert_allclose(nll, _num_dims(shape) * per_dim.mean(), rtol=1e-5)
    with pytest.raises(TypeError, match="`target` must be floating"):
        decoder(tf.constant(loc), np.zeros(shape, np.uint8), training=True)


def test_an_event_of_fewer_axes_has_its_own_sigma():
    loc, pixels = _pair(CLIPS)  # three clips of two frames
    error = (np.float64(pixels) - loc) ** 2
    for event_rank, axes in ((4, (1, 2, 3, 4)), (3, (2, 3, 4)), (1, (4,))):
        decoder = OptimalSigma("image", event_rank=event_rank)
        distribution = decoder(tf.constant(loc), pixels, training=True)
        expected = np.sqrt(error.mean(axes, keepdims=True))
        expected = np.broadcast_to(expected, CLIPS)
        np.testing.assert_allclose(distribution.stddev(), expected, rtol=1e-4)
        # The running sigma is one for all of them.
        np.testing.assert_allclose(decoder.sigma, np.sqrt(error.mean()), rtol=1e-5)


# Calibration by a pass over the data.


@each_scope
@pytest.mark.parametrize("trained", [False, True])
def test_calibration_sets_sigma(scope, trained):
    decoder = OptimalSigma(scope)
    loc, pixels = _pair()
    if trained:
        decoder(tf.constant(loc), pixels, training=True)
    errors = np.array([0.01, 0.04, 0.16], np.float32)
    decoder.calibrate(tf.constant(errors))
    expected = np.sqrt(errors if scope == "channel" else errors.mean())
    np.testing.assert_allclose(decoder.sigma, expected, rtol=1e-6)
    stddev = decoder(tf.constant(loc)).stddev()
    np.testing.assert_allclose(stddev, np.broadcast_to(expected, IMAGES), rtol=1e-6)


def test_training_goes_on_from_a_calibrated_sigma():
    decoder = OptimalSigma(momentum=0.5)
    batches = _batches(2)
    for loc, pixels in batches:
        decoder(tf.constant(loc), pixels, training=True)
    decoder.calibrate(tf.constant([0.01]))
    decoder(tf.constant(batches[0][0]), batches[0][1], training=True)
    # The third of the updates, (1 - m) / (1 - m**3) = 4 / 7.
    mse = _mse(*batches[0], "batch").item()
    expected = 3 / 7 * 0.01 + 4 / 7 * mse
    np.testing.assert_allclose(decoder.running_variance, expected, rtol=1e-5)


@each_scope
def test_calibration_keeps_the_floor(scope):
    decoder = OptimalSigma(scope, min_sigma=0.1)
    decoder.calibrate(tf.constant([0.0, 0.0, 0.0]))
    np.testing.assert_allclose(decoder.sigma, 0.1 * np.ones_like(decoder.sigma), 1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_refuses_an_error_that_is_not_finite(value):
    decoder = OptimalSigma()
    with pytest.raises(tf.errors.InvalidArgumentError, match="not finite"):
        decoder.calibrate(tf.constant([0.1, value]))
    np.testing.assert_allclose(decoder.sigma, 1.0)


_TWO_REPLICAS = """
import json, keras, numpy as np, tensorflow as tf
from tfsigmavae.decoders import OptimalSigma
from tfsigmavae.models import ElboTerms, VariationalModel

class Gain(VariationalModel):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gain = self.add_weight(shape=(3,), initializer="ones", name="gain")
        self.decoder.build([None, 4, 4, 3])
        self.built = True

    def call(self, inputs, training=False):
        return inputs * self.gain

    def elbo_terms(self, inputs, training):
        target = tf.sqrt(inputs)
        likelihood = self.decoder(inputs * self.gain, target, training=training)
        return ElboTerms(likelihood, target, kl=tf.zeros(tf.shape(inputs)[0]))

cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
images = np.random.default_rng(0).random((24, 4, 4, 3)).astype("float32")
images[np.arange(24) % 8 < 4] *= 0.1  # the halves of a batch differ in error
batches = tf.data.Dataset.from_tensor_slices(images).batch(8)
strategies = {
    "one": tf.distribute.get_strategy(),
    "two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
}
results = {}
for scope in ("batch", "image", "channel"):
    for name, strategy in strategies.items():
        with strategy.scope():
            model = Gain(decoder=OptimalSigma(scope, momentum=0.5), seed=0)
            model.compile(keras.optimizers.SGD(1e-3), jit_compile=False)
        history = model.fit(batches, verbose=0).history
        results[f"{scope}-{name}"] = {
            "gain": np.asarray(model.gain).tolist(),
            "sigma": np.asarray(model.decoder.sigma).tolist(),
            "updates": float(model.decoder.num_updates.numpy()),
            "loss": history["loss"],
            "evaluated": float(
                model.evaluate(batches, verbose=0, return_dict=True)["loss"]
            ),
        }
print(json.dumps(results))
"""


def test_two_replicas_equal_one_device():
    results = json.loads(run_python(_TWO_REPLICAS).strip().splitlines()[-1])
    for scope in SCOPES:
        one, two = results[f"{scope}-one"], results[f"{scope}-two"]
        assert two["updates"] == one["updates"] == 3
        for key in ("gain", "sigma", "loss", "evaluated"):
            # Sums of halves, in another order of float32 operations.
            np.testing.assert_allclose(two[key], one[key], rtol=1e-4, err_msg=key)
        assert np.any(np.abs(np.array(one["gain"]) - 1.0) > 1e-3), "nothing trained"
