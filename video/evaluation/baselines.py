"""What stands beside the model's futures: predictions that need no model, or cheat."""

import tensorflow as tf

from tfsigmavae_video.models import VideoModel


def _copy_last(model, frames, num_context, actions):
    last = frames[:, num_context - 1 : num_context]
    return tf.broadcast_to(last, tf.shape(frames[:, num_context:]))


def _mean_frame(model, frames, num_context, actions):
    mean = tf.reduce_mean(frames[:, :num_context], 1, keepdims=True)
    return tf.broadcast_to(mean, tf.shape(frames[:, num_context:]))


def _posterior_rollout(model, frames, num_context, actions):
    found = model.reconstruct(
        frames, actions, teacher_forced=False, num_context=num_context
    )
    return found[:, num_context - 1 :]


def _reconstruction(model, frames, num_context, actions):
    found = model.reconstruct(frames, actions, teacher_forced=True)
    return found[:, num_context - 1 :]


_BASELINES = {
    "copy_last": _copy_last,
    "mean_frame": _mean_frame,
    "posterior_rollout": _posterior_rollout,
    "reconstruction": _reconstruction,
}
BASELINES = tuple(_BASELINES)


def baseline_frames(model, frames, num_context, actions=None, names=BASELINES) -> dict:
    """Frames of the baselines, as the model's futures are scored.

        copy_last           the last given frame, repeated
        mean_frame          the mean of the given frames, repeated
        posterior_rollout   the model's own future where its latents are the posterior
                            means of what happened: a deterministic reference
        reconstruction      the same with every step fed with the true frame before

    Args:
        model: a `VideoModel`.
        frames: `[B, N + T, H, W, C]` float32 in [0, 1].
        num_context: int, N.
        actions: `[B, N + T - 1 or more, action_size]`, or `None`.
        names: which of them. Defaults to all.

    Returns:
        dict of name -> float32 `[B, T, H, W, C]`. A model that does not write
        `posterior_rollout` has none.
    """
    if not has_own(model, "posterior_rollout"):
        names = [name for name in names if name != "posterior_rollout"]
    return {
        # Those of a float64 model too.
        name: tf.cast(_BASELINES[name](model, frames, num_context, actions), tf.float32)
        for name in names
    }


def has_own(model, name) -> bool:
    """Whether a model writes a method that `VideoModel` leaves open."""
    return getattr(type(model), name, None) is not getattr(VideoModel, name)
