"""How the frames of a clip pass through the networks of SVG-LP."""

from typing import Any

import keras
import tensorflow as tf

from tfsigmavae_video.models.time_major import batch_major, last_repeated, time_major
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
        skips_of_previous: bool, `skips="previous"` of `SVGLP`. Defaults to `False`.
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
        skips_of_previous=False,
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
        self.skips_of_previous = skips_of_previous
        # Actions come in any unit; what is small beside the codes would go unheard.
        self.action_units: Any = None
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
        """Codes `[B, T, g]`, and skips of the frames that give any, `[N * B, ...]`.

        Those are the N frames of the context, or the first T - 1 of all. All frames in
        one call: a frame serves as target and as input of the next step.
        """
        return self._encode(frames, self._num_skips(frames), training)

    def encode_fed(self, fed, frames, training=False):
        """As `encode`, where what is fed differs from the frames after the context.

        One call again: batch norm sees true and fed frames together.

        Args:
            fed: clips `[B, T, H, W, C]`, as `frames` in the context and at the end.
            frames: `[B, T, H, W, C]`, the true ones.
            training: bool.

        Returns:
            Codes of `fed` and of `frames`, `[B, T, g]` each, and skips of `fed`.
        """
        num_frames = frames.shape[1] or tf.shape(frames)[1]
        others = frames[:, self.num_context : num_frames - 1]
        codes, skips = self._encode(
            tf.concat([fed, others], axis=1), self._num_skips(fed), training
        )
        of_fed, of_others = codes[:, :num_frames], codes[:, num_frames:]
        context, last = of_fed[:, : self.num_context], of_fed[:, num_frames - 1 :]
        return of_fed, tf.concat([context, of_others, last], axis=1), skips

    def _num_skips(self, frames):
        num_frames = self.num_context
        if self.skips_of_previous:
            num_frames = tf.shape(frames)[1] - 1
        return num_frames * tf.shape(frames)[0]

    def _encode(self, frames, num_skips=None, training=False):
        codes, skips = self.encoder(
            time_major(frames),
            num_skips,
            training=training,
            num_groups=self._num_groups(frames, training),
        )
        return batch_major(codes, tf.shape(frames)[0], frames.shape[1]), skips

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
            skips: of `encode`.
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
        skip_maps = self.generator.project_skips(skips, training=training)
        if not self.skips_of_previous:
            num_given, num_steps = self.num_context - first, tf.shape(predicted)[1]
            skip_maps = [
                last_repeated(maps, num_given, num_steps, batch) for maps in skip_maps
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
            time_major(predicted),
            skip_maps,
            training=training,
            num_groups=self._num_groups(predicted, training),
            folded=folded,
        )
        return batch_major(raw, tf.shape(predicted)[0], predicted.shape[1])

    # Sampling, frame by frame: `VideoModel` says what these are.

    def fold(self):
        return self.encoder.fold(), self.generator.fold()

    def read_context(self, context):
        """Last frame, codes, posterior means and deviations, last skip maps."""
        codes, skips = self._encode(context)
        batch = tf.shape(context)[0]
        last = [skip[-batch:] for skip in skips]
        skip_maps = self.generator.project_skips(last)
        posterior, _ = self.posterior(codes[:, 1:])
        return context[:, -1], codes, posterior.mean(), posterior.stddev(), skip_maps

    def start(self, given, noise, actions):
        """Last frame, its code and skip maps, states of prior and predictor."""
        frame, codes, mean, stddev, skip_maps = given
        latents = mean + stddev * noise
        actions = self.read_actions(actions, codes)
        _, prior_state = self.predict_latents(codes[:, :-1], actions)
        _, predictor_state = self._predict(codes[:, :-1], latents, actions)
        return frame, codes[:, -1], skip_maps, prior_state, predictor_state

    def step(self, state, noise, action, folded, likelihood):
        """p(x | z) of the next frame, and the state after its mean.

        The latent is from the prior.

        Args:
            state, noise, action, folded: see `VideoModel`.
            likelihood: function from raw parameters and the frame before to p(x | z).
        """
        frame, code, skip_maps, prior_state, predictor_state = state
        action = None if action is None else self._in_no_unit(action[:, None])
        prior, prior_state = self.predict_latents(code[:, None], action, prior_state)
        latent = prior.mean() + prior.stddev() * noise[:, None]
        state = frame, code, skip_maps, prior_state, predictor_state
        frame, state = self._step(state, latent, action, folded, likelihood)
        return frame, self.feed(frame.mean(), state, folded)

    def step_by_latent(self, state, latent, action, folded, likelihood):
        """As `step`, by a given latent `[B, latent_size]`, whatever the prior says.

        What comes next is not fed yet: `feed` does it.
        """
        action = None if action is None else self._in_no_unit(action[:, None])
        return self._step(state, latent[:, None], action, folded, likelihood)

    def _step(self, state, latent, action, folded, likelihood):
        before, code, skip_maps, prior_state, predictor_state = state
        predicted, predictor_state = self._predict(
            code[:, None], latent, action, predictor_state
        )
        raw = self._frames(predicted, skip_maps, folded=folded[1])[:, 0]
        state = before, code, skip_maps, prior_state, predictor_state
        return likelihood(raw, before), state

    def feed(self, frame, state, folded):
        """The state after a frame `[B, H, W, C]`, predicted or true."""
        _, _, skip_maps, *recurrent = state
        code, skips = self.encoder(frame, training=False, folded=folded[0])
        if self.skips_of_previous:
            skip_maps = self.generator.project_skips(skips)
        return frame, code, skip_maps, *recurrent
