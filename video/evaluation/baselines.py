"""What stands beside the model's futures: predictions that need no model, or cheat."""

import tensorflow as tf

from tfsigmavae_video.models import VideoModel


def baseline_frames(model, frames, num_context, actions=None) -> dict:
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

    Returns:
        dict of name -> float32 `[B, T, H, W, C]`. A model that does not write
        `posterior_rollout` has none.
    """
    context = frames[:, :num_context]
    shape = tf.shape(frames[:, num_context:])
    found = {
        "copy_last": tf.broadcast_to(context[:, -1:], shape),
        "mean_frame": tf.broadcast_to(tf.reduce_mean(context, 1, True), shape),
    }
    if has_own(model, "posterior_rollout"):
        found["posterior_rollout"] = model.reconstruct(
            frames, actions, teacher_forced=False, num_context=num_context
        )[:, num_context - 1 :]
    reconstruction = model.reconstruct(frames, actions, teacher_forced=True)
    found["reconstruction"] = reconstruction[:, num_context - 1 :]
    # Those of a float64 model too.
    return {name: tf.cast(values, tf.float32) for name, values in found.items()}


def has_own(model, name) -> bool:
    """Whether a model writes a method that `VideoModel` leaves open."""
    return getattr(type(model), name, None) is not getattr(VideoModel, name)
