"""What image VAEs have in common, whatever their latents are."""

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.math import to_tensor
from tfsigmavae.models.variational_model import VariationalModel
from tfsigmavae.typing import Array


class ImageVAE(VariationalModel):
    """Base of the image VAEs: reconstructions, samples, interpolations, serving.

    A subclass works with the latents of one image as one vector of `num_latents`
    numbers; a hierarchy lays its levels end to end. It writes, beside `elbo_terms` and
    `importance_sampler`:

        num_latents                           how many numbers describe an image
        encode(images)                        -> posterior means, `[B, num_latents]`
        generate(latents)                     -> the decoder's distribution
        draw_prior(num, seed, temperature)    -> `[num, num_latents]`

    Args:
        image_shape: (height, width, channels).
        **kwargs: see `VariationalModel`.

    Call arguments:
        inputs: images `[B, H, W, C]`, uint8 or floating in [0, 1].

    Returns:
        Reconstruction from posterior means, `[B, H, W, C]`.

    Raises:
        ValueError: if `image_shape` is not three positive numbers.
    """

    def __init__(self, image_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(
                f"`image_shape` must be (height, width, channels), got {image_shape!r}."
            )
        self.image_shape = tuple(int(size) for size in image_shape)

    def to_images(self, inputs: Array, name: str = "images") -> tf.Tensor:
        """Pixels as float32, of this model's shape or an error."""
        if isinstance(inputs, dict):
            raise TypeError(
                f"`{name}` must be an array, got a dictionary of {sorted(inputs)}: "
                "take one of its values, of a data set by `.map(lambda d: d[...])`."
            )
        images = self.decoder.to_values(inputs, name)
        if images.shape.rank != 4 or images.shape[1:] != self.image_shape:
            raise ValueError(
                f"`{name}` must be [batch, {', '.join(map(str, self.image_shape))}], "
                f"got {images.shape}."
            )
        return images

    @property
    @abc.abstractmethod
    def num_latents(self) -> int:
        """How many numbers describe an image."""

    @abc.abstractmethod
    def encode(self, images: Array) -> tf.Tensor:
        """Posterior means of images `[B, H, W, C]`: float32 `[B, num_latents]`."""

    @abc.abstractmethod
    def generate(
        self,
        latents: tf.Tensor,
        target: tf.Tensor | None = None,
        training: bool = False,
    ) -> CoercibleDistribution:
        """p(x | z) of latents `[B, num_latents]`, the decoder's distribution."""

    @abc.abstractmethod
    def draw_prior(
        self, num: int, seed: tf.Tensor, temperature: float = 1.0
    ) -> tf.Tensor:
        """Latents from the prior: float32 `[num, num_latents]`; `seed` int32 `[2]`."""

    def call(self, inputs: Array, training: bool = False) -> tf.Tensor:
        return self.generate(self.encode(inputs)).mean()

    def reconstruct(self, images: Array) -> tf.Tensor:
        """Reconstructs images from the means of their posteriors.

        Args:
            images: `[B, H, W, C]`, uint8 or floating in [0, 1].

        Returns:
            float32 `[B, H, W, C]`.
        """
        return self(to_tensor(images), training=False)

    def decode(self, latents: Array) -> tf.Tensor:
        """Decoder means of latents `[B, num_latents]`: float32 `[B, H, W, C]`."""
        latents = tf.cast(tf.convert_to_tensor(latents), self.decoder.compute_dtype)
        return self.generate(latents).mean()

    def sample(
        self,
        num: int,
        seed: int | tf.Tensor | None = None,
        temperature: float = 1.0,
        pixel_noise: bool = False,
    ) -> tf.Tensor:
        """Draws images from the prior.

        Args:
            num: int, how many.
            seed: int; the same call with the same seed gives the same images. Defaults
                to `None`, drawn from the model's own generator.
            temperature: float >= 0, factor on the standard deviation of the prior.
                Defaults to `1.0`, the model itself.
            pixel_noise: bool, whether to draw the pixels from p(x | z) too, rather than
                to give its mean; their noise is TensorFlow's, which XLA draws
                otherwise. Defaults to `False`.

        Returns:
            float32 `[num, H, W, C]`.

        Raises:
            ValueError: if `num` or `temperature` is out of range.
        """
        if not num >= 1:
            raise ValueError(f"`num` must be at least 1, got {num!r}.")
        if not temperature >= 0.0:
            raise ValueError(
                f"`temperature` must not be negative, got {temperature!r}."
            )
        seed = self.seed_generator.as_integer() if seed is None else seed
        latents = self.draw_prior(num, _key(seed, 0), temperature)
        distribution = self.generate(latents)
        if pixel_noise:
            return distribution.sample(seed=_key(seed, 1))
        return distribution.mean()

    def interpolate(self, first: Array, last: Array, num_steps: int) -> tf.Tensor:
        """Walks in a straight line between the posterior means of two images.

        Args:
            first: images `[B, H, W, C]` to start from.
            last: images `[B, H, W, C]` to end at.
            num_steps: int >= 2, images in a row, both ends included.

        Returns:
            float32 `[B, num_steps, H, W, C]`.

        Raises:
            ValueError: if `num_steps` is below 2, or `first` and `last` are not alike
                in number.
        """
        if not num_steps >= 2:
            raise ValueError(f"`num_steps` must be at least 2, got {num_steps!r}.")
        if len(first) != len(last):
            raise ValueError(
                "`first` and `last` must be equally many images, got "
                f"{len(first)} and {len(last)}."
            )
        ends = [self.encode(images)[:, None] for images in (first, last)]
        share = tf.linspace(tf.zeros([], ends[0].dtype), 1.0, num_steps)[None, :, None]
        latents = (1.0 - share) * ends[0] + share * ends[1]
        images = self.decode(tf.reshape(latents, [-1, latents.shape[-1]]))
        return tf.reshape(images, [-1, num_steps, *self.image_shape])

    def call_signature(self) -> Any:
        shape = [None, *self.image_shape]
        return tf.TensorSpec(shape, self.decoder.compute_dtype, name="images")

    def export_endpoints(self) -> dict[str, Any]:
        images = [self.call_signature()]
        shape = [None, self.num_latents]
        latents = [tf.TensorSpec(shape, self.decoder.compute_dtype, name="latents")]
        scalars = [tf.TensorSpec([], tf.int32, name=name) for name in ("num", "seed")]

        def sample(num, seed):
            return self.decode(self.draw_prior(num, _key(seed, 0), 1.0))

        return {
            "reconstruct": (self.reconstruct, images),
            "encode": (self.encode, images),
            "decode": (self.decode, latents),
            "sample": (sample, scalars),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "image_shape": self.image_shape}


def _key(seed, draw):
    """int32 `[2]`: one seed for each of the draws of a call."""
    return tf.stack([tf.cast(seed, tf.int32), draw])
