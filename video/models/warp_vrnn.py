"""A variational recurrent network that moves the pixels of the frame before."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.decoders.identifier import Identifier
from tfsigmavae.graphs import as_written
from tfsigmavae.math import sum_event
from tfsigmavae.models import ElboTerms
from tfsigmavae.models.elbo import rates_of
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae.typing import Batch
from tfsigmavae_video.models.composition import check_mean_first
from tfsigmavae_video.models.posterior_chain import Truth, posterior_chain
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.models.warp_networks import PRIORS, Prior, WarpNetworks

tfd = tfp.distributions

ScoredFrames: TypeAlias = Literal["all", "future"]
_SCORED_FRAMES = get_args(ScoredFrames)


@keras.saving.register_keras_serializable(package="tfsigmavae")
class WarpVRNN(VideoModel):
    """Stochastic video predictor: a variational recurrent network over maps.

    Each frame is put together from generated pixels and pixels of the frame before
    that moved along a flow. For every step t >= 1, with x the frame before, f its maps
    and h the maps of the recurrent cells:

        z_t ~ q(z_t | ...) = posterior(f(x_t) - f, f, h)
              p(z_t | ...) = prior(f, h (, action_{t-1}))
        generated, flow, mask, h = generator(z_t (, action_{t-1}), f, h)
        mean of p(x_t | ...) = mask * generated + (1 - mask) * warp(x, flow)

        loss = sum over t of -log p(x_t | ...) + beta * KL(q(z_t) || p(z_t)), in nats

    x is the true frame within the context, and after it the mean of the model's own
    prediction: in training too, with the gradient through all steps, so that sampling
    differs from training by z alone. The loss bounds -log p of the scored frames given
    those before the first of them. The longer the clips, the longer that chain:
    `VideoExperiment` can begin with short ones by `curriculum`.

    Against `SVGLP`: z is one vector for a frame as there; the states are maps, what
    does not move is copied from the frame before, and there is no batch norm.

    Args:
        frame_shape: (height, width, channels); both sides multiples of 2**depth.
            Defaults to `(64, 64, 3)`.
        num_context: int >= 1, frames given at training time. Defaults to `2`.
        latent_size: int, size of z. Defaults to `32`.
        decoder: see `tfsigmavae.decoders.get`; one whose means are pixels in [0, 1],
            see Raises. Defaults to `"optimal_sigma"`.
        action_size: int, numbers per action; 0 for none. Defaults to `0`.
        width: int, channels of the finest maps; they double from one resolution to the
            next. Defaults to `16`.
        depth: int >= 2, resolutions, each half of the one before: the coarsest map has
            1 / 2**depth of the frame's height. Defaults to `3`: 8 x 8 of 64 x 64.
        prior: `"learned"`, or `"standard_normal"` for N(0, 1). Defaults to `"learned"`.
        max_flow: float > 0, pixels that a flow reaches in a step. Defaults to `8.0`.
        scored_frames: which frames the loss counts: `"all"` from the second one on, or
            `"future"`, those after the context. Defaults to `"all"`.
        beta, max_gradient_norm, seed: see `VariationalModel`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: clips `[B, T, H, W, C]`, T > num_context, uint8 or floating in [0, 1];
            or a dict with `"frames"` and, if `action_size` is set, `"actions"`
            `[B, T, action_size]` (the action at t leads from frame t to t + 1).

    Returns:
        Reconstruction of frames 1 ... T-1 from posterior means, `[B, T-1, H, W, C]`,
        own predictions fed.

    Raises:
        ValueError: if an argument is out of range, a clip does not fit the model, or
            the decoder has other parameters than means in [0, 1].

    Example:
        >>> model = WarpVRNN()
        >>> model.compile(keras.optimizers.Adam(1.5e-3))
        >>> model.fit(clips)                          # [B, T, 64, 64, 3]
        >>> futures = model.predict_frames(clips[:, :2], num_frames=28, num_samples=10)

    Reference: variational recurrent networks: Chung et al., 2015; composition with
    warped pixels and own predictions in training: Lee et al., 2018 (SAVP); maps as
    states: Castrejon et al., 2019; sigma: Rybkin et al., 2021.
    """

    teacher_forced = False
    small_operations = True

    def __init__(
        self,
        frame_shape: Sequence[int] = (64, 64, 3),
        num_context: int = 2,
        latent_size: int = 32,
        decoder: Identifier = "optimal_sigma",
        action_size: int = 0,
        width: int = 16,
        depth: int = 3,
        prior: Prior = "learned",
        max_flow: float = 8.0,
        scored_frames: ScoredFrames = "all",
        beta: float = 1.0,
        max_gradient_norm: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            frame_shape,
            num_context,
            action_size,
            decoder=decoder,
            beta=beta,
            max_gradient_norm=max_gradient_norm,
            seed=seed,
            **kwargs,
        )
        self._arguments = {
            "latent_size": latent_size,
            "width": width,
            "depth": depth,
            "prior": prior,
            "max_flow": max_flow,
        }
        _check_arguments(self.frame_shape, **self._arguments)
        check_choice("scored_frames", scored_frames, _SCORED_FRAMES)
        check_mean_first(self.decoder, self.frame_shape[2])
        self.scored_frames = scored_frames
        self.latent_size = latent_size
        *size, channels = self.frame_shape
        num_outputs = self.decoder.params_size(channels)
        self.networks = WarpNetworks(
            frame_shape=self.frame_shape,
            **self._arguments,
            num_extra=num_outputs - channels,
            action_size=action_size,
            seeds=self.weight_seeds,
            dtype=self.dtype_policy,
        )
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, 1, *size, num_outputs])
        self.built = True

    @as_written
    def elbo_terms(self, inputs: Batch, training: bool) -> ElboTerms:
        truth = self._read(*self.unpack(inputs), training)
        noise = self.seed_generator.normal(self._noise_shape(truth))
        chain = posterior_chain(self.networks, truth, self.num_context, noise)
        first = self.first_scored_frame - 1
        target = truth.frames[:, 1 + first :]
        likelihood = self.likelihood_of(chain.params[:, first:], target, training)
        kl = tfd.kl_divergence(chain.posterior, chain.prior)
        return ElboTerms(likelihood, target, sum_event(kl[:, first:]))

    @property
    def first_scored_frame(self) -> int:
        return self.num_context if self.scored_frames == "future" else 1

    def latent_rates(self, inputs: Batch) -> tf.Tensor:
        truth = self._read(*self.unpack(inputs))
        # Noise of its own: who looks on is not to change what training draws.
        noise = standard_normal(self._noise_shape(truth), tf.zeros([2], tf.int32))
        chain = posterior_chain(self.networks, truth, self.num_context, noise)
        rates = rates_of(chain.posterior, chain.prior)
        return rates[:, self.first_scored_frame - 1 :]

    def frame_importance_sampler(
        self, inputs: Batch, score: Callable[[Any, tf.Tensor], tf.Tensor]
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        truth = self._read(*self.unpack(inputs))
        first = self.first_scored_frame - 1
        target = truth.frames[:, 1 + first :]

        def draw(seed):
            noise = standard_normal(self._noise_shape(truth), seed)
            chain = posterior_chain(self.networks, truth, self.num_context, noise)
            likelihood = self.likelihood_of(chain.params[:, first:])
            log_prior = chain.prior.log_prob(chain.latents)
            log_ratio = log_prior - chain.posterior.log_prob(chain.latents)
            return score(likelihood, target) + log_ratio[:, first:]

        return draw

    def call(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        truth = self._read(*self.unpack(inputs))
        chain = posterior_chain(self.networks, truth, self.num_context)
        return self.likelihood_of(chain.params).mean()

    def posterior_rollout(
        self,
        frames: tf.Tensor,
        actions: tf.Tensor | None = None,
        num_context: int | tf.Tensor | None = None,
    ) -> tf.Tensor:
        if num_context is None:
            num_context = self.num_context
        chain = posterior_chain(self.networks, self._read(frames, actions), num_context)
        return self.likelihood_of(chain.params).mean()

    def _read(self, frames, actions, training=False):
        if actions is not None:
            actions = actions[:, : tf.shape(frames)[1] - 1]
            actions = self.networks.action_units(actions, training=training)
        return Truth(frames, self.networks.encode(frames), actions)

    def _noise_shape(self, truth):
        batch, length = tf.unstack(tf.shape(truth.frames)[:2])
        # A known length is to stay known.
        return [batch, (truth.frames.shape[1] or length) - 1, self.latent_size]

    def summary_layers(self) -> list:
        parts = self.networks
        gaussians = [parts.posterior, *([parts.prior] if parts.prior else [])]
        return [parts.encoder, parts.generator, *gaussians, self.decoder]

    @property
    def noise_size(self) -> int:
        return self.latent_size

    def read_context(self, context: tf.Tensor) -> Any:
        return context, self.networks.encode(context)

    def start(self, given: Any, noise: tf.Tensor, actions: tf.Tensor | None) -> Any:
        context, maps = given
        if actions is not None:
            actions = self.networks.action_units(actions)

        def body(i, hidden):
            before = [each[:, i] for each in maps]
            target = maps[-1][:, i + 1]
            mean, stddev = self.networks.read_latent(target, before, hidden)
            action = None if actions is None else actions[:, i]
            latent = mean + stddev * noise[:, i]
            return i + 1, self.networks.remember(before, hidden, latent, action)

        num_steps = tf.shape(context)[1] - 1
        hidden = self.networks.initial_state(tf.shape(context)[0])
        _, hidden = tf.while_loop(lambda i, _: i < num_steps, body, (0, hidden))
        frame = context[:, -1]
        return frame, hidden

    def step(
        self, state: Any, noise: tf.Tensor, action: tf.Tensor | None, folded: Any
    ) -> Any:
        frame, hidden = state
        if action is not None:
            action = self.networks.action_units(action)
        maps = self.networks.encoder(frame)
        latent = noise
        prior = self.networks.predict_latent(maps, hidden, action)
        if prior is not None:
            mean, stddev = prior
            latent = mean + stddev * noise
        params, hidden = self.networks.generate(frame, maps, hidden, latent, action)
        likelihood = self.likelihood_of(params)
        return likelihood, (likelihood.mean(), hidden)

    def get_config(self) -> dict[str, Any]:
        own = {**self._arguments, "scored_frames": self.scored_frames}
        return {**super().get_config(), **own}


def _check_arguments(frame_shape, latent_size, width, depth, prior, max_flow):
    check_at_least("latent_size", latent_size, 1)
    check_at_least("width", width, 1)
    check_at_least("depth", depth, 2)
    check_choice("prior", prior, PRIORS)
    if not max_flow > 0.0:
        raise ValueError(f"`max_flow` must be positive, got {max_flow!r}.")
    multiple = 2**depth
    if any(side % multiple or not side for side in frame_shape[:2]):
        raise ValueError(
            f"`frame_shape` must have height and width in multiples of {multiple} "
            f"(2**depth, `depth` {depth}), got {frame_shape}. Choose another size, or "
            "a smaller `depth`."
        )
