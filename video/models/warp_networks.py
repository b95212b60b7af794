"""How a frame passes through the networks of `WarpVRNN`."""

from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf

from tfsigmavae_video.networks.frame_composition import FrameComposition
from tfsigmavae_video.networks.frame_pyramid import FramePyramid
from tfsigmavae_video.networks.gaussian_head import GaussianHead
from tfsigmavae_video.networks.recurrent_generator import RecurrentGenerator
from tfsigmavae_video.networks.standardization import RunningStandardization

Prior: TypeAlias = Literal["learned", "standard_normal"]
PRIORS = get_args(Prior)


class WarpNetworks(keras.layers.Layer):
    """Frame encoder, recurrent generator, composition, posterior and prior.

    The state between two frames is a nest: the frame before, and the maps of the
    recurrent cells, coarsest first.

    Args:
        frame_shape, action_size: see `VideoModel`.
        latent_size, width, depth, prior, max_flow: see `WarpVRNN`.
        num_extra: int, numbers of a pixel that the decoder takes beside its means.
        seeds: `WeightSeeds`, of the initial weights.
        **kwargs: `name` and `dtype` of the layer.
    """

    def __init__(
        self,
        frame_shape,
        latent_size,
        width,
        depth,
        prior,
        max_flow,
        num_extra,
        action_size,
        seeds,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        shared = {"seeds": seeds, "dtype": self.dtype_policy}
        self.latent_size = latent_size
        self.params_size = frame_shape[-1] + num_extra
        *frame_size, channels = frame_shape
        size = tuple(side // 2**depth for side in frame_size)
        filters = [width * 2**i for i in range(depth)]
        self.composition = FrameComposition(channels, num_extra, max_flow)
        self.encoder = FramePyramid(channels, filters, name="encoder", **shared)
        self.generator = RecurrentGenerator(
            latent_size + action_size,
            size,
            filters,
            self.composition.num_outputs,
            name="generator",
            **shared,
        )
        known = filters[-1] + self.generator.filters[-1]
        self.posterior = GaussianHead(
            latent_size,
            size,
            filters[-1] + known,
            mean_gain=1.0,
            log_variance_bias=-3.0,
            name="posterior",
            **shared,
        )
        self.prior = None
        if prior == "learned":
            self.prior = GaussianHead(
                latent_size,
                size,
                known,
                mean_gain=0.02,
                log_variance_bias=-1.0,
                num_extra=action_size,
                name="prior",
                **shared,
            )
        # Actions come in any unit; what is small beside the rest would go unheard.
        self.action_units: Any = None
        if action_size:
            self.action_units = RunningStandardization(
                name="action_units", dtype=self.dtype_policy
            )
            self.action_units.build([None, None, action_size])
        self.built = True

    def encode(self, frames):
        """Maps of every frame of clips `[B, T, H, W, C]`: a list of `[B, T, ...]`."""
        shape = tf.shape(frames)[:2]
        maps = self.encoder(tf.reshape(frames, [-1, *frames.shape[2:]]))
        found = [tf.reshape(m, [*tf.unstack(shape), *m.shape[1:]]) for m in maps]
        return [tf.ensure_shape(m, [*frames.shape[:2], *m.shape[2:]]) for m in found]

    def initial_state(self, batch_size):
        """Of a clip of which nothing was seen."""
        return self.generator.initial_state(batch_size)

    def predict_latent(self, maps, hidden, action):
        """The prior over z_t, of the frame before and all before it.

        Returns:
            Mean and standard deviation `[B, latent_size]`; `None` for N(0, 1).
        """
        if self.prior is None:
            return None
        return self.prior([maps[-1], hidden[0]], action)

    def read_latent(self, target, maps, hidden):
        """The posterior over z_t, of the coarsest map of its frame as well."""
        return self.posterior([target - maps[-1], maps[-1], hidden[0]])

    def generate(self, frame, maps, hidden, latent, action):
        """Parameters of the next frame, and the next states."""
        raw, hidden = self._generated(maps, hidden, latent, action)
        return self.composition(raw, frame), hidden

    def remember(self, maps, hidden, latent, action):
        """The next states alone."""
        return self._generated(maps, hidden, latent, action)[1]

    def _generated(self, maps, hidden, latent, action):
        if action is not None:
            latent = tf.concat([latent, tf.cast(action, latent.dtype)], axis=-1)
        return self.generator(latent, maps, hidden)
