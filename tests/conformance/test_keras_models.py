"""Keras models of every kind that output distributions, through all of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders import FixedSigma, OptimalSigma, SharedSigma
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
SHAPE = (4, 4, 3)
LEVELS = np.random.default_rng(0).integers(0, 256, (8, *SHAPE), dtype=np.uint8)
PIXELS = (LEVELS / 255.0).astype(np.float32)


def _generator(**kwargs):
    initializer = keras.initializers.GlorotUniform(seed=1)
    return keras.layers.Conv2D(
        3, 3, padding="same", activation="sigmoid", kernel_initializer=initializer
    )


def _functional():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, FixedSigma(0.2)(_generator()(inputs)))


def _sequential():
    return keras.Sequential([keras.Input(SHAPE), _generator(), FixedSigma(0.2)])


def _sequential_without_input():
    return keras.Sequential([_generator(), FixedSigma(0.2)])


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.decoder = _generator(), FixedSigma(0.2)

    def call(self, inputs):
        return self.decoder(self.generator(inputs))


def _nested():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, _functional()(inputs))


def _numpy_nll(distribution, pixels=PIXELS, sigma=0.2):
    error = np.float64(pixels) - np.float64(distribution.mean())
    terms = 0.5 * (error / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)
    return terms.sum(axis=(1, 2, 3))


KINDS = [_functional, _sequential, _sequential_without_input, Subclassed, _nested]


@pytest.mark.parametrize("make", KINDS)
def test_all_of_keras(make, tmp_path):
    model = make()
    # As written without further thought, which is XLA, in the simplest style.
    options = {} if make is _functional else {"jit_compile": False}
    model.compile(
        keras.optimizers.SGD(1e-4), NegativeLogLikelihood(), metrics=["mse"], **options
    )
    model.build((None, *SHAPE))
    expected = _numpy_nll(model(PIXELS)).mean()
    history = model.fit(PIXELS, PIXELS, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-4)
    assert history["loss"][1] < history["loss"][0]
    distribution = model(PIXELS)
    assert isinstance(distribution, CoercibleDistribution)
    mse = np.mean((PIXELS - distribution.mean()) ** 2)
    loss = _numpy_nll(distribution).mean()
    evaluated = model.evaluate(PIXELS, PIXELS, batch_size=4, verbose=0)
    np.testing.assert_allclose(evaluated, [loss, mse], rtol=1e-4)
    prediction = model.predict(PIXELS, verbose=0)
    assert isinstance(prediction, np.ndarray)
    np.testing.assert_allclose(prediction, distribution.mean(), atol=1e-6)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(reloaded(PIXELS), CoercibleDistribution)
    assert reloaded.evaluate(PIXELS, PIXELS, batch_size=4, verbose=0) == evaluated
    model.export(tmp_path / "saved", verbose=False)
    exported = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(
        exported.serve(PIXELS[:3]), distribution.mean()[:3], atol=1e-6
    )


@pytest.mark.parametrize("jit_compile", [True, False])
def test_uint8_targets_reach_the_loss_as_uint8(jit_compile):
    """A cast to float by Keras would make them 255 times too large, in silence."""
    model = _functional()
    model.compile(
        keras.optimizers.SGD(0.0), NegativeLogLikelihood(), jit_compile=jit_compile
    )
    expected = _numpy_nll(model(PIXELS)).mean()
    batches = tf.data.Dataset.from_tensors((PIXELS, LEVELS))
    for loss in (
        model.fit(PIXELS, LEVELS, verbose=0).history["loss"][0],
        model.fit(batches, verbose=0).history["loss"][0],
        model.evaluate(PIXELS, LEVELS, verbose=0),
        model.train_on_batch(PIXELS, LEVELS),
    ):
        np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16])
def test_other_integer_targets_are_refused(dtype):
    model = _functional()
    model.compile(loss=NegativeLogLikelihood(), jit_compile=False)
    with pytest.raises(TypeError, match="uint8"):
        model.evaluate(PIXELS, LEVELS.astype(dtype), verbose=0)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_sample_weights(jit_compile):
    model = _functional()
    model.compile(
        keras.optimizers.SGD(0.0), NegativeLogLikelihood(), jit_compile=jit_compile
    )
    weights = np.arange(8, dtype=np.float32)
    expected = np.mean(weights * _numpy_nll(model(PIXELS)))
    data = (PIXELS, PIXELS)
    history = model.fit(*data, sample_weight=weights, verbose=0).history
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-4)
    loss = model.evaluate(*data, sample_weight=weights, verbose=0)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_plain_function_as_loss_and_metric(run_eagerly):
    model = _functional()
    model.compile(
        keras.optimizers.SGD(0.0),
        loss=lambda pixels, distribution: -distribution.log_prob(pixels),
        metrics=[lambda pixels, distribution: distribution.stddev()],
        run_eagerly=run_eagerly,
        jit_compile=False,
    )
    expected = _numpy_nll(model(PIXELS)).mean()
    history = model.fit(PIXELS, PIXELS, verbose=0).history
    np.testing.assert_allclose(history.pop("loss")[0], expected, rtol=1e-4)
    ((stddev,),) = history.values()
    np.testing.assert_allclose(stddev, 0.2, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_other_global_precisions(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = _functional()
        model.compile(
            keras.optimizers.SGD(0.0), NegativeLogLikelihood(), jit_compile=False
        )
        expected = _numpy_nll(model(PIXELS)).mean()
        loss = model.fit(PIXELS, PIXELS, verbose=0).history["loss"][0]
    finally:
        keras.config.set_dtype_policy(before)
    expected_dtype = tf.float64 if policy == "float64" else tf.float32
    assert model(PIXELS).dtype == expected_dtype
    # The mean has the 8 bits of bfloat16.
    np.testing.assert_allclose(loss, expected, rtol=1e-2)


@keras.saving.register_keras_serializable(package="tests")
def rate(_, posterior):
    prior = tfd.Independent(tfd.Normal(tf.zeros([2]), 1.0), 1)
    return tfd.kl_divergence(posterior, prior)


def _two_outputs():
    """A functional VAE: its outputs are a posterior and a likelihood."""
    inputs = keras.Input(SHAPE)
    hidden = keras.layers.Dense(4)(keras.layers.Flatten()(inputs))
    posterior = DiagonalNormal(2, name="posterior")(hidden)
    hidden = keras.layers.Dense(48, "sigmoid")(posterior)
    image = SharedSigma(0.3, name="image")(keras.layers.Reshape(SHAPE)(hidden))
    return keras.Model(inputs, {"image": image, "posterior": posterior})


def test_several_outputs_with_a_loss_each(tmp_path):
    model = _two_outputs()
    model.compile(
        keras.optimizers.Adam(0.05),
        loss={"image": NegativeLogLikelihood(), "posterior": rate},
        loss_weights={"image": 1.0, "posterior": 0.5},
        jit_compile=False,
    )
    targets = {"image": LEVELS, "posterior": np.zeros([8, 2])}
    history = model.fit(PIXELS, targets, epochs=20, verbose=0).history
    for total, nll, kl in zip(
        history["loss"], history["image_loss"], history["posterior_loss"], strict=True
    ):
        np.testing.assert_allclose(total, nll + 0.5 * kl, rtol=1e-4)
    assert history["loss"][-1] < history["loss"][0]
    outputs = model(PIXELS)
    kl = np.mean(rate(None, outputs["posterior"]))
    logs = model.evaluate(PIXELS, targets, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["posterior_loss"], kl, rtol=1e-4)
    prediction = model.predict(PIXELS, verbose=0)
    assert {name: value.shape for name, value in prediction.items()} == {
        "image": (8, *SHAPE),
        "posterior": (8, 2),
    }
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    logs = reloaded.evaluate(PIXELS, targets, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["posterior_loss"], kl, rtol=1e-4)
    model.export(tmp_path / "saved", verbose=False)
    exported = tf.saved_model.load(tmp_path / "saved")
    served = exported.serve(PIXELS[:3])
    assert served["image"].shape == (3, *SHAPE) and served["posterior"].shape == (3, 2)


def test_the_next_layer_gets_the_very_sample_of_the_output():
    inputs = keras.Input([4])
    posterior = DiagonalNormal(2)(inputs)
    doubled = keras.layers.Rescaling(2.0)(posterior)
    model = keras.Model(inputs, [posterior, doubled])
    sample, twice = model(np.zeros([5, 4], np.float32))
    np.testing.assert_array_equal(twice, 2.0 * sample)
    sample, twice = model.predict(np.zeros([5, 4]), verbose=0)
    np.testing.assert_array_equal(twice, 2.0 * sample)


def test_gradients_cross_a_sampled_layer():
    model = _two_outputs()
    model.compile("sgd", loss={"image": NegativeLogLikelihood()}, run_eagerly=True)
    before = model.get_weights()
    model.train_on_batch(PIXELS, {"image": PIXELS})
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.any(new != old)


def test_optimal_sigma_takes_its_target_as_an_input():
    image, target = keras.Input(SHAPE), keras.Input(SHAPE)
    decoder = OptimalSigma()
    model = keras.Model([image, target], decoder(_generator()(image), target))
    model.compile(keras.optimizers.SGD(0.0), NegativeLogLikelihood(), jit_compile=False)
    loss = model.fit([PIXELS, PIXELS], PIXELS, verbose=0).history["loss"][0]
    mse = np.mean((PIXELS - model([PIXELS, PIXELS]).mean()) ** 2)
    np.testing.assert_allclose(loss, 24 * (np.log(2 * np.pi * mse) + 1), rtol=1e-4)
    np.testing.assert_allclose(decoder.sigma, np.sqrt(mse), rtol=1e-4)


def test_optimal_sigma_without_a_target_warns_in_a_functional_model():
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, OptimalSigma()(_generator()(inputs)))
    model.compile("sgd", NegativeLogLikelihood(), jit_compile=False)
    with pytest.warns(UserWarning, match="no `target`: its sigma is not fitted"):
        model.fit(PIXELS, PIXELS, verbose=0)


def test_a_wrong_target_is_refused_in_fit_too():
    model = _functional()
    model.compile("sgd", NegativeLogLikelihood(), jit_compile=False)
    with pytest.raises(ValueError, match="must have batch shape plus event shape"):
        model.fit(PIXELS, PIXELS[..., :1], verbose=0)


def test_summary_shows_the_shape(capsys):
    _functional().summary()
    assert "(None, 4, 4, 3)" in capsys.readouterr().out
