"""All steps of a clip whose latents come from the posterior, for `WarpVRNN`."""

import typing

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.typing import Distribution
from tfsigmavae_video.models.rollout import unroll

tfd = tfp.distributions

# Up to this many steps of a known number are unrolled: faster than a loop, at the price
# of a longer first step.
_MAX_UNROLLED = 16


class Truth(typing.NamedTuple):
    """What is known of clips.

    Attributes:
        frames: `[B, T, H, W, C]` in [0, 1].
        maps: of `WarpNetworks.encode`, `[B, T, ...]` each.
        actions: `[B, T - 1, action_size]` in no unit, or `None`.
    """

    frames: tf.Tensor
    maps: list
    actions: tf.Tensor | None


class Chain(typing.NamedTuple):
    """What the steps of a clip give.

    Attributes:
        params: `[B, T - 1, H, W, params_size]` of the decoder, of frames 1 ... T - 1.
        latents: `[B, T - 1, latent_size]`.
        posterior, prior: distributions over them, batch shape `[B, T - 1]`.
    """

    params: tf.Tensor
    latents: tf.Tensor
    posterior: Distribution
    prior: Distribution


def posterior_chain(networks, truth, num_given, noise=None) -> Chain:
    """Goes through a clip from frame to frame.

    Args:
        networks: `WarpNetworks`.
        truth: `Truth`.
        num_given: int or int32 scalar tensor: as many true frames are fed, then those
            that were predicted.
        noise: `[B, T - 1, latent_size]` from N(0, 1). Defaults to `None`: posterior
            means.
    """
    num_steps = truth.frames.shape[1] and truth.frames.shape[1] - 1
    unrolled = num_steps is not None and num_steps <= _MAX_UNROLLED
    if not (unrolled and isinstance(num_given, int)):
        unrolled, num_given = False, tf.convert_to_tensor(num_given)
        num_steps = tf.shape(truth.frames)[1] - 1 if num_steps is None else num_steps
        num_steps = tf.convert_to_tensor(num_steps)
    steps = _Steps(networks, truth, num_given, noise, unrolled)
    params, *gaussians = unroll(steps, steps.first_state(), num_steps, steps.specs())
    latents, *gaussians = gaussians
    posterior, prior = gaussians[:2], gaussians[2:]
    if not prior:
        prior = tf.zeros_like(latents), tf.ones_like(latents)
    return Chain(params, latents, _diagonal(*posterior), _diagonal(*prior))


def _diagonal(mean, stddev):
    return tfd.Independent(tfd.Normal(mean, stddev), 1)


class _Steps:
    """The step of `unroll`: number and state -> what it gives, next state."""

    def __init__(self, networks, truth, num_given, noise, unrolled):
        self.networks = networks
        self.num_given = num_given
        self.num_frame_channels = truth.frames.shape[-1]
        self.first = truth.frames[:, 0]
        self.frames = _reader(truth.frames, unrolled)
        self.maps = [_reader(each, unrolled) for each in truth.maps]
        self.actions = _reader(truth.actions, unrolled)
        self.noise = _reader(noise, unrolled)

    def first_state(self):
        return self.first, self.networks.initial_state(tf.shape(self.first)[0])

    def specs(self):
        """Of what a step gives, see `__call__`."""
        networks, dtype = self.networks, self.first.dtype
        *size, _ = self.first.shape[1:]
        latent = tf.TensorSpec([None, networks.latent_size], dtype)
        num_latents = 3 if networks.prior is None else 5
        params = tf.TensorSpec([None, *size, networks.params_size], dtype)
        return [params] + [latent] * num_latents

    def __call__(self, i, state):
        frame, maps, hidden = self._before(i, state)
        action, networks = self.actions(i), self.networks
        mean, stddev = networks.read_latent(self.maps[-1](i + 1), maps, hidden)
        noise = self.noise(i)
        latent = mean if noise is None else mean + stddev * tf.cast(noise, mean.dtype)
        prior = networks.predict_latent(maps, hidden, action) or ()
        params, hidden = networks.generate(frame, maps, hidden, latent, action)
        predicted = params[..., : self.num_frame_channels]
        return [params, latent, mean, stddev, *prior], (predicted, hidden)

    def _before(self, i, state):
        """The frame before, its maps, the states of the cells."""
        frame, hidden = state
        is_given = i < self.num_given
        if is_given is True:
            return self.frames(i), [maps(i) for maps in self.maps], hidden
        if is_given is not False:  # known when it runs
            frame = tf.where(is_given, self.frames(i), frame)
        return frame, self.networks.encoder(frame), hidden


def _reader(values, unrolled):
    """Function from a number to that step of `[B, T, ...]`; of `None` to `None`."""
    if values is None:
        return lambda i: None
    if unrolled:
        # Not `values[:, i]`: the gradient of each slice would be a whole tensor.
        return tf.unstack(values, axis=1).__getitem__
    length = values.shape[1] or tf.shape(values)[1]
    axes = [1, 0, *range(2, values.shape.rank)]
    array = tf.TensorArray(values.dtype, length, element_shape=_step_shape(values))
    return array.unstack(tf.transpose(values, axes)).read


def _step_shape(values):
    return [values.shape[0], *values.shape[2:]]
