"""SVG-LP: stochastic video prediction with a learned prior."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.math import sum_event
from tfsigmavae.models import ElboTerms
from tfsigmavae.models.elbo import rates_of
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae_video import networks
from tfsigmavae_video.models import rollout
from tfsigmavae_video.models.clips import check_clip
from tfsigmavae_video.models.svg_networks import SVGNetworks
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.networks.recurrence import (
    FramePredictor,
    GaussianLSTM,
    StandardNormal,
)

tfd = tfp.distributions

_PRIORS = ("learned", "standard_normal")
_SCORED_FRAMES = ("all", "future")


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

    Reference: Denton & Fergus, 2018; with sigma: Rybkin et al., 2021, section 5.
    """

    def __init__(
        self,
        frame_shape=(64, 64, 3),
        num_context=2,
        latent_size=64,
        network="vgg",
        decoder="optimal_sigma",
        action_size=0,
        code_size=128,
        hidden_size=256,
        width=64,
        prior="learned",
        scored_frames="all",
        predictor_residual=False,
        posterior_residual=False,
        posterior_log_variance_bias=0.0,
        prior_log_variance_bias=0.0,
        posterior_mean_stddev=0.02,
        batch_norm_momentum=0.9,
        frame_statistics=False,
        remat=False,
        prior_sees_actions=True,
        beta=1.0,
        max_gradient_norm=None,
        seed=None,
        **kwargs,
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
        }
        _check_arguments(self._arguments)
        self.latent_size = latent_size
        self.scored_frames = scored_frames
        self.networks = SVGNetworks(
            **self._make_parts(),
            frame_shape=self.frame_shape,
            num_context=num_context,
            action_size=action_size,
            frame_statistics=frame_statistics,
            prior_sees_actions=prior_sees_actions,
            dtype=self.dtype_policy,
        )
        if not self.decoder.built:  # a reloaded one is
            *size, channels = self.frame_shape
            num_outputs = self.decoder.params_size(channels)
            self.decoder.build([None, 1, *size, num_outputs])
        self.built = True

    def _make_parts(self):
        """The networks, in the order in which their seeds are drawn."""
        options = self._arguments
        shared = {"seeds": self.weight_seeds, "dtype": self.dtype_policy}
        convolutional = {
            name: options[name] for name in ("width", "batch_norm_momentum", "remat")
        } | shared
        recurrent = {"hidden_size": options["hidden_size"]} | shared
        num_outputs = self.decoder.params_size(self.frame_shape[-1])
        make_encoder, make_generator = networks.get(options["network"])
        parts = {
            "encoder": make_encoder(
                self.frame_shape, options["code_size"], name="encoder", **convolutional
            ),
            "generator": make_generator(
                self.frame_shape, num_outputs, name="generator", **convolutional
            ),
            "predictor": FramePredictor(
                options["code_size"],
                options["predictor_residual"],
                num_layers=2,
                name="predictor",
                **recurrent,
            ),
            "posterior": GaussianLSTM(
                self.latent_size,
                options["posterior_log_variance_bias"],
                options["posterior_mean_stddev"],
                options["posterior_residual"],
                num_layers=1,
                name="posterior",
                **recurrent,
            ),
        }
        if options["prior"] == "standard_normal":
            prior = StandardNormal(
                self.latent_size, name="prior", dtype=self.dtype_policy
            )
        else:
            bias = options["prior_log_variance_bias"]
            prior = GaussianLSTM(
                self.latent_size, bias, num_layers=1, name="prior", **recurrent
            )
        return parts | {"prior": prior}

    def elbo_terms(self, inputs, training):
        frames, actions = self.unpack(inputs)
        codes, skips = self.networks.encode(frames, training)
        actions = self.networks.read_actions(actions, codes, training)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.predict_latents(codes[:, :-1], actions)
        noise = self.seed_generator.normal(tf.shape(posterior))
        latents = self.draw(posterior, noise)
        first = self._first_scored_step
        raw = self.networks.generate(codes, latents, actions, skips, first, training)
        target = frames[:, 1 + first :]
        likelihood = self.likelihood(raw, target, training)
        kl = sum_event(tfd.kl_divergence(posterior, prior)[:, first:])
        return ElboTerms(likelihood, target, kl)

    @property
    def first_scored_frame(self):
        return self.num_context if self.scored_frames == "future" else 1

    @property
    def _first_scored_step(self):
        return self.first_scored_frame - 1  # step t - 1 predicts frame t

    def latent_rates(self, inputs):
        frames, actions = self.unpack(inputs)
        codes, _ = self.networks.encode(frames)
        actions = self.networks.read_actions(actions, codes)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.predict_latents(codes[:, :-1], actions)
        return rates_of(posterior, prior)[:, self._first_scored_step :]

    def frame_importance_sampler(self, inputs, score):
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
            return score(self.likelihood(raw), target) + log_ratio[:, first:]

        return draw

    def posterior_rollout(self, frames, actions=None, num_context=None):
        num_given = self.num_context if num_context is None else num_context
        num_steps = tf.shape(frames)[1] - num_given
        given = frames[:, : num_given + 1]
        inputs = given if actions is None else {"frames": given, "actions": actions}
        known = self(inputs)[:, : num_given - 1]
        codes, _ = self.networks.encode(frames)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        latents = posterior.mean()
        context = self.read_context(frames[:, :num_given])
        before = None if actions is None else actions[:, : num_given - 1]
        # Without noise the latents of the context are posterior means as well.
        noise = tf.zeros_like(latents[:, : num_given - 1])
        folded = self.fold()

        def step(i, state):
            step = num_given - 1 + i
            action = None if actions is None else actions[:, step]
            frame, state = self.networks.step_by_latent(
                state, latents[:, step], action, folded, self.likelihood
            )
            return [frame.mean()], state

        spec = tf.TensorSpec([None, *self.frame_shape], self.decoder.compute_dtype)
        state = self.start(context, noise, before)
        (predicted,) = rollout.unroll(step, state, num_steps, [spec])
        return tf.concat([known, predicted], axis=1)

    def call(self, inputs, training=False):
        frames, actions = self.unpack(inputs)
        codes, skips = self.networks.encode(frames, training)
        actions = self.networks.read_actions(actions, codes, training=False)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        latents = posterior.mean()
        raw = self.networks.generate(codes, latents, actions, skips, 0, training)
        return self.likelihood(raw).mean()

    def posterior(self, clips):
        """q(z_t | x_{1:t}) for frames 1 ... T-1 of clips.

        Args:
            clips: `[B, T, H, W, C]`, uint8 or floating in [0, 1].

        Returns:
            Distribution with batch shape `[B, T-1]` and event shape `[latent_size]`.
        """
        frames = self._to_pixels(clips, "clips")
        frames = check_clip(frames, self.frame_shape, self.num_context + 1)
        codes, _ = self.networks.encode(frames)
        return self.networks.posterior(codes[:, 1:])[0]

    def summary_layers(self):
        parts = self.networks
        networks = [parts.encoder, parts.generator, parts.predictor]
        return [*networks, parts.posterior, parts.prior, self.decoder]

    @property
    def noise_size(self):
        return self.latent_size

    def read_context(self, context):
        return self.networks.read_context(context)

    def fold(self):
        return self.networks.fold()

    def start(self, given, noise, actions):
        return self.networks.start(given, noise, actions)

    def step(self, state, noise, action, folded):
        return self.networks.step(state, noise, action, folded, self.likelihood)

    def get_config(self):
        return {**super().get_config(), **self._arguments}

    @classmethod
    def from_config(cls, config):
        # Files of 0.1.0 do not name it.
        return super().from_config({"prior_sees_actions": False, **config})


def _check_arguments(arguments):
    for name, choices in (("prior", _PRIORS), ("scored_frames", _SCORED_FRAMES)):
        if arguments[name] not in choices:
            raise ValueError(
                f"`{name}` must be one of {choices}, got {arguments[name]!r}."
            )
    for name in ("latent_size", "code_size", "hidden_size", "width"):
        if arguments[name] < 1:
            raise ValueError(f"`{name}` must be at least 1, got {arguments[name]!r}.")
