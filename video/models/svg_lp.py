"""SVG-LP: stochastic video prediction with a learned prior."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders.identifier import Identifier
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.graphs import as_written
from tfsigmavae.math import sum_event
from tfsigmavae.models import ElboTerms
from tfsigmavae.models.elbo import rates_of
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae.typing import Array, Batch, Distribution
from tfsigmavae_video.models.clips import check_clip
from tfsigmavae_video.models.composition import check_composable, composed
from tfsigmavae_video.models.own_predictions import (
    StepRamp,
    check_own_predictions,
    posterior_rollout,
    with_own_predictions,
)
from tfsigmavae_video.models.svg_networks import SVGNetworks
from tfsigmavae_video.models.svg_parts import make_parts
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.networks import Network

tfd = tfp.distributions

Prior: TypeAlias = Literal["learned", "standard_normal"]
ScoredFrames: TypeAlias = Literal["all", "future"]
Skips: TypeAlias = Literal["context", "previous"]
Composition: TypeAlias = Literal["none", "previous_frame"]


@keras.saving.register_keras_serializable(package="tfsigmavae")
class SVGLP(VideoModel):
    """Stochastic video predictor: an LSTM over frame codes with a latent at every step.

    For the frames x_0 ... x_{T-1} of a clip and every step t >= 1:

        h_t = encoder(x_t)
        z_t ~ q(z_t | x_{1:t})   = posterior LSTM over h_1 ... h_t
              p(z_t | x_{0:t-1}) = prior LSTM over h_0 ... h_{t-1} (, actions)
        g_t = predictor LSTM over [h_{t-1}, z_t (, action_{t-1})]
        p(x_t | ...) = decoder(generator(g_t, skips of the last context frame))

        loss = sum over t of -log p(x_t | ...) + beta * KL(q(z_t) || p(z_t)), in nats

    While t is within the context, the skips are those of x_{t-1}. Training feeds true
    frames throughout. Batch norm uses the statistics of all frames of a batch in
    training (or of each time step, by `frame_statistics`), and moving averages
    everywhere else: no prediction depends on the other clips of its batch (the official
    code samples with batch statistics).

    Actions, which the paper has not, are standardised, whatever their unit. The prior
    knows them as well: otherwise z would tell of the same motion, and a sampled z would
    contradict the action.

    Args:
        frame_shape: (height, width, channels); both sides multiples of 2**k, where k
            halvings leave 4 to 7 pixels of the smaller one. Defaults to `(64, 64, 3)`.
        num_context: int >= 1, frames given at training time. Defaults to `2`.
        latent_size: int, size of z. Defaults to `64`, the paper's for BAIR.
        network: `"vgg"` or `"dcgan"`. Defaults to `"vgg"`.
        decoder: see `tfsigmavae.decoders.get`. Defaults to `"optimal_sigma"`.
        action_size: int, numbers per action; 0 for none. Defaults to `0`.
        code_size: int, size of h and g. Defaults to `128`.
        hidden_size: int, size of the LSTMs. Defaults to `256`.
        width: int, channels of the finest convolutions. Defaults to `64`.
        prior: `"learned"`, or `"standard_normal"` for N(0, 1) (SVG-FP). Defaults to
            `"learned"`.
        scored_frames: which frames the loss counts: `"all"` from the second one on, as
            the official code, or `"future"`, those after the context: likelihood and KL
            of a prediction alone. Defaults to `"all"`.
        predictor_residual: bool, a linear bypass around the predictor's LSTMs: not in
            the paper, trains many times faster. Defaults to `False`.
        posterior_residual: bool, the same from h_t to the posterior's mean, so that z
            tells of its frame from the first step. Defaults to `False`.
        posterior_log_variance_bias, prior_log_variance_bias: floats, initial biases.
            Default to `0.0`.
        posterior_mean_stddev: float, initial weights of the posterior's mean. Defaults
            to `0.02`.
        batch_norm_momentum: float in [0, 1). Defaults to `0.9`.
        frame_statistics: bool, whether batch norm uses the statistics of each time step
            over the clips of a batch, as the official code does, instead of those of
            all frames together: other training dynamics, and slower. Training then
            needs a static number of frames, and two clips in a batch at least (many
            more to be good). Defaults to `False`.
        remat: bool, rematerialisation: the gradient computes what the convolutions keep
            in memory a second time. Less memory, slower. Defaults to `False`.
        prior_sees_actions: bool, whether actions, brought to mean 0 and deviation 1,
            enter the prior as well. `False`: as they are, and into the predictor alone,
            as in FitVid; z then tells what they tell, and they may go unheard. Without
            effect where `action_size` is 0. Defaults to `True`.
        skips: whose skips a step takes after the context: `"context"`, the last context
            frame's, or `"previous"`, those of the frame before, the model's own where
            it samples (the official code's `last_frame_skip`). Every step then projects
            skips of its own, in training and in sampling. Defaults to `"context"`.
        composition: `"none"`, or `"previous_frame"`: a frame is, pixel by pixel, mask *
            generated + (1 - mask) * the frame before, true in training and the model's
            own where it samples; the mask is one more output of the generator. Needs a
            decoder of one mean a pixel, through a sigmoid. Defaults to `"none"`.
        own_predictions: float in [0, 1], scheduled sampling: the probability, of each
            frame of each clip after the context, that training feeds the model's own
            prediction in place of the true frame. Predictions come frame by frame from
            posterior samples, as sampling makes them (moving averages of batch norm);
            no gradient leads to a fed frame. A step then costs a rollout more, and the
            encoder sees up to twice the frames, true and fed under common batch
            statistics. Its loss and sigma are those of such inputs, and no bound;
            evaluation feeds true frames as ever. Defaults to `0.0`.
        own_predictions_ramp: (start, end), training steps between which the probability
            rises linearly from 0 to `own_predictions`. The model counts the steps in a
            weight that checkpoints keep. Defaults to `None`, no ramp.
        beta, max_gradient_norm, seed: see `VariationalModel`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Call arguments:
        inputs: clips `[B, T, H, W, C]`, T > num_context, uint8 or floating in [0, 1];
            or a dict with `"frames"` and, if `action_size` is set, `"actions"`
            `[B, T, action_size]` (the action at t leads from frame t to t + 1).

    Returns:
        Reconstruction of frames 1 ... T-1 from posterior means, `[B, T-1, H, W, C]`.

    Raises:
        ValueError: if an argument is out of range, or a clip does not fit the model.

    Example:
        >>> model = SVGLP(network="dcgan", latent_size=10)
        >>> model.compile(keras.optimizers.Adam(2e-3))
        >>> model.fit(clips)                          # [B, T, 64, 64, 3]
        >>> futures = model.predict_frames(clips[:, :2], num_frames=28, num_samples=10)

    Reference: Denton & Fergus, 2018; with sigma: Rybkin et al., 2021, section 5;
    scheduled sampling: Bengio et al., 2015.
    """

    def __init__(
        self,
        frame_shape: Sequence[int] = (64, 64, 3),
        num_context: int = 2,
        latent_size: int = 64,
        network: Network = "vgg",
        decoder: Identifier = "optimal_sigma",
        action_size: int = 0,
        code_size: int = 128,
        hidden_size: int = 256,
        width: int = 64,
        prior: Prior = "learned",
        scored_frames: ScoredFrames = "all",
        predictor_residual: bool = False,
        posterior_residual: bool = False,
        posterior_log_variance_bias: float = 0.0,
        prior_log_variance_bias: float = 0.0,
        posterior_mean_stddev: float = 0.02,
        batch_norm_momentum: float = 0.9,
        frame_statistics: bool = False,
        remat: bool = False,
        prior_sees_actions: bool = True,
        skips: Skips = "context",
        composition: Composition = "none",
        own_predictions: float = 0.0,
        own_predictions_ramp: tuple[int, int] | Sequence[int] | None = None,
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
        check_own_predictions(own_predictions, own_predictions_ramp)
        if own_predictions_ramp is not None:
            own_predictions_ramp = tuple(own_predictions_ramp)
        self._arguments = {
            "latent_size": latent_size,
            "network": network,
            "code_size": code_size,
            "hidden_size": hidden_size,
            "width": width,
            "prior": prior,
            "scored_frames": scored_frames,
            "predictor_residual": predictor_residual,
            "posterior_residual": posterior_residual,
            "posterior_log_variance_bias": posterior_log_variance_bias,
            "prior_log_variance_bias": prior_log_variance_bias,
            "posterior_mean_stddev": posterior_mean_stddev,
            "batch_norm_momentum": batch_norm_momentum,
            "frame_statistics": frame_statistics,
            "remat": remat,
            "prior_sees_actions": prior_sees_actions,
            "skips": skips,
            "composition": composition,
            "own_predictions": own_predictions,
            "own_predictions_ramp": own_predictions_ramp,
        }
        _check_arguments(self._arguments)
        self.latent_size = latent_size
        self.scored_frames = scored_frames
        self.own_predictions = own_predictions
        self._is_composed = composition == "previous_frame"
        *size, channels = self.frame_shape
        if self._is_composed:
            check_composable(self.decoder, channels, "`composition='previous_frame'`")
        num_outputs = self.decoder.params_size(channels)
        self.networks = SVGNetworks(
            **make_parts(
                self._arguments,
                self.frame_shape,
                num_outputs + self._is_composed,  # and the mask
                self.weight_seeds,
                self.dtype_policy,
            ),
            frame_shape=self.frame_shape,
            num_context=num_context,
            action_size=action_size,
            frame_statistics=frame_statistics,
            prior_sees_actions=prior_sees_actions,
            skips_of_previous=skips == "previous",
            dtype=self.dtype_policy,
        )
        self._ramp = None
        if own_predictions_ramp is not None:
            self._ramp = StepRamp(*own_predictions_ramp, name="own_predictions_ramp")
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, 1, *size, num_outputs])
        self.built = True

    @as_written
    def elbo_terms(self, inputs: Batch, training: bool) -> ElboTerms:
        frames, actions = self.unpack(inputs)
        num_clips, num_frames = tf.unstack(tf.shape(frames)[:2])
        noise = self.seed_generator.normal(
            [num_clips, num_frames - 1, self.latent_size]
        )
        if training and self.own_predictions:
            fed = self._own_inputs(frames, actions, noise)
            fed_codes, codes, skips = self.networks.encode_fed(fed, frames, training)
        else:
            fed = frames
            codes, skips = self.networks.encode(frames, training)
            fed_codes = codes
        actions = self.networks.read_actions(actions, codes, training)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.predict_latents(fed_codes[:, :-1], actions)
        latents = self.draw(posterior, noise)
        first = self._first_scored_step
        raw = self.networks.generate(
            fed_codes, latents, actions, skips, first, training
        )
        target = frames[:, 1 + first :]
        likelihood = self.likelihood_after(raw, fed[:, first:-1], target, training)
        kl = sum_event(tfd.kl_divergence(posterior, prior)[:, first:])
        return ElboTerms(likelihood, target, kl)

    def _own_inputs(self, frames, actions, noise):
        """The clips that a step of training is fed with."""
        probability = self.own_predictions
        if self._ramp is not None:
            probability *= self._ramp(training=True)
        chosen = self.seed_generator.uniform(tf.shape(frames)[:2]) < probability
        return with_own_predictions(self, frames, actions, noise, chosen)

    def likelihood_after(
        self,
        raw: tf.Tensor,
        previous: tf.Tensor,
        target: tf.Tensor | None = None,
        training: bool = False,
    ) -> CoercibleDistribution:
        """p(x | z) of frames, by what the generator gives and the frames before.

        Args:
            raw: `[..., H, W, num_outputs]`.
            previous: `[..., H, W, C]` in [0, 1].
            target, training: see `likelihood`.
        """
        if not self._is_composed:
            return self.likelihood(raw, target, training)
        params = composed(self.decoder, raw, previous)
        return self.likelihood_of(params, target, training)

    @property
    def first_scored_frame(self) -> int:
        return self.num_context if self.scored_frames == "future" else 1

    @property
    def _first_scored_step(self):
        return self.first_scored_frame - 1  # step t - 1 predicts frame t

    def latent_rates(self, inputs: Batch) -> tf.Tensor:
        frames, actions = self.unpack(inputs)
        codes, _ = self.networks.encode(frames)
        actions = self.networks.read_actions(actions, codes)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.predict_latents(codes[:, :-1], actions)
        return rates_of(posterior, prior)[:, self._first_scored_step :]

    def frame_importance_sampler(
        self, inputs: Batch, score: Callable[[Any, tf.Tensor], tf.Tensor]
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        frames, actions = self.unpack(inputs)
        codes, skips = self.networks.encode(frames)
        actions = self.networks.read_actions(actions, codes)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.predict_latents(codes[:, :-1], actions)
        first = self._first_scored_step
        target = frames[:, 1 + first :]

        def draw(seed):
            noise = standard_normal(tf.shape(posterior), seed)
            latents = self.draw(posterior, noise)
            raw = self.networks.generate(
                codes, latents, actions, skips, first, training=False
            )
            log_ratio = prior.log_prob(latents) - posterior.log_prob(latents)
            likelihood = self.likelihood_after(raw, frames[:, first:-1])
            return score(likelihood, target) + log_ratio[:, first:]

        return draw

    def posterior_rollout(
        self,
        frames: tf.Tensor,
        actions: tf.Tensor | None = None,
        num_context: int | tf.Tensor | None = None,
    ) -> tf.Tensor:
        num_given = self.num_context if num_context is None else num_context
        return posterior_rollout(self, frames, actions, num_given)

    def call(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        frames, actions = self.unpack(inputs)
        codes, skips = self.networks.encode(frames, training)
        actions = self.networks.read_actions(actions, codes, training=False)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        latents = posterior.mean()
        raw = self.networks.generate(codes, latents, actions, skips, 0, training)
        return self.likelihood_after(raw, frames[:, :-1]).mean()

    def posterior(self, clips: Array) -> Distribution:
        """q(z_t | x_{1:t}) for frames 1 ... T-1 of clips.

        Args:
            clips: `[B, T, H, W, C]`, uint8 or floating in [0, 1].

        Returns:
            Distribution with batch shape `[B, T-1]` and event shape `[latent_size]`.
        """
        frames = self._to_pixels(clips, "clips")
        frames = check_clip(frames, self.frame_shape, self.num_context + 1, "clips")
        codes, _ = self.networks.encode(frames)
        return self.networks.posterior(codes[:, 1:])[0]

    def summary_layers(self) -> list:
        parts = self.networks
        networks = [parts.encoder, parts.generator, parts.predictor]
        return [*networks, parts.posterior, parts.prior, self.decoder]

    @property
    def noise_size(self) -> int:
        return self.latent_size

    def read_context(self, context: tf.Tensor) -> Any:
        return self.networks.read_context(context)

    def fold(self) -> Any:
        return self.networks.fold()

    def start(self, given: Any, noise: tf.Tensor, actions: tf.Tensor | None) -> Any:
        return self.networks.start(given, noise, actions)

    def step(
        self, state: Any, noise: tf.Tensor, action: tf.Tensor | None, folded: Any
    ) -> Any:
        return self.networks.step(state, noise, action, folded, self.likelihood_after)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SVGLP":
        # Files of 0.1.0 do not name it.
        return super().from_config({"prior_sees_actions": False, **config})


def _check_arguments(arguments):
    for name, choices in (
        ("prior", get_args(Prior)),
        ("scored_frames", get_args(ScoredFrames)),
        ("skips", get_args(Skips)),
        ("composition", get_args(Composition)),
    ):
        if arguments[name] not in choices:
            raise ValueError(
                f"`{name}` must be one of {choices}, got {arguments[name]!r}."
            )
    for name in ("latent_size", "code_size", "hidden_size", "width"):
        if arguments[name] < 1:
            raise ValueError(f"`{name}` must be at least 1, got {arguments[name]!r}.")
