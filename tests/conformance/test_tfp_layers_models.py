"""VAEs as they were written for `tfp.layers`, in each of the three styles of Keras."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.losses import NegativeLogLikelihood

tfd = tfp.distributions
SHAPE = [4, 4, 1]
LATENT = 2
PIXELS = (np.random.default_rng(0).random([32, *SHAPE]) > 0.7).astype(np.float32)


def _fit(model, metrics=(), epochs=1):
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss=lambda x, rv_x: -rv_x.log_prob(x),
        metrics=list(metrics),
        jit_compile=False,
    )
    before = model.get_weights()
    history = model.fit(PIXELS, PIXELS, batch_size=8, epochs=epochs, verbose=0).history
    pairs = zip(before, model.get_weights(), strict=True)
    trained = [np.any(old != new) for old, new in pairs]
    return history, sum(trained)


def _check_output(model):
    output = model(PIXELS)
    assert isinstance(output, CoercibleDistribution)
    assert isinstance(output.distribution, tfd.Independent)
    assert isinstance(output.distribution.distribution, tfd.Bernoulli)
    assert output.log_prob(PIXELS).shape == [32]


def accuracy(x, rv_x):
    return tf.reduce_mean(tf.cast(tf.equal(x, rv_x.mode()), tf.float32), [1, 2, 3])


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
def test_sequential_with_a_regularizer():
    prior = tfd.Independent(tfd.Normal(loc=tf.zeros(LATENT), scale=1), 1)
    encoder = keras.Sequential(
        [
            keras.layers.InputLayer(shape=SHAPE),
            keras.layers.Lambda(lambda x: tf.cast(x, tf.float32) - 0.5),
            keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(tfpl.MultivariateNormalTriL.params_size(LATENT)),
            tfpl.MultivariateNormalTriL(
                LATENT, activity_regularizer=tfpl.KLDivergenceRegularizer(prior)
            ),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.layers.InputLayer(shape=[LATENT]),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Reshape([2, 2, 4]),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
            keras.layers.Flatten(),
            tfpl.IndependentBernoulli(SHAPE, tfd.Bernoulli.logits),
        ]
    )
    vae = keras.Model(inputs=encoder.inputs, outputs=decoder(encoder.outputs[0]))
    history, trained = _fit(vae, metrics=[accuracy], epochs=5)
    assert trained == len(vae.weights) == 8
    assert history["loss"][-1] < history["loss"][0]
    assert 0.5 < history["accuracy"][-1] <= 1.0
    _check_output(vae)
    posterior = encoder(PIXELS)
    assert posterior.log_prob(prior.sample(5)[:, None]).shape == [5, 32]
    assert decoder(prior.sample(3)).mean().shape == [3, *SHAPE]
    assert vae.predict(PIXELS, verbose=0).shape == (32, *SHAPE)  # logits


def _images_to_posterior(prior, kind):
    """Layers of an encoder, the KL in a layer of its own or in a regularizer."""
    if kind is tfpl.KLDivergenceRegularizer:
        options = {"activity_regularizer": kind(prior)}
    else:
        options = {}
    posterior = tfpl.MultivariateNormalTriL(LATENT, **options)
    return [
        keras.layers.Flatten(),
        keras.layers.Dense(tfpl.MultivariateNormalTriL.params_size(LATENT)),
        posterior,
        *([] if options else [kind(prior, weight=0.9)]),
    ]


def _code_to_images():
    return [
        keras.layers.Dense(tfpl.IndependentBernoulli.params_size(SHAPE)),
        tfpl.IndependentBernoulli(SHAPE, "mean"),
    ]


def _chain(layers, inputs):
    return functools.reduce(lambda x, layer: layer(x), layers, inputs)


def test_functional_with_a_prior_of_variables():
    prior = tfd.Independent(
        tfd.Normal(
            loc=tf.Variable([0.0, 0.0]),
            scale=tfp.util.TransformedVariable(1.0, tfp.bijectors.Exp()),
        ),
        reinterpreted_batch_ndims=1,
    )
    images = keras.Input(SHAPE)
    code = _chain(_images_to_posterior(prior, tfpl.KLDivergenceAddLoss), images)
    vae = keras.Model(images, _chain(_code_to_images(), code))
    _, trained = _fit(vae)
    assert trained == len(vae.trainable_weights) == 2 + 2 + 2
    _check_output(vae)


@keras.saving.register_keras_serializable(package="tests")
class TfpChain(keras.Model):
    """A subclassed model, as encoders and decoders often were."""

    def __init__(self, chained, **kwargs):
        super().__init__(**kwargs)
        self.chained = chained

    def call(self, inputs):
        return _chain(self.chained, inputs)

    def get_config(self):
        chained = [keras.saving.serialize_keras_object(x) for x in self.chained]
        return {**super().get_config(), "chained": chained}

    @classmethod
    def from_config(cls, config):
        chained = config.pop("chained")
        return cls(
            [keras.saving.deserialize_keras_object(x) for x in chained], **config
        )


def test_subclassed_with_a_trainable_prior_is_saved(tmp_path):
    prior = keras.Sequential(
        [tfpl.VariableLayer([2 * LATENT]), tfpl.IndependentNormal([LATENT])]
    )
    encoder = TfpChain(_images_to_posterior(prior, tfpl.KLDivergenceRegularizer))
    images = keras.Input(SHAPE)
    vae = keras.Model(images, TfpChain(_code_to_images())(encoder(images)))
    _, trained = _fit(vae)
    assert trained == len(vae.trainable_weights) == 2 + 1 + 2
    _check_output(vae)
    vae.compile(vae.optimizer, NegativeLogLikelihood(), jit_compile=False)
    vae.save(tmp_path / "vae.keras")
    reloaded = keras.models.load_model(tmp_path / "vae.keras")
    for old, new in zip(vae.get_weights(), reloaded.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    totals = []
    for model in (vae, reloaded):
        keras.utils.set_random_seed(0)
        totals.append(float(model.test_on_batch(PIXELS, PIXELS)))
        assert len(model.losses) == 1
    np.testing.assert_allclose(totals[1], totals[0], rtol=1e-5)


def _average_of_bernoullis(logits):
    log_prob = tf.reduce_logsumexp(tf.math.log_sigmoid(logits), 0) - np.log(2.0)
    return log_prob - tf.math.log1p(-tf.exp(log_prob))


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
def test_two_draws_of_each_posterior():
    prior = tfd.MultivariateNormalDiag(loc=tf.Variable(tf.zeros([LATENT])))
    encoder = keras.Sequential(
        [
            keras.layers.InputLayer(shape=SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(tfpl.MultivariateNormalTriL.params_size(LATENT)),
            tfpl.MultivariateNormalTriL(LATENT, lambda s: s.sample(2)),
            tfpl.KLDivergenceAddLoss(prior),
        ]
    )
    dense, last = _code_to_images()
    decoder = keras.Sequential(
        [
            keras.layers.InputLayer(batch_shape=[2, None, LATENT]),
            dense,
            keras.layers.Lambda(_average_of_bernoullis),
            last,
        ]
    )
    vae = keras.Model(encoder.inputs, decoder(encoder.outputs[0]))
    assert encoder.output_shape == (2, None, LATENT)
    _, trained = _fit(vae)
    assert trained == len(vae.trainable_weights) == 2 + 1 + 2
    _check_output(vae)
