"""How the frames of a clip pass through the networks of SVG-LP."""

import keras
import tensorflow as tf

from tfsigmavae_video.networks.standardization import RunningStandardization


class SVGNetworks(keras.layers.Layer):
    """Frame encoder, generator, predictor, posterior and prior, put together.

    Args:
        encoder: `FrameEncoder`.
        generator: `FrameGenerator`.
        predictor: `FramePredictor`.
        posterior: `GaussianLSTM`.
        prior: `GaussianLSTM` or `StandardNormal`.
        frame_shape, num_context, action_size: see `VideoModel`.
        frame_statistics: see `SVGLP`. Defaults to `False`.
        prior_sees_actions: see `SVGLP`. Defaults to `True`.
        **kwargs: `name` and `dtype` of the layer.
    """

    def __init__(
        self,
        encoder,
        generator,
        predictor,
        posterior,
        prior,
        frame_shape,
        num_context,
        action_size=0,
        frame_statistics=False,
        prior_sees_actions=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.generator = generator
        self.predictor = predictor
        self.posterior = posterior
        self.prior = prior
        self.num_context = num_context
        self.action_size = action_size
        self.frame_statistics = frame_statistics
        self.prior_sees_actions = bool(action_size) and prior_sees_actions
        # Actions come in any unit; what is small beside the codes would go unheard.
        self.action_units = None
        if self.prior_sees_actions:
            self.action_units = RunningStandardization(
                name="action_units", dtype=self.dtype_policy
            )
        self._make_weights(frame_shape)

    def _make_weights(self, frame_shape):
        """Builds every layer by its shapes: to trace them takes four times as long."""
        self.encoder.build([None, *frame_shape])
        size = self.encoder.code.units
        self.generator.build([None, size])
        self.generator.build_skips(self.encoder.skip_channels)
        acting_size = size + self.action_size
        inputs_size = acting_size + self.posterior.latent_size
        self.predictor.build([None, None, inputs_size])
        self.posterior.build([None, None, size])
        prior_size = acting_size if self.prior_sees_actions else size
        self.prior.build([None, None, prior_size])
        if self.prior_sees_actions:
            self.action_units.build([None, None, self.action_size])
        self.built = True

    def encode(self, frames, training=False):
        """Codes `[B, T, g]`, and skips of the context frames, `[num_context * B, ...]`.

        All frames in one call: a frame serves as target and as input of the next step.
        """
        num_skips = self.num_context * tf.shape(frames)[0]
        return self._encode(frames, num_skips, training)

    def _encode(self, frames, num_skips=None, training=False):
        codes, skips = self.encoder(
            _time_major(frames),
            num_skips,
            training=training,
            num_groups=self._num_groups(frames, training),
        )
        return _batch_major(codes, tf.shape(frames)[0], frames.shape[1]), skips

    def _num_groups(self, clips, training):
        """How many parts of `[T * B, ...]` have statistics of their own."""
        if not (training and self.frame_statistics):
            return 1
        if clips.shape[1] is None:
            raise ValueError(
                "`frame_statistics` needs clips of a known number of frames, got "
                f"{clips.shape}. Set it with `tf.ensure_shape` in the dataset."
            )
        # The code of a single clip would normalise to a constant, and learn nothing.
        tf.debugging.assert_greater(
            tf.shape(clips)[0], 1, "`frame_statistics` needs two clips in a batch."
        )
        return clips.shape[1]

    def read_actions(self, actions, codes, training=False):
        """Actions from frame to frame of `codes`, in no unit; `None` where none are."""
        if actions is None:
            return None
        return self._in_no_unit(actions[:, : tf.shape(codes)[1] - 1], training)

    def _in_no_unit(self, actions, training=False):
        if not self.prior_sees_actions:
            return actions
        return self.action_units(actions, training=training)

    def predict_latents(self, codes, actions, state=None):
        """The prior over z_t, of h_{t-1} and the action that leads to x_t."""
        inputs = [codes]
        if self.prior_sees_actions:
            inputs.append(tf.cast(actions, codes.dtype))
        return self.prior(tf.concat(inputs, axis=-1), state)

    def generate(self, codes, latents, actions, skips, first, training):
        """Raw decoder parameters of frames `first + 1` ... T - 1.

        Args:
            codes: `[B, T, g]` of all frames.
            latents: `[B, T - 1, latent_size]`.
            actions: `[B, T - 1, action_size]` of `read_actions`, or `None`.
            skips: `[num_context * B, ...]` each, of the context frames.
            first: steps to leave out, at most `num_context - 1`.
            training: bool.

        Returns:
            `[B, T - 1 - first, H, W, num_outputs]`.
        """
        predicted, _ = self._predict(codes[:, :-1], latents, actions)
        predicted = predicted[:, first:]
        batch = tf.shape(predicted)[0]
        if first:
            skips = [skip[first * batch :] for skip in skips]
        skip_maps = [
            _last_repeated(
                maps, self.num_context - first, tf.shape(predicted)[1], batch
            )
            for maps in self.generator.project_skips(skips, training=training)
        ]
        return self._frames(predicted, skip_maps, training)

    def _predict(self, codes, latents, actions, state=None):
        """What h_{t-1}, z_t and the action that leads to x_t make of the next code."""
        inputs = [codes, tf.cast(latents, codes.dtype)]
        if self.action_size:
            inputs.append(tf.cast(actions, codes.dtype))
        return self.predictor(tf.concat(inputs, axis=-1), state)

    def _frames(self, predicted, skip_maps, training=False, folded=None):
        """Raw parameters `[B, T, H, W, num_outputs]` of the codes `[B, T, g]`."""
        raw = self.generator(
            _time_major(predicted),
            skip_maps,
            training=training,
            num_groups=self._num_groups(predicted, training),
            folded=folded,
        )
        return _batch_major(raw, tf.shape(predicted)[0], predicted.shape[1])

    # Sampling, frame by frame: `VideoModel` says what these are.

    def fold(self):
        return self.encoder.fold(), self.generator.fold()

    def read_context(self, context):
        """Codes, posterior means and deviations, last skip maps."""
        codes, skips = self._encode(context)
        batch = tf.shape(context)[0]
        last = [skip[-batch:] for skip in skips]
        skip_maps = self.generator.project_skips(last)
        posterior, _ = self.posterior(codes[:, 1:])
        return codes, posterior.mean(), posterior.stddev(), skip_maps

    def start(self, given, noise, actions):
        """Code of the last frame, its skip maps, states of prior and predictor."""
        codes, mean, stddev, skip_maps = given
        latents = mean + stddev * noise
        actions = self.read_actions(actions, codes)
        _, prior_state = self.predict_latents(codes[:, :-1], actions)
        _, predictor_state = self._predict(codes[:, :-1], latents, actions)
        return codes[:, -1], skip_maps, prior_state, predictor_state

    def step(self, state, noise, action, folded, likelihood):
        """p(x | z) of the next frame, `likelihood(raw)`, and the state after its mean.

        The latent is from the prior.
        """
        code, skip_maps, prior_state, predictor_state = state
        action = None if action is None else self._in_no_unit(action[:, None])
        prior, prior_state = self.predict_latents(code[:, None], action, prior_state)
        latent = prior.mean() + prior.stddev() * noise[:, None]
        state = code, skip_maps, prior_state, predictor_state
        return self._step(state, latent, action, folded, likelihood)

    def step_by_latent(self, state, latent, action, folded, likelihood):
        """As `step`, by a given latent `[B, latent_size]`, whatever the prior says."""
        action = None if action is None else self._in_no_unit(action[:, None])
        return self._step(state, latent[:, None], action, folded, likelihood)

    def _step(self, state, latent, action, folded, likelihood):
        code, skip_maps, prior_state, predictor_state = state
        encoder_folded, generator_folded = folded
        predicted, predictor_state = self._predict(
            code[:, None], latent, action, predictor_state
        )
        raw = self._frames(predicted, skip_maps, folded=generator_folded)[:, 0]
        frame = likelihood(raw)
        code, _ = self.encoder(frame.mean(), training=False, folded=encoder_folded)
        return frame, (code, skip_maps, prior_state, predictor_state)


# Inside, the frames of all clips are one batch, time first: `[T * B, ...]`. The context
# is then its beginning, and each frame of all clips is one piece of memory.


def _time_major(values):
    """`[B, T, ...]` -> `[T * B, ...]`."""
    axes = [1, 0, *range(2, len(values.shape))]
    return tf.reshape(tf.transpose(values, axes), [-1, *values.shape[2:]])


def _batch_major(values, batch, num_frames):
    """`[T * B, ...]` -> `[B, T, ...]`; `num_frames` is the static T, or `None`."""
    frames = tf.shape(values)[0] // batch if num_frames is None else num_frames
    values = tf.reshape(values, [frames, batch, *values.shape[1:]])
    axes = [1, 0, *range(2, len(values.shape))]
    return tf.transpose(values, axes)


def _last_repeated(maps, num_given, num_steps, batch):
    """`[num_given * B, ...]` -> `[num_steps * B, ...]`, the last frame repeated.

    A frame after the context has the skips of the last context frame.
    """
    before, last = tf.split(maps, [(num_given - 1) * batch, batch])
    num_last = num_steps - num_given + 1
    shape = tf.concat([[num_last], tf.shape(last)], 0)
    # The gradient of a broadcast over the first axis is a sum of whole pieces.
    repeated = tf.reshape(tf.broadcast_to(last, shape), [-1, *maps.shape[1:]])
    return tf.concat([before, repeated], 0) if num_given > 1 else repeated
