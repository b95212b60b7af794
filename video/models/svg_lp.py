"""SVG-LP: stochastic video prediction with a learned prior."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.math import sum_event, to_unit_range
from tfsigmavae.models import ElboTerms, VariationalModel
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae_video.models import rollout
from tfsigmavae_video.models.svg_networks import SVGNetworks

tfd = tfp.distributions

_PRIORS = ("learned", "standard_normal")
_SCORED_FRAMES = ("all", "future")


@keras.saving.register_keras_serializable(package="tfsigmavae")
class SVGLP(VariationalModel):
    """Stochastic video predictor: an LSTM over frame codes with a latent at every step.

    For the frames x_0 ... x_{T-1} of a clip and every step t >= 1:

        h_t = encoder(x_t)
        z_t ~ q(z_t | x_{1:t})   = posterior LSTM over h_1 ... h_t
              p(z_t | x_{0:t-1}) = prior LSTM over h_0 ... h_{t-1}
        g_t = predictor LSTM over [h_{t-1}, z_t (, action_{t-1})]
        p(x_t | ...) = decoder(generator(g_t, skips of the last context frame))

        loss = sum over t of -log p(x_t | ...) + beta * KL(q(z_t) || p(z_t)), in nats

    While t is within the context, the skips are those of x_{t-1}. Training feeds true
    frames throughout. Batch norm uses the statistics of all frames of a batch in
    training (or of each time step, by `frame_statistics`), and moving averages
    everywhere else: no prediction depends on the other clips of its batch (the official
    code samples with batch statistics).

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
        beta: float, KL weight. Defaults to `1.0`.
        seed: int or `None`, see `VariationalModel`.
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
        beta=1.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(decoder=decoder, beta=beta, seed=seed, **kwargs)
        self._arguments = {
            "frame_shape": tuple(frame_shape),
            "num_context": num_context,
            "latent_size": latent_size,
            "network": network,
            "action_size": action_size,
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
        }
        _check_arguments(self._arguments)
        self.frame_shape = tuple(frame_shape)
        self.num_context = num_context
        self.latent_size = latent_size
        self.action_size = action_size
        self.scored_frames = scored_frames
        *size, channels = self.frame_shape
        num_outputs = self.decoder.params_size(channels)
        sizes = {k: v for k, v in self._arguments.items() if k != "scored_frames"}
        seed = self.seed_generator.initial_seed
        self.networks = SVGNetworks(num_outputs, seed, dtype=self.dtype_policy, **sizes)
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, 1, *size, num_outputs])
        self.built = True
        self._rollout = tf.function(
            lambda size, *inputs: rollout.predict(
                self, *inputs, sample_batch_size=size
            ),
            input_signature=[tf.TensorSpec([], tf.int32), *rollout.signature(self)],
        )

    def elbo_terms(self, inputs, training):
        frames, actions = self._unpack(inputs)
        codes, skips = self.networks.encode(frames, training)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.prior_of(codes[:, :-1])
        noise = self.seed_generator.normal(tf.shape(posterior))
        latents = posterior.mean() + posterior.stddev() * noise
        first = self._first_scored_step
        raw = self.networks.generate(codes, latents, actions, skips, first, training)
        target = frames[:, 1 + first :]
        likelihood = self.decoder(
            self.decoder.activate(raw), target=target, training=training
        )
        kl = sum_event(tfd.kl_divergence(posterior, prior)[:, first:])
        return ElboTerms(likelihood, target, kl)

    @property
    def _first_scored_step(self):
        # Step t - 1 predicts frame t; "future" starts with frame num_context.
        return self.num_context - 1 if self.scored_frames == "future" else 0

    def importance_sampler(self, inputs):
        frames, actions = self._unpack(inputs)
        codes, skips = self.networks.encode(frames)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        prior, _ = self.networks.prior_of(codes[:, :-1])
        first = self._first_scored_step
        target = frames[:, 1 + first :]

        def draw(seed):
            noise = standard_normal(tf.shape(posterior), seed)
            latents = posterior.mean() + posterior.stddev() * noise
            raw = self.networks.generate(
                codes, latents, actions, skips, first, training=False
            )
            likelihood = self.decoder(self.decoder.activate(raw))
            log_ratio = prior.log_prob(latents) - posterior.log_prob(latents)
            return likelihood.log_prob(target) + sum_event(log_ratio[:, first:])

        return draw

    def call(self, inputs, training=False):
        frames, actions = self._unpack(inputs)
        codes, skips = self.networks.encode(frames, training)
        posterior, _ = self.networks.posterior(codes[:, 1:])
        latents = posterior.mean()
        raw = self.networks.generate(codes, latents, actions, skips, 0, training)
        return self.decoder(self.decoder.activate(raw)).mean()

    def posterior(self, clips):
        """q(z_t | x_{1:t}) for frames 1 ... T-1 of clips.

        Args:
            clips: `[B, T, H, W, C]`, uint8 or floating in [0, 1].

        Returns:
            Distribution with batch shape `[B, T-1]` and event shape `[latent_size]`.
        """
        frames = to_unit_range(clips, "clips")
        frames = rollout.check_clip(frames, self.frame_shape, self.num_context + 1)
        codes, _ = self.networks.encode(frames)
        return self.networks.posterior(codes[:, 1:])[0]

    def _unpack(self, inputs):
        actions = None
        if isinstance(inputs, dict):
            inputs, actions = inputs["frames"], inputs.get("actions")
        frames = to_unit_range(inputs, "frames")
        frames = rollout.check_clip(frames, self.frame_shape, self.num_context + 1)
        rollout.check_actions(actions, self.action_size)
        return frames, actions

    def predict_frames(
        self,
        context,
        num_frames,
        num_samples=1,
        seed=None,
        actions=None,
        sample_batch_size=None,
    ):
        """Samples futures of a context.

        Latents come from the posterior through the context and from the prior after it;
        frames are decoder means. Skips are those of the last context frame.

        Args:
            context: `[B, N, H, W, C]`, N >= num_context, uint8 or floating in [0, 1].
            num_frames: int, frames to predict.
            num_samples: int, futures per clip. Defaults to `1`.
            seed: int; the same call with the same seed gives the same frames. Defaults
                to `None`, drawn from the model's own generator.
            actions: `[B, >= N + num_frames - 1, action_size]` for a model with actions.
            sample_batch_size: int, futures of each clip to draw at a time. It bounds
                memory and changes the frames by rounding errors only. Defaults to
                `None`: as many as make 128 clips.

        Returns:
            float32 tensor `[num_samples, B, num_frames, H, W, C]` in [0, 1].

        Raises:
            ValueError: if a shape does not fit the model.
        """
        context = to_unit_range(context, "context")
        context = rollout.check_clip(context, self.frame_shape, self.num_context)
        rollout.check_actions(actions, self.action_size, context.shape[1] + num_frames)
        if sample_batch_size is None:
            sample_batch_size = rollout.DEFAULT_SAMPLE_BATCH_SIZE
        elif sample_batch_size < 1:
            raise ValueError(
                f"`sample_batch_size` must be at least 1, got {sample_batch_size}."
            )
        if num_frames < 1 or num_samples < 1:
            raise ValueError(
                "`num_frames` and `num_samples` must be at least 1, got "
                f"{num_frames} and {num_samples}."
            )
        if seed is None:
            seed = self.seed_generator.as_integer()
        inputs = [sample_batch_size, context, num_frames, num_samples, seed]
        if self.action_size:
            inputs.append(tf.convert_to_tensor(actions, tf.float32))
        return self._rollout(*inputs)

    def reconstruct(self, clips, actions=None):
        """Reconstructs frames 1 ... T-1 from the means of the posterior.

        Args:
            clips: `[B, T, H, W, C]`, T > num_context, uint8 or floating in [0, 1].
            actions: `[B, T - 1 or more, action_size]` for a model with actions.

        Returns:
            float32 tensor `[B, T-1, H, W, C]` in [0, 1].
        """
        clips = tf.convert_to_tensor(clips)
        if actions is None:
            return self(clips, training=False)
        return self({"frames": clips, "actions": actions}, training=False)

    def export_endpoints(self):
        return rollout.endpoints(self)

    def get_config(self):
        return {**super().get_config(), **self._arguments}


def _check_arguments(arguments):
    if len(arguments["frame_shape"]) != 3:
        raise ValueError(
            "`frame_shape` must be (height, width, channels), "
            f"got {arguments['frame_shape']!r}."
        )
    for name, choices in (("prior", _PRIORS), ("scored_frames", _SCORED_FRAMES)):
        if arguments[name] not in choices:
            raise ValueError(
                f"`{name}` must be one of {choices}, got {arguments[name]!r}."
            )
    for name in ("num_context", "latent_size", "code_size", "hidden_size", "width"):
        if arguments[name] < 1:
            raise ValueError(f"`{name}` must be at least 1, got {arguments[name]!r}.")
    if arguments["action_size"] < 0:
        raise ValueError(
            f"`action_size` must be 0 (no actions) or more, "
            f"got {arguments['action_size']!r}."
        )
