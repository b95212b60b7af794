"""The smallest image VAE, written as a user of `VariationalModel` would write one."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.models import ElboTerms, VariationalModel

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tests")
class TinyVAE(VariationalModel):
    """Two dense layers each way, for images `[B, H, W, C]`."""

    def __init__(self, image_shape=(4, 4, 1), latent_size=2, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_size = latent_size

        def dense(units, activation=None):
            initializer = keras.initializers.GlorotUniform(self.seed)
            return keras.layers.Dense(
                units,
                activation,
                kernel_initializer=initializer,
                dtype=self.dtype_policy,
            )

        *size, channels = self.image_shape
        params_shape = (*size, self.decoder.params_size(channels))
        self.encoder = keras.Sequential(
            [
                keras.Input(self.image_shape),
                keras.layers.Flatten(),
                dense(8, "tanh"),
                dense(DiagonalNormal.params_size(latent_size)),
                DiagonalNormal(
                    latent_size, convert_to_tensor_fn="mean", dtype=self.dtype_policy
                ),
            ]
        )
        self.generator = keras.Sequential(
            [
                keras.Input([latent_size]),
                dense(8, "tanh"),
                dense(math.prod(params_shape)),
                keras.layers.Reshape(params_shape),
            ]
        )

    def elbo_terms(self, inputs, training):
        images = self.decoder.to_values(inputs)
        posterior = self.encoder(images, training=training)
        noise = keras.random.normal(tf.shape(posterior), seed=self.seed_generator)
        latents = self.draw(posterior, noise)
        raw = self.generator(latents, training=training)
        likelihood = self.likelihood(raw, images, training)
        prior = tfd.Independent(
            tfd.Normal(tf.zeros_like(latents), tf.ones_like(latents)), 1
        )
        return ElboTerms(likelihood, images, tfd.kl_divergence(posterior, prior))

    def call(self, inputs, training=False):
        posterior = self.encoder(self.decoder.to_values(inputs))
        return self.likelihood(self.generator(posterior.mean())).mean()

    def export_endpoints(self):
        signature = [tf.TensorSpec([None, *self.image_shape], name="images")]
        return {"reconstruct": (lambda images: self(images), signature)}

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "latent_size": self.latent_size,
        }
