"""The networks of SVG-LP, and how the frames of a clip pass through them."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae_video import networks
from tfsigmavae_video.recurrence import FramePredictor, GaussianLSTM

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
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frame_shape = tuple(frame_shape)
        self.num_context = num_context
        self.latent_size = latent_size
        self.action_size = action_size
        shared = {"rng": np.random.default_rng(seed), "dtype": self.dtype_policy}
        convolutional = {
            "width": width,
            "batch_norm_momentum": batch_norm_momentum,
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
        """Codes `[B, T, g]`, and skips of the context frames, `[B, num_context, ...]`.

        All frames in one call: a frame serves as target and as input of the next step.
        """
        batch, num_frames = tf.shape(frames)[0], tf.shape(frames)[1]
        flat = tf.reshape(frames, [-1, *self.frame_shape])
        codes, skips = self.encoder(flat, training=training)
        static_frames = frames.shape[1] or num_frames
        codes = tf.reshape(codes, [batch, static_frames, codes.shape[-1]])
        skips = [
            tf.reshape(skip, [batch, static_frames, *skip.shape[1:]]) for skip in skips
        ]
        return codes, [skip[:, : self.num_context] for skip in skips]

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
            skips: `[B, num_context, ...]` each, of the context frames.
            first: steps to leave out, at most `num_context - 1`.
            training: bool.

        Returns:
            `[B, T - 1 - first, H, W, num_outputs]`.
        """
        inputs = self.predictor_inputs(codes[:, :-1], latents, actions)
        predicted, _ = self.predictor(inputs)
        predicted = predicted[:, first:]
        num_steps = predicted.shape[1] or tf.shape(predicted)[1]
        # A frame after the context has the skips of the last context frame.
        skips = [skip[:, first:] for skip in skips]
        num_skips = self.num_context - first
        skip_maps = self.generator.project_skips([_merge_time(s) for s in skips])
        skip_maps = [
            _merge_time(_extend_time(m, num_skips, num_steps)) for m in skip_maps
        ]
        raw = self.generator(_merge_time(predicted), skip_maps, training=training)
        return tf.reshape(raw, [-1, num_steps, *raw.shape[1:]])

    def predictor_inputs(self, codes, latents, actions):
        """What the predictor sees: h_{t-1}, z_t and the action that leads to x_t."""
        inputs = [codes, tf.cast(latents, codes.dtype)]
        if self.action_size:
            inputs.append(tf.cast(actions[:, : tf.shape(codes)[1]], codes.dtype))
        return tf.concat(inputs, axis=-1)


def _merge_time(values):
    """`[B, T, ...]` -> `[B * T, ...]`."""
    return tf.reshape(values, [-1, *values.shape[2:]])


def _extend_time(maps, num_given, num_steps):
    """`[B * num_given, ...]` -> `[B, num_steps, ...]`, the last one repeated."""
    maps = tf.reshape(maps, [-1, num_given, *maps.shape[1:]])
    last = tf.repeat(maps[:, -1:], num_steps - num_given, axis=1)
    return tf.concat([maps, last], axis=1)
