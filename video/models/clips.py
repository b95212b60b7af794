"""Checks of the clips and actions that a model is given."""

import tensorflow as tf

from tfsigmavae.checks import asserted


def check_clip(frames, frame_shape, min_frames):
    """Gives `frames` back if they are `[B, T >= min_frames, *frame_shape]`.

    Raises:
        ValueError: if they are not, or an InvalidArgumentError at run time where the
            shape is unknown until then.
    """
    expected = tf.TensorShape([None, None, *frame_shape])
    num_frames = frames.shape[1] if frames.shape.rank == 5 else None
    too_short = num_frames is not None and num_frames < min_frames
    if not expected.is_compatible_with(frames.shape) or too_short:
        raise ValueError(
            f"Clips must have shape [B, T, {', '.join(map(str, frame_shape))}] with "
            f"T >= {min_frames}, got {frames.shape}."
        )
    frames = tf.ensure_shape(frames, expected)
    if frames.shape[1] is not None:
        return frames
    return asserted(
        frames,
        tf.shape(frames)[1] >= min_frames,
        [f"Clips must have at least {min_frames} frames; shape:", tf.shape(frames)],
    )


def check_actions(actions, action_size, num_frames=None):
    """Raises a ValueError unless `actions` fits the model and leads to `num_frames`."""
    if (actions is None) != (action_size == 0):
        raise ValueError(
            f"The model has `action_size` {action_size}: "
            + (
                "it takes no `actions`."
                if action_size == 0
                else "`actions` is missing."
            )
        )
    if actions is None:
        return
    shape = tf.convert_to_tensor(actions).shape
    given = shape[1] if shape.rank == 3 else None
    short = None not in (num_frames, given) and given < num_frames - 1
    if shape.rank != 3 or shape[-1] != action_size or short:
        steps = "T" if num_frames is None else f">= {num_frames - 1}"
        raise ValueError(
            f"`actions` must have shape [B, {steps}, {action_size}], got {shape}."
        )
