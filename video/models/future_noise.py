"""The noise of sampled futures: each number belongs to seed, clip, sample and step."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.models.seeding import fold_in, standard_normal_rows

tfd = tfp.distributions


def future_noise(
    seed, clip_numbers, num_samples, num_steps, noise_size, first_sample=0
):
    """Noise of every step of every future, a function of seed, clip and sample alone.

    Neither the other clips of a call, nor how many futures are drawn, nor how long they
    are, change the noise of one.

    Args:
        seed: int32 scalar tensor.
        clip_numbers: int32 `[B]`, which clips they are.
        num_samples: int32 scalar tensor, S.
        num_steps: int32 scalar tensor, T.
        noise_size: int, numbers of a step.
        first_sample: int32 scalar tensor, number of the first sample. Defaults to `0`.

    Returns:
        float32 `[S * B, T, noise_size]`, samples outermost.
    """

    def key(clip, sample):
        return fold_in(tf.stack([seed, clip]), sample)

    size = num_steps * noise_size
    noise = _rows(key, clip_numbers, num_samples, first_sample, size)
    return tf.reshape(noise, [num_samples * tf.size(clip_numbers), -1, noise_size])


def draw_pixels(frame, seed, clip_numbers, num_samples, step, first_sample=0):
    """Pixels of a step's frames, one draw from each p(x | z).

    Those of Gaussians are a function of seed, clip, sample and step, as the latents
    are. Others are drawn by TensorFlow, one key for all that a step draws together, by
    the number of the first clip: there the clips and samples of a call matter.

    Args:
        frame: distribution, batch shape `[S * B]`, samples outermost.
        seed, clip_numbers, num_samples, first_sample: see `future_noise`.
        step: int32 scalar tensor, its number.

    Returns:
        `[S * B, H, W, C]`; of a Gaussian not bounded to [0, 1].
    """
    frame = unwrap(frame)
    # Below zero, where no clip and no sample has its number: no key of the latents.
    step = -1 - step
    if not isinstance(getattr(frame, "distribution", None), tfd.Normal):
        # Calls for other clips are to have other noise.
        call_key = fold_in(tf.stack([seed, clip_numbers[0]]), step)
        return frame.sample(seed=fold_in(call_key, first_sample))

    def key(clip, sample):
        return fold_in(fold_in(tf.stack([seed, clip]), step), sample)

    mean = frame.mean()
    size = tf.size(mean[0])
    noise = _rows(key, clip_numbers, num_samples, first_sample, size)
    noise = tf.cast(tf.reshape(noise, tf.shape(mean)), mean.dtype)
    return mean + frame.stddev() * noise


def _rows(key, clip_numbers, num_samples, first_sample, size):
    """`[S * B, size]` from N(0, 1), each row by its `key(clip, sample)`."""
    num_clips = tf.size(clip_numbers)

    def key_of(row):
        clip = clip_numbers[row % num_clips]
        return key(clip, first_sample + row // num_clips)

    return standard_normal_rows(num_samples * num_clips, size, key_of)
