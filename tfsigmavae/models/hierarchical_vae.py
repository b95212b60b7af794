"""A ladder of spatial latents, inferred from below and from above."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders.identifier import Identifier
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.graphs import as_written
from tfsigmavae.models.elbo import ElboTerms
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.models.ladder import Convolutions, TopDownLevel
from tfsigmavae.models.levels import checked_levels, default_levels
from tfsigmavae.models.seeding import fold_in, standard_normal
from tfsigmavae.typing import Array, Distribution

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class HierarchicalVAE(ImageVAE):
    """Top-down ladder of latent maps, from a coarse one to half the image by default.

        p(x, z) = p(z_0) p(z_1 | z_0) ... p(z_L | z_<L) p(x | z)      z_0 the coarsest
        q(z | x) = q(z_0 | x) q(z_1 | x, z_0) ... q(z_L | x, z_<L)
        kl = sum over l of KL(q(z_l | x, z_<l) || p(z_l | z_<l)),     z_<l drawn from q

    A convolutional encoder goes up from the image; one deterministic state goes down
    the ladder and is shared by prior, posterior and generator. All blocks are residual
    bottlenecks. Each posterior is told relative to its prior, log scales have smooth
    limits, untrained levels have a KL of zero, and the norm of the gradients is
    limited: with these it needs no warm-up of the KL term. Beside the figures of
    `VariationalModel`, it logs the KL of each level as `kl_0` (coarsest), `kl_1`, ...

    Wherever latents are one vector, the levels lie end to end, coarsest first.

    Args:
        image_shape: (height, width, channels). Defaults to `(32, 32, 3)`.
        levels: (resolution, channels) of each latent map, coarsest first. The
            resolution is the map's height; its width is in proportion to the image.
            Each must divide the next, the last one the image. Defaults to `None`: from
            half the image down to 4 pixels, with 16, 8, 4, 2, 2 ... channels: ((4, 16),
            (8, 8), (16, 4)) for 32x32, and (32, 2) after those for 64x64.
        width: int >= 2, channels of all hidden maps. Defaults to `32`.
        num_blocks: int >= 1, residual blocks of each level, upwards and downwards.
            Defaults to `1`.
        decoder: see `tfsigmavae.decoders.get`. Defaults to `"optimal_sigma"`.
        beta: see `VariationalModel`.
        max_gradient_norm: see `VariationalModel`. Typical norms are far above the
            default, so that with Adam gradients are in effect normalised, and a batch
            of large (but finite) ones cannot throw the weights far off. Defaults to
            `200.0`.
        seed: see `VariationalModel`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: images `[B, H, W, C]`, uint8 or floating in [0, 1].

    Returns:
        Reconstruction from posterior means, `[B, H, W, C]`.

    Raises:
        ValueError: if an argument is out of range, or images do not fit the model.

    Example:
        >>> model = HierarchicalVAE((32, 32, 3))
        >>> model.compile(keras.optimizers.Adam(3e-3))
        >>> model.fit(images, batch_size=32)          # [N, 32, 32, 3]
        >>> model.sample(64, seed=0, temperature=0.8).shape
        TensorShape([64, 32, 32, 3])

    Reference: Sonderby et al., 2016; Kingma et al., 2016 (shared top-down path); Vahdat
    & Kautz, 2020 (relative posteriors); Child, 2021 (bottleneck blocks).
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (32, 32, 3),
        levels: Sequence[tuple[int, int]] | None = None,
        width: int = 32,
        num_blocks: int = 1,
        decoder: Identifier = "optimal_sigma",
        beta: float = 1.0,
        max_gradient_norm: float | None = 200.0,
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
        levels = default_levels(self.image_shape) if levels is None else levels
        self.levels = checked_levels(levels, self.image_shape)
        if not (width >= 2 and num_blocks >= 1):
            raise ValueError(
                "`width` must be at least 2 and `num_blocks` at least 1, got "
                f"width={width!r}, num_blocks={num_blocks!r}."
            )
        self.width = int(width)
        self.num_blocks = int(num_blocks)
        self._make_networks()
        self._level_kl = [
            keras.metrics.Mean(name=f"kl_{index}") for index in range(len(self.levels))
        ]
        self.built = True

    def _make_networks(self):
        height, image_width, _ = self.image_shape
        self._map_shapes = [
            (rows, image_width * rows // height, channels)
            for rows, channels in self.levels
        ]
        sizes = [shape[:2] for shape in self._map_shapes]
        rows = [*(size[0] for size in sizes), height]
        # How many times larger each map is than the one above; the image last.
        factors = [1, *(b // a for a, b in itertools.pairwise(rows))]
        convolution = Convolutions(self.weight_seeds, self.dtype_policy)
        # Flat lists only: Keras before 3.13 does not save layers in lists of lists.
        self.encoder = self._make_encoder(sizes[::-1], factors[:0:-1], convolution)
        self.start = self.add_weight(
            name="start", shape=(1, *sizes[0], self.width), initializer="zeros"
        )
        self.ladder = [
            TopDownLevel(
                shape[:2],
                factor,
                self.width,
                shape[2],
                self.num_blocks,
                convolution,
                name=f"level_{index}",
            )
            for index, (shape, factor) in enumerate(
                zip(self._map_shapes, factors[:-1], strict=True)
            )
        ]
        self.output_network = self._make_output(sizes[-1], factors[-1], convolution)
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, *self.output_network.output_shape[1:]])  # pyright: ignore[reportOptionalSubscript]

    def _make_encoder(self, sizes, factors, convolution):
        """A network for each level, finest first."""
        networks, inputs = [], self.image_shape
        for size, factor in zip(sizes, factors, strict=True):
            kernel = factor if networks else _wide_kernel(factor)
            layers = [convolution(self.width, kernel, factor)]
            layers += convolution.blocks(self.width, self.num_blocks)
            level = len(self.levels) - 1 - len(networks)
            name = f"encoder_{level}"
            networks.append(convolution.network(inputs, layers, name))
            inputs = (*size, self.width)
        return networks

    def _make_output(self, size, factor, convolution):
        enlarge = convolution(
            self.width // 2, _wide_kernel(factor), factor, kind="Conv2DTranspose"
        )
        params_size = self.decoder.params_size(self.image_shape[-1])
        return convolution.network(
            (*size, self.width),
            [
                convolution.relu(),
                enlarge,
                convolution.relu(),
                convolution(params_size, 3),
            ],
            name="generator",
        )

    @property
    def num_latents(self) -> int:
        """How many numbers describe an image."""
        return sum(math.prod(shape) for shape in self._map_shapes)

    def _descend(self, batch_size, choose):
        """The state below the ladder; `choose(index, state)` gives latents of a level.

        What it is given tells of the coarser latents only.
        """
        start = tf.convert_to_tensor(self.start)
        state = tf.tile(start, [batch_size, 1, 1, 1])
        for index, level in enumerate(self.ladder):
            state = level.enter(state)
            state = level.leave(state, choose(index, state))
        return state

    def _infer(self, images, noise):
        """Descends with latents of the posterior.

        Args:
            images: float32 `[B, H, W, C]`.
            noise: function from a level's index and its shape to N(0, 1) noise.

        Returns:
            The state below the ladder, and (prior, posterior, latents) of each level.
        """
        features = [images]
        for stage in self.encoder:
            features.append(stage(features[-1]))
        steps = []

        def choose(index: int, state):
            level = self.ladder[index]
            prior, posterior = level.prior_and_posterior(state, features[-1 - index])
            latents = self.draw(posterior, noise(index, tf.shape(posterior.mean())))
            steps.append((prior, posterior, latents))
            return latents

        return self._descend(tf.shape(images)[0], choose), steps

    def _likelihood(self, state, target=None, training=False):
        return self.likelihood(self.output_network(state), target, training)

    @as_written
    def elbo_terms(self, inputs: Array, training: bool) -> ElboTerms:
        images = self.to_images(inputs)

        def noise(index, shape):
            return self.seed_generator.normal(shape)

        state, steps = self._infer(images, noise)
        rates = [tfd.kl_divergence(q, p) for p, q, _ in steps]
        for metric, rate in zip(self._level_kl, rates, strict=True):
            metric.update_state(rate, self.sample_weight)
        likelihood = self._likelihood(state, images, training)
        return ElboTerms(likelihood, images, tf.add_n(rates))

    def importance_sampler(self, inputs: Array) -> Callable[[tf.Tensor], tf.Tensor]:
        images = self.to_images(inputs)

        def draw(seed):
            state, steps = self._infer(images, self._noise_of(seed))
            log_weight = self._likelihood(state).log_prob(images)
            for prior, posterior, latents in steps:
                log_weight += prior.log_prob(latents) - posterior.log_prob(latents)
            return log_weight

        return draw

    def _noise_of(self, seed):
        """Noise of each level by a key of its own; `seed` is int32 `[2]`."""
        return lambda index, shape: standard_normal(shape, fold_in(seed, index))

    def posterior(self, images: Array, seed: int | None = None) -> list[Distribution]:
        """q(z_l | x, z_<l) of every level, along one way down the ladder.

        Args:
            images: `[B, H, W, C]`, uint8 or floating in [0, 1].
            seed: int; the coarser latents z_<l are then drawn from their posteriors.
                Defaults to `None`: they are the posteriors' means.

        Returns:
            List of distributions, coarsest level first, each with batch shape `[B]` and
            event shape (height, width, channels) of its latent map.
        """
        noise = _no_noise
        if seed is not None:
            noise = self._noise_of(tf.stack([tf.cast(seed, tf.int32), 0]))
        _, steps = self._infer(self.to_images(images), noise)
        return [posterior for _, posterior, _ in steps]

    def prior(self, latents: Array) -> list[Distribution]:
        """p(z_l | z_<l) of every level.

        Args:
            latents: `[B, num_latents]`, of which the finest level has no effect.

        Returns:
            List of distributions, as of `posterior`.
        """
        maps = self._maps(latents)
        priors = []

        def choose(index: int, state):
            priors.append(self.ladder[index].prior(state))
            return maps[index]

        self._descend(tf.shape(latents)[0], choose)
        return priors

    def encode(self, images: Array) -> tf.Tensor:
        """Posterior means of images `[B, H, W, C]`: float32 `[B, num_latents]`.

        Those of a finer level are given the means of the coarser ones.
        """
        return _vector([posterior.mean() for posterior in self.posterior(images)])

    def generate(
        self,
        latents: tf.Tensor,
        target: tf.Tensor | None = None,
        training: bool = False,
    ) -> CoercibleDistribution:
        """p(x | z).

        Args:
            latents: `[B, num_latents]`.
            target: images that the decoder may fit its sigma to. Defaults to `None`.
            training: bool. Defaults to `False`.

        Returns:
            The decoder's distribution, batch shape `[B]`, event shape `[H, W, C]`.
        """
        maps = self._maps(latents)
        state = self._descend(tf.shape(latents)[0], lambda index, state: maps[index])
        return self._likelihood(state, target, training)

    def draw_prior(
        self, num: int, seed: tf.Tensor, temperature: float = 1.0
    ) -> tf.Tensor:
        """Latents from the prior, level by level.

        Args:
            num: int, how many.
            seed: int32 `[2]`.
            temperature: float, factor on the standard deviation of every level given
                the coarser ones. Defaults to `1.0`.

        Returns:
            float32 `[num, num_latents]`.
        """
        noise = self._noise_of(seed)
        maps = []

        def choose(index: int, state):
            prior = self.ladder[index].prior(state)
            mean = prior.mean()
            scale = temperature * prior.stddev()
            drawn = tf.cast(noise(index, tf.shape(mean)), mean.dtype)
            maps.append(mean + scale * drawn)
            return maps[-1]

        self._descend(num, choose)
        return _vector(maps)

    def _maps(self, latents):
        """Latents `[B, num_latents]` as the maps of the levels."""
        latents = tf.cast(tf.convert_to_tensor(latents), self.decoder.compute_dtype)
        if latents.shape.rank != 2 or latents.shape[1] != self.num_latents:
            raise ValueError(
                f"`latents` must be [batch, {self.num_latents}], got {latents.shape}."
            )
        sizes = [math.prod(shape) for shape in self._map_shapes]
        return [
            tf.reshape(part, [-1, *shape])
            for part, shape in zip(
                tf.split(latents, sizes, axis=1), self._map_shapes, strict=True
            )
        ]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "levels": self.levels,
            "width": self.width,
            "num_blocks": self.num_blocks,
        }


def _wide_kernel(factor):
    """Kernels next to the image overlap; those within the ladder do not."""
    return max(3, 2 * factor)


def _no_noise(index, shape):
    return tf.zeros(shape)


def _vector(maps):
    return tf.concat([tf.reshape(m, [-1, math.prod(m.shape[1:])]) for m in maps], 1)
