"""The smallest video model, written as a user of `VideoModel` would write one."""

import keras
import tensorflow as tf

from tfsigmavae.models import ElboTerms
from tfsigmavae_video.models import VideoModel


@keras.saving.register_keras_serializable(package="tests")
class DriftingModel(VideoModel):
    """The next frame is a shrunken last one, with one latent of brightness."""

    noise_size = 1

    def __init__(self, frame_shape=(16, 16, 3), num_context=1, scale=0.5, **kwargs):
        super().__init__(frame_shape, num_context, **kwargs)
        self.scale = scale
        self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
        if not self.decoder.built:  # a reloaded one is
            self.decoder.build([None, *self.frame_shape])
        self.built = True

    def read_context(self, context):
        return context[:, -1]

    def start(self, given, noise, actions):
        return given

    def step(self, state, noise, action, folded):
        return (frame := self.next_frame(state, noise[:, :, None, None]).mean()), frame

    def next_frame(self, frame, latent, target=None, training=False):
        raw = self.gain * (4 * frame - 2) + self.scale * latent
        return self.likelihood(raw, target, training)

    def elbo_terms(self, inputs, training):
        frames, _ = self.unpack(inputs)
        noise = self.seed_generator.normal([tf.shape(frames)[0], 1, 1, 1, 1])
        target = frames[:, 1:]
        likelihood = self.next_frame(frames[:, :-1], noise, target, training)
        return ElboTerms(likelihood, target, tf.zeros_like(noise[:, 0, 0, 0, 0]))

    def call(self, inputs, training=False):
        return self.next_frame(self.unpack(inputs)[0][:, :-1], 0.0).mean()

    def get_config(self):
        config = super().get_config()
        del config["action_size"]
        return {**config, "scale": self.scale}
