"""The networks of SVG-LP, and how the frames of a clip pass through them."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.models.seeding import WeightSeeds
from tfsigmavae_video import networks
from tfsigmavae_video.networks.recurrence import FramePredictor, GaussianLSTM

tfd = tfp.distributions


class SVGNetworks(keras.layers.Layer):
    """Frame encoder, generator, predictor, posterior and (if learned) prior.

    Args:
        num_outputs: int, channels that the decoder needs of the generator.
        seed: int or `None`, seed of the initial weights.
        frame_shape, num_context, latent_size, network, action_size: see `SVGLP`.
        code_size, hidden_size, width, prior, batch_norm_momentum: see `SVGLP`.
        predictor_residual, posterior_residual, posterior_mean_stddev: see `SVGLP`.
        posterior_log_variance_bias, prior_log_variance_bias: see `SVGLP`.
        frame_statistics, remat: see `SVGLP`.
        **kwargs: `name` and `dtype` of the layer.
    """

    def __init__(
        self,
        num_outputs,
        seed,
        frame_shape,
        num_context,
        latent_size,
        network,
        action_size,
        code_size,
        hidden_size,
        width,
        prior,
        predictor_residual,
        posterior_residual,
        posterior_log_variance_bias,
        prior_log_variance_bias,
        posterior_mean_stddev,
        batch_norm_momentum,
        frame_statistics,
        remat,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frame_shape = tuple(frame_shape)
        self.num_context = num_context
        self.latent_size = latent_size
        self.action_size = action_size
        self.frame_statistics = frame_statistics
        shared = {"seeds": WeightSeeds(seed), "dtype": self.dtype_policy}
        convolutional = {
            "width": width,
            "batch_norm_momentum": batch_norm_momentum,
            "remat": remat,
            **shared,
        }
        make_encoder, make_generator = networks.get(network)
        self.encoder = make_encoder(frame_shape, code_size, **convolutional)
        self.generator = make_generator(frame_shape, num_outputs, **convolutional)
        recurrent = {"hidden_size": hidden_size, **shared}
        self.predictor = FramePredictor(
            code_size, predictor_residual, num_layers=2, **recurrent
        )
        self.posterior = GaussianLSTM(
            latent_size,
            posterior_log_variance_bias,
            posterior_mean_stddev,
            posterior_residual,
            num_layers=1,
            **recurrent,
        )
        self.prior = None
        if prior == "learned":
            self.prior = GaussianLSTM(
                latent_size, prior_log_variance_bias, num_layers=1, **recurrent
            )
        self._make_weights(code_size)

    def _make_weights(self, code_size):
        """Builds every layer by its shapes, without computing anything."""
        code = keras.KerasTensor([None, 1, code_size])
        _, skips = self.encoder(keras.KerasTensor([None, *self.frame_shape]))
        skip_maps = self.generator.project_skips(skips)
        self.generator(keras.KerasTensor([None, code_size]), skip_maps)
        inputs_size = code_size + self.latent_size + self.action_size
        self.predictor(keras.KerasTensor([None, 1, inputs_size]))
        for network in (self.posterior, self.prior):
            if network is not None:
                network(code)
        self.built = True

    def encode(self, frames, training=False):
        """Codes `[B, T, g]`, and skips of the context frames, `[num_context * B, ...]`.

        All frames in one call: a frame serves as target and as input of the next step.
        """
        batch = tf.shape(frames)[0]
        flat = _time_major(frames)
        codes, skips = self.encoder(
            flat,
            self.num_context * batch,
            training=training,
            num_groups=self._num_groups(frames, training),
        )
        return _batch_major(codes, batch, frames.shape[1]), skips

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

    def prior_of(self, codes, state=None):
        """p(z_t | x_{0:t-1}) for the codes of frames t-1, and the prior's state."""
        if self.prior is not None:
            return self.prior(codes, state)
        zeros = tf.zeros([*tf.unstack(tf.shape(codes)[:2]), self.latent_size])
        return tfd.Independent(tfd.Normal(zeros, 1.0), 1), []

    def generate(self, codes, latents, actions, skips, first, training):
        """Raw decoder parameters of frames `first + 1` ... T - 1.

        Args:
            codes: `[B, T, g]` of all frames.
            latents: `[B, T - 1, latent_size]`.
            actions: `[B, T - 1 or more, action_size]`, or `None`.
            skips: `[num_context * B, ...]` each, of the context frames.
            first: steps to leave out, at most `num_context - 1`.
            training: bool.

        Returns:
            `[B, T - 1 - first, H, W, num_outputs]`.
        """
        inputs = self.predictor_inputs(codes[:, :-1], latents, actions)
        predicted, _ = self.predictor(inputs)
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
        raw = self.generator(
            _time_major(predicted),
            skip_maps,
            training=training,
            num_groups=self._num_groups(predicted, training),
        )
        return _batch_major(raw, batch, predicted.shape[1])

    def predictor_inputs(self, codes, latents, actions):
        """What the predictor sees: h_{t-1}, z_t and the action that leads to x_t."""
        inputs = [codes, tf.cast(latents, codes.dtype)]
        if self.action_size:
            inputs.append(tf.cast(actions[:, : tf.shape(codes)[1]], codes.dtype))
        return tf.concat(inputs, axis=-1)


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
