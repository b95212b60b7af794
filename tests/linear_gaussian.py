"""A video model of which everything is known in closed form, as an oracle."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models import ElboTerms
from tfsigmavae.models.elbo import rates_of
from tfsigmavae.models.seeding import standard_normal
from tfsigmavae_video.models import VideoModel

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tests")
class LinearGaussianModel(VideoModel):
    """The frame before, decayed towards grey, a linear map of the latent, and noise.

        z_t ~ N(0, I),   x_t ~ N(0.5 + decay * (x_(t-1) - 0.5) + z_t W, sigma**2)

    The rows of W are orthogonal, so that the posterior is diagonal. It is the true one,
    unless moved and widened. Pixels are Gaussian, with [0, 1] far outside (8
    deviations).

    Args:
        sigma: float > 0, standard deviation of the pixels. Defaults to `0.03`.
        decay: float in [0, 1). Defaults to `0.7`.
        widen: factor on the posterior's standard deviations. Defaults to `1.0`.
        shift: what is added to its means, in those deviations. Defaults to `0.0`.
        frame_shape, num_context, latent_size, **kwargs: see `VideoModel`.
    """

    def __init__(
        self,
        frame_shape=(4, 4, 1),
        num_context=1,
        latent_size=2,
        sigma=0.03,
        decay=0.7,
        widen=1.0,
        shift=0.0,
        **kwargs,
    ):
        kwargs.setdefault("decoder", FixedSigma(sigma))
        super().__init__(frame_shape, num_context, **kwargs)
        self._arguments = {
            "latent_size": latent_size,
            "sigma": sigma,
            "decay": decay,
            "widen": widen,
            "shift": shift,
        }
        self.sigma, self.decay = sigma, decay
        size = int(np.prod(frame_shape))
        directions = np.random.default_rng(0).normal(size=(size, latent_size))
        directions = np.linalg.qr(directions)[0]
        # A latent moves a pixel by about as much as its noise.
        lengths = sigma * np.sqrt(size / latent_size) * np.linspace(1, 0.5, latent_size)
        self.loadings = (directions * lengths).T  # [K, pixels]
        variance = 1.0 / (1.0 + lengths**2 / sigma**2)
        self.gain = variance[:, None] * self.loadings / sigma**2
        self.scale = widen * np.sqrt(variance)
        self.shift = shift * np.sqrt(variance)
        self.decoder.build([None, *self.frame_shape])
        self.built = True

    @property
    def noise_size(self):
        return self._arguments["latent_size"]

    def read_context(self, context):
        return context[:, -1]

    def start(self, given, noise, actions):
        return given

    def step(self, state, noise, action, folded):
        frame = self.generate(state, noise)
        return frame, frame.mean()

    def generate(self, before, latents):
        """p(x_t | x_(t-1), z_t) of frames `[..., H, W, C]`."""
        moved = latents @ tf.constant(self.loadings, latents.dtype)
        return self.decoder(self._decayed(before) + tf.reshape(moved, tf.shape(before)))

    def _decayed(self, before):
        return 0.5 + self.decay * (before - 0.5)

    def _posterior(self, frames):
        residuals = frames[:, 1:] - self._decayed(frames[:, :-1])
        shape = tf.concat([tf.shape(residuals)[:2], [self.loadings.shape[1]]], 0)
        residuals = tf.reshape(residuals, shape)
        mean = residuals @ tf.constant(self.gain.T, residuals.dtype)
        scale = tf.constant(self.scale, mean.dtype)
        return tfd.MultivariateNormalDiag(mean + self.shift, scale * tf.ones_like(mean))

    @staticmethod
    def _prior(posterior):
        zeros = tf.zeros_like(posterior.mean())
        return tfd.MultivariateNormalDiag(zeros, tf.ones_like(zeros))

    def elbo_terms(self, inputs, training):
        frames, _ = self.unpack(inputs)
        posterior = self._posterior(frames)
        noise = self.seed_generator.normal(tf.shape(posterior.mean()))
        latents = self.draw(posterior, noise)
        likelihood = self.generate(frames[:, :-1], latents)
        kl = tfd.kl_divergence(posterior, self._prior(posterior))
        return ElboTerms(likelihood, frames[:, 1:], tf.reduce_sum(kl, axis=1))

    def latent_rates(self, inputs):
        posterior = self._posterior(self.unpack(inputs)[0])
        return rates_of(posterior, self._prior(posterior))

    def frame_importance_sampler(self, inputs, score):
        frames, _ = self.unpack(inputs)
        posterior = self._posterior(frames)
        prior = self._prior(posterior)

        def draw(seed):
            latents = self.draw(
                posterior, standard_normal(tf.shape(prior.mean()), seed)
            )
            likelihood = self.generate(frames[:, :-1], latents)
            log_ratio = prior.log_prob(latents) - posterior.log_prob(latents)
            return score(likelihood, frames[:, 1:]) + log_ratio

        return draw

    def call(self, inputs, training=False):
        frames, _ = self.unpack(inputs)
        return self.generate(frames[:, :-1], self._posterior(frames).mean()).mean()

    def get_config(self):
        config = super().get_config()
        del config["action_size"]
        return {**config, **self._arguments}

    def covariance(self):
        """That of x_t given x_(t-1), `[pixels, pixels]` in float64."""
        noise = self.sigma**2 * np.eye(self.loadings.shape[1])
        return self.loadings.T @ self.loadings + noise

    def frame_log_evidence(self, clips):
        """log p(x_t | x_(t-1)) of frames 1 ... T-1: float64 `[B, T-1]`, in nats."""
        clips = np.float64(clips)
        residuals = clips[:, 1:] - self._decayed(clips[:, :-1])
        residuals = residuals.reshape(*residuals.shape[:2], -1)
        covariance = self.covariance()
        solved = np.linalg.solve(covariance, residuals[..., None])[..., 0]
        log_determinant = np.linalg.slogdet(2 * np.pi * covariance)[1]
        return -0.5 * (np.sum(residuals * solved, axis=-1) + log_determinant)

    def simulate(self, num_clips, num_frames, seed=0, fed="frames"):
        """Clips `[num_clips, num_frames, H, W, C]` of this very model, float32.

        Args:
            fed: what a frame is made of: `"frames"`, the frame before, as the model's
                likelihood has it, or `"means"`, the mean of the frame before, as it has
                it where it predicts.
        """
        rng = np.random.default_rng(seed)
        shape = (num_clips, *self.frame_shape)
        spread = np.sqrt(np.trace(self.covariance()) / self.loadings.shape[1])
        before = 0.5 + spread * rng.normal(size=shape)
        frames = [before]
        for _ in range(num_frames - 1):
            latents = rng.normal(size=(num_clips, self.noise_size))
            mean = self._decayed(before) + (latents @ self.loadings).reshape(shape)
            frames.append(mean + self.sigma * rng.normal(size=shape))
            before = mean if fed == "means" else frames[-1]
        clips = np.stack(frames, axis=1).astype(np.float32)
        assert clips.min() > 0.0 and clips.max() < 1.0
        return clips
