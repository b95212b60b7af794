"""The small convolutional VAE of the sigma-VAE paper."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders.identifier import Identifier
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.graphs import as_written
from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.models.elbo import ElboTerms, rates_of
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.models.networks import sequential
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae.typing import Array, Distribution

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class ConvVAE(ImageVAE):
    """Convolutional VAE with one vector of latents: the paper's small net by default.

        encoder    3x3 convolution, then a strided one for each further width (4x4, then
                   5x5), ReLU; dense to mean and log variance
        generator  dense, linear; a transposed 6x6 convolution for each halving, ReLU;
                   5x5 to the decoder's parameters

    With the defaults and 3 channels it has 992,427 weights, those of the official
    PyTorch code (whose strided 5x5 convolution pads in mirror image).

    Args:
        image_shape: (height, width, channels), both sides multiples of
            2**(len(widths) - 1). Defaults to `(28, 28, 3)`.
        latent_size: int, size of z. Defaults to `20`.
        widths: channels of the encoder's convolutions, finest first; each but the first
            halves the image. Defaults to `(32, 64, 128)`.
        decoder: see `tfsigmavae.decoders.get`. Defaults to `"optimal_sigma"`.
        beta, max_gradient_norm, seed: see `VariationalModel`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: images `[B, H, W, C]`, uint8 or floating in [0, 1].

    Returns:
        Reconstruction from posterior means, `[B, H, W, C]`.

    Raises:
        ValueError: if an argument is out of range, or images do not fit the model.

    Example:
        >>> model = ConvVAE((28, 28, 1))
        >>> model.compile(keras.optimizers.Adam(1e-3))
        >>> model.fit(images, batch_size=128)         # [N, 28, 28, 1]
        >>> model.sample(64, seed=0).shape
        TensorShape([64, 28, 28, 1])

    Reference: Rybkin et al., 2021, appendix; github.com/orybkin/sigma-vae-pytorch.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28, 3),
        latent_size: int = 20,
        widths: Sequence[int] = (32, 64, 128),
        decoder: Identifier = "optimal_sigma",
        beta: float = 1.0,
        max_gradient_norm: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape,
            decoder=decoder,
            beta=beta,
            max_gradient_norm=max_gradient_norm,
            seed=seed,
            **kwargs,
        )
        _check_arguments(self.image_shape, latent_size, widths)
        self.latent_size = int(latent_size)
        self.widths = tuple(int(width) for width in widths)
        self.encoder = self._make_encoder()
        self.generator = self._make_generator()
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, *self.generator.output_shape[1:]])  # pyright: ignore[reportOptionalSubscript]
        self.built = True

    @property
    def num_latents(self) -> int:
        """How many numbers describe an image."""
        return self.latent_size

    def _layer(self, kind, *args, **kwargs):
        """A layer of its own seed, in the model's precision."""
        initializer = self.weight_seeds.glorot()
        return kind(
            *args, kernel_initializer=initializer, dtype=self.dtype_policy, **kwargs
        )

    def _conv(self, width, size, stride=1, activation: Any = "relu", kind="Conv2D"):
        return self._layer(
            getattr(keras.layers, kind),
            width,
            size,
            strides=stride,
            padding="same",
            activation=activation,
        )

    def _make_encoder(self):
        first, *strided = self.widths
        convolutions = [
            self._conv(width, 4 if index == 0 else 5, stride=2)
            for index, width in enumerate(strided)
        ]
        return sequential(
            self.image_shape,
            [
                self._conv(first, 3),
                *convolutions,
                keras.layers.Flatten(dtype=self.dtype_policy),
                self._layer(
                    keras.layers.Dense, DiagonalNormal.params_size(self.latent_size)
                ),
                DiagonalNormal(
                    self.latent_size,
                    convert_to_tensor_fn="mean",
                    dtype=self.dtype_policy,
                ),
            ],
            self.dtype_policy,
            name="encoder",
        )

    def _make_generator(self):
        height, width, channels = self.image_shape
        factor = 2 ** (len(self.widths) - 1)
        coarsest = (height // factor, width // factor, self.widths[-1])
        return sequential(
            [self.latent_size],
            [
                self._layer(keras.layers.Dense, math.prod(coarsest)),
                keras.layers.Reshape(coarsest, dtype=self.dtype_policy),
                *(
                    self._conv(width, 6, stride=2, kind="Conv2DTranspose")
                    for width in self.widths[-2::-1]
                ),
                # With stride 1 a transposed convolution is a plain one, and slower.
                self._conv(self.decoder.params_size(channels), 5, activation=None),
            ],
            self.dtype_policy,
            name="generator",
        )

    @as_written
    def elbo_terms(self, inputs: Array, training: bool) -> ElboTerms:
        images = self.to_images(inputs)
        posterior = self.encoder(images, training=training)
        noise = self.seed_generator.normal(tf.shape(posterior))
        latents = self.draw(posterior, noise)
        likelihood = self.generate(latents, images, training)
        return ElboTerms(
            likelihood, images, tfd.kl_divergence(posterior, self._prior(latents))
        )

    def importance_sampler(self, inputs: Array) -> Callable[[tf.Tensor], tf.Tensor]:
        images = self.to_images(inputs)
        posterior = self.encoder(images)

        def draw(seed):
            noise = standard_normal(tf.shape(posterior), seed)
            latents = self.draw(posterior, noise)
            prior = self._prior(latents)
            log_ratio = prior.log_prob(latents) - posterior.log_prob(latents)
            return self.generate(latents).log_prob(images) + log_ratio

        return draw

    def _prior(self, like):
        return tfd.Independent(
            tfd.Normal(tf.zeros_like(like), tf.ones([], like.dtype)), 1
        )

    def posterior(self, images: Array) -> Distribution:
        """q(z | x).

        Args:
            images: `[B, H, W, C]`, uint8 or floating in [0, 1].

        Returns:
            Distribution with batch shape `[B]` and event shape `[latent_size]`.
        """
        return self.encoder(self.to_images(images))

    def latent_rates(self, inputs: Array) -> tf.Tensor:
        posterior = self.posterior(inputs)
        return rates_of(posterior, self._prior(posterior.mean()))

    def encode(self, images: Array) -> tf.Tensor:
        """Posterior means of images `[B, H, W, C]`: float32 `[B, latent_size]`."""
        return self.posterior(images).mean()

    def generate(
        self,
        latents: tf.Tensor,
        target: tf.Tensor | None = None,
        training: bool = False,
    ) -> CoercibleDistribution:
        """p(x | z).

        Args:
            latents: `[B, latent_size]`.
            target: images that the decoder may fit its sigma to. Defaults to `None`.
            training: bool. Defaults to `False`.

        Returns:
            The decoder's distribution, batch shape `[B]`, event shape `[H, W, C]`.
        """
        raw = self.generator(latents, training=training)
        return self.likelihood(raw, target, training)

    def draw_prior(
        self, num: int, seed: tf.Tensor, temperature: float = 1.0
    ) -> tf.Tensor:
        """Latents from N(0, temperature**2).

        Args:
            num: int, how many.
            seed: int32 `[2]`.
            temperature: float. Defaults to `1.0`.

        Returns:
            float32 `[num, latent_size]`.
        """
        shape = [num, self.latent_size]
        return temperature * standard_normal(shape, seed)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "latent_size": self.latent_size,
            "widths": self.widths,
        }


def _check_arguments(image_shape, latent_size, widths):
    if not latent_size >= 1:
        raise ValueError(f"`latent_size` must be at least 1, got {latent_size!r}.")
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(
            "`widths` must be two or more positive numbers of channels, "
            f"got {widths!r}."
        )
    factor = 2 ** (len(widths) - 1)
    if image_shape[0] % factor or image_shape[1] % factor:
        raise ValueError(
            "`image_shape` must have height and width that are multiples of "
            f"{factor} with {len(widths)} `widths`, got {image_shape}."
        )
