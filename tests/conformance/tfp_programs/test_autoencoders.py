"""Variational autoencoders and their kin as they were written for `tfp.layers`.

But for the imports each is what one would write for TFP, unless it says what differs.
The KL of a regularizer is counted twice by TFP itself: there, `weight` has to be half.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tfp_program import fit, negloglik

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
SHAPE = [4, 4, 1]
LATENT = 2
LABELS = np.random.default_rng(0).integers(0, 2, 48)
BRIGHT = np.random.default_rng(1).random([48, *SHAPE])
# Class 1 is mostly white, class 0 mostly black.
PIXELS = (BRIGHT < 0.2 + 0.6 * LABELS[:, None, None, None]).astype(np.float32)
GUESS = 16 * np.log(2.0)


def _standard_prior():
    return tfd.Independent(tfd.Normal(loc=tf.zeros(LATENT), scale=1), 1)


def _encoder(**options):
    return keras.Sequential(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(tfpl.IndependentNormal.params_size(LATENT)),
            tfpl.IndependentNormal(LATENT, **options),
        ]
    )


def _decoder():
    return keras.Sequential(
        [
            keras.layers.Dense(tfpl.IndependentBernoulli.params_size(SHAPE)),
            tfpl.IndependentBernoulli(SHAPE, tfd.Bernoulli.logits),
        ]
    )


def _vae(encoder, decoder):
    images = keras.Input(SHAPE)
    return keras.Model(images, decoder(encoder(images)))


def test_tutorial_in_one_sequential_model():
    """Encoder and decoder are layers of one model."""
    encoder = _encoder(
        activity_regularizer=tfpl.KLDivergenceRegularizer(_standard_prior())
    )
    vae = keras.Sequential([encoder, _decoder()])
    fit(vae, PIXELS, PIXELS, steps=30)
    rv = vae(PIXELS)
    assert isinstance(rv, tfd.Distribution)
    assert np.mean(rv.log_prob(PIXELS)) > -GUESS
    assert rv.mean().shape == rv.sample().shape == rv.mode().shape == PIXELS.shape


def test_a_kl_layer_with_exact_divergence():
    """Differs: TFP sums an exact KL over the batch; its weight is 1 / batch there."""
    images = keras.Input(SHAPE)
    params = keras.layers.Dense(tfpl.MultivariateNormalTriL.params_size(LATENT))(
        keras.layers.Flatten()(images)
    )
    code = tfpl.MultivariateNormalTriL(LATENT)(params)
    prior = tfd.MultivariateNormalDiag(tf.zeros(LATENT))
    code = tfpl.KLDivergenceAddLoss(prior, use_exact_kl=True)(code)
    vae = keras.Model(images, _decoder()(code))
    fit(vae, PIXELS, PIXELS, steps=30)
    rv = vae(PIXELS)
    posterior = keras.Model(images, code)(PIXELS)
    kl = tfd.kl_divergence(posterior, prior)
    np.testing.assert_allclose(vae.losses, [np.mean(kl)], rtol=1e-4)
    assert np.mean(rv.log_prob(PIXELS)) > -GUESS


def test_beta_weighs_the_kl():
    """The larger beta, the nearer the posterior is to the prior."""
    divergences = []
    for beta in (0.1, 10.0):
        regularizer = tfpl.KLDivergenceRegularizer(
            _standard_prior(), use_exact_kl=True, weight=beta
        )
        encoder = _encoder(activity_regularizer=regularizer)
        fit(_vae(encoder, _decoder()), PIXELS, PIXELS, steps=30)
        kl = tfd.kl_divergence(encoder(PIXELS), _standard_prior())
        divergences.append(np.mean(kl))
    assert divergences[1] < 0.5 * divergences[0]


def test_warm_up_of_the_kl_by_a_callback():
    beta = tf.Variable(0.0, trainable=False)

    class WarmUp(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            beta.assign(min(1.0, epoch / 2))

    encoder = _encoder(
        activity_regularizer=tfpl.KLDivergenceRegularizer(
            _standard_prior(), use_exact_kl=True, weight=beta
        )
    )
    vae = _vae(encoder, _decoder())
    vae.compile(keras.optimizers.SGD(0.0), negloglik, jit_compile=False)
    history = vae.fit(PIXELS, PIXELS, epochs=3, callbacks=[WarmUp()], verbose=0)
    encoder(PIXELS)
    kl = float(encoder.losses[0])
    first, second, third = history.history["loss"]
    # The likelihood of one draw a step is noisy, the KL is not.
    assert kl > 0.0 and first < second < third
    assert third - second == pytest.approx(second - first, abs=0.5 * kl)


def test_learned_prior():
    prior = keras.Sequential(
        [
            tfpl.VariableLayer([tfpl.IndependentNormal.params_size(LATENT)]),
            tfpl.IndependentNormal(LATENT),
        ]
    )
    vae = _vae(
        _encoder(activity_regularizer=tfpl.KLDivergenceRegularizer(prior)), _decoder()
    )
    fit(vae, PIXELS, PIXELS, steps=20)
    assert np.any(prior.get_weights()[0])
    assert len(vae.trainable_weights) == 5


def test_mixture_prior_of_pseudo_inputs():
    """As a VampPrior: the encoder itself at inputs that are learned."""
    dense = keras.layers.Dense(tfpl.IndependentNormal.params_size(LATENT))
    pseudo_inputs = tfpl.VariableLayer([5, 16], initializer="random_normal")

    class VampPrior(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.pseudo_inputs = dense, pseudo_inputs
            self.mixture = tfpl.DistributionLambda(
                lambda params: tfd.MixtureSameFamily(
                    tfd.Categorical(logits=tf.zeros(5)),
                    tfpl.IndependentNormal.new(params, LATENT),
                )
            )

        def call(self, inputs):
            return self.mixture(self.dense(self.pseudo_inputs(inputs)))

    images = keras.Input(SHAPE)
    code = tfpl.IndependentNormal(LATENT)(dense(keras.layers.Flatten()(images)))
    code = tfpl.KLDivergenceAddLoss(VampPrior())(code)
    vae = keras.Model(images, _decoder()(code))
    before = pseudo_inputs.get_weights()[0]
    fit(vae, PIXELS, PIXELS, steps=20)
    assert np.any(pseudo_inputs.get_weights()[0] != before)
    assert len(vae.trainable_weights) == 5


def test_mixture_of_gaussians_as_prior():
    """Its means and weights are variables of the distribution."""
    prior = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.Variable(tf.zeros(3))),
        tfd.MultivariateNormalDiag(
            tf.Variable(tf.random.normal([3, LATENT])), tf.ones([3, LATENT])
        ),
    )
    encoder = _encoder(activity_regularizer=tfpl.KLDivergenceRegularizer(prior))
    vae = _vae(encoder, _decoder())
    fit(vae, PIXELS, PIXELS, steps=20)
    assert len(vae.trainable_weights) == 2 + 2 + 2
    assert np.any(prior.mixture_distribution.logits)


def test_conditional_vae():
    """Two inputs; the label chooses what is generated."""
    images, labels = keras.Input(SHAPE), keras.Input([2])
    code = _encoder(
        activity_regularizer=tfpl.KLDivergenceRegularizer(_standard_prior())
    )(images)
    # What a distribution stands for is a tensor to the next layer.
    decoder = _decoder()
    outputs = decoder(keras.layers.Concatenate()([code, labels]))
    vae = keras.Model([images, labels], outputs)
    one_hot = np.eye(2, dtype=np.float32)[LABELS]
    fit(vae, (PIXELS, one_hot), PIXELS, steps=80)
    z = tf.random.normal([20, LATENT])
    dark, bright = (
        decoder(tf.concat([z, tf.tile(row, [20, 1])], -1)).mean()
        for row in (np.float32([[1, 0]]), np.float32([[0, 1]]))
    )
    assert np.mean(dark) < 0.4 < 0.6 < np.mean(bright)


def test_importance_weighted_draws():
    """Several draws of each posterior, the bound in a loss of its own."""
    prior = _standard_prior()
    encoder = _encoder(convert_to_tensor_fn=lambda d: d.sample(6))
    decoder = _decoder()
    encoder.build([None, *SHAPE])
    decoder.build([None, None, LATENT])
    optimizer = keras.optimizers.Adam(0.05)
    variables = encoder.trainable_variables + decoder.trainable_variables

    def bounds():
        posterior = encoder(PIXELS)
        z = tf.convert_to_tensor(posterior)
        log_weight = decoder(z).log_prob(PIXELS) + prior.log_prob(z)
        log_weight -= posterior.log_prob(z)
        iwae = tf.reduce_logsumexp(log_weight, 0) - np.log(6.0)
        return tf.reduce_mean(iwae), tf.reduce_mean(log_weight)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -bounds()[0]
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    losses = [float(step()) for _ in range(30)]
    assert losses[-1] < losses[0]
    iwae, elbo = bounds()
    assert float(iwae) > float(elbo)  # Jensen


def test_semi_supervised_head_of_two_outputs():
    images = keras.Input(SHAPE)
    code = _encoder(
        activity_regularizer=tfpl.KLDivergenceRegularizer(_standard_prior())
    )(images)
    classes = tfpl.OneHotCategorical(2, name="classes")(keras.layers.Dense(2)(code))
    pixels = keras.layers.Dense(16)(code)
    pixels = tfpl.IndependentBernoulli(SHAPE, name="pixels")(pixels)
    model = keras.Model(images, {"pixels": pixels, "classes": classes})
    y = {"pixels": PIXELS, "classes": np.eye(2, dtype=np.float32)[LABELS]}
    loss = {"pixels": negloglik, "classes": negloglik}
    fit(model, PIXELS, y, loss=loss, loss_weights={"pixels": 1.0, "classes": 5.0})
    right = np.argmax(model(PIXELS)["classes"].mode(), -1) == LABELS
    assert np.mean(right) > 0.8


def test_joint_distribution_of_code_and_image():
    """The generative model as one joint distribution, with the weights of a decoder."""
    decoder = _decoder()
    decoder.build([None, LATENT])
    kernel, bias = decoder.get_weights()
    joint = tfd.JointDistributionSequential(
        [
            _standard_prior(),
            lambda z: tfpl.IndependentBernoulli.new(
                tf.tensordot(z, kernel, 1) + bias, SHAPE
            ),
        ]
    )
    z, x = joint.sample(3)
    assert z.shape == [3, LATENT] and x.shape == [3, *SHAPE]
    expected = _standard_prior().log_prob(z) + decoder(z).log_prob(x)
    np.testing.assert_allclose(joint.log_prob([z, x]), expected, rtol=1e-4)


def test_gaussian_pixels():
    """Grey images under a Gaussian whose deviation is shared and learned."""
    grey = (BRIGHT * 0.2 + 0.5 * LABELS[:, None, None, None]).astype(np.float32)
    log_scale = tf.Variable(0.0)
    decoder = keras.Sequential(
        [
            keras.layers.Dense(16),
            keras.layers.Reshape(SHAPE),
            tfpl.DistributionLambda(
                lambda loc: tfd.Independent(
                    tfd.Normal(
                        loc,
                        tfp.util.DeferredTensor(log_scale, lambda v: tf.exp(v)),
                    ),
                    3,
                )
            ),
        ]
    )
    encoder = _encoder(
        activity_regularizer=tfpl.KLDivergenceRegularizer(_standard_prior())
    )
    fit(_vae(encoder, decoder), grey, grey, steps=100)
    assert 0.03 < float(tf.exp(log_scale)) < 0.5
