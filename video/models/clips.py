"""Checks of the clips and actions that a model is given."""

import tensorflow as tf

from tfsigmavae.checks import asserted
from tfsigmavae.math import to_tensor


def check_clip(frames, frame_shape, min_frames, name="frames"):
    """Gives `frames` back if they are `[B, T >= min_frames, *frame_shape]`.

    Args:
        frames: tensor.
        frame_shape: (height, width, channels).
        min_frames: int.
        name: how the error message calls the tensor.

    Raises:
        ValueError: if they are not, or an InvalidArgumentError at run time where the
            shape is unknown until then.
    """
    expected = tf.TensorShape([None, None, *frame_shape])
    num_frames = frames.shape[1] if frames.shape.rank == 5 else None
    too_short = num_frames is not None and num_frames < min_frames
    if not expected.is_compatible_with(frames.shape) or too_short:
        raise ValueError(
            f"`{name}` must have shape [B, T, {', '.join(map(str, frame_shape))}] with "
            f"T >= {min_frames}, got {frames.shape}. The model's `frame_shape` is "
            f"{tuple(frame_shape)}."
        )
    frames = tf.ensure_shape(frames, expected)
    if frames.shape[1] is not None:
        return frames
    return asserted(
        frames,
        tf.shape(frames)[1] >= min_frames,
        [f"`{name}` must have at least {min_frames} frames; shape:", tf.shape(frames)],
    )


def checked_actions(actions, action_size, clips, num_future=0):
    """Gives the actions of clips as a tensor, or `None` for a model without.

    Args:
        actions: `[B, >= N + num_future - 1, action_size]`, numbers of any kind.
        action_size: int, the model's.
        clips: `[B, N, ...]` tensor, the frames that are given.
        num_future: int or int tensor, how many more the actions lead to.

    Raises:
        ValueError: if they do not fit the model or the clips, or an
            InvalidArgumentError at run time where the shape is unknown until then.
    """
    if action_size == 0 and actions is not None:
        raise ValueError(
            "The model has `action_size` 0: it takes no `actions`. Leave them out, or "
            "make a model with as many as an action has numbers."
        )
    if action_size == 0:
        return None
    if actions is None:
        raise ValueError(
            f"The model has `action_size` {action_size}: `actions` is missing."
        )
    actions = to_tensor(actions)
    num_given = tf.shape(clips)[1] if clips.shape[1] is None else clips.shape[1]
    needed = num_given + num_future - 1
    static = tf.get_static_value(needed)
    shape = actions.shape
    fits = tf.TensorShape([clips.shape[0], None, action_size]).is_compatible_with(shape)
    if fits and static is not None and shape.rank and shape[1] is not None:
        fits = shape[1] >= static
    if not fits:
        raise ValueError(_wanted(clips.shape[0], static, action_size, shape))
    if None not in (static, clips.shape[0], *shape):
        return actions
    actions = tf.ensure_shape(actions, [clips.shape[0], None, action_size])
    given = tf.shape(actions)
    num_clips = tf.shape(clips)[0]
    enough = (given[0] == num_clips) & (given[1] >= needed)
    message = ["Too few `actions`, or other clips than those given. Shape:", given]
    message += ["wanted clips and, at least, steps:", tf.stack([num_clips, needed])]
    return asserted(actions, enough, message)


def _wanted(num_clips, num_steps, action_size, shape):
    clips = "B" if num_clips is None else num_clips
    steps = "T" if num_steps is None else f">= {num_steps}"
    return (
        f"`actions` must have shape [{clips}, {steps}, {action_size}], got {shape}: an "
        "action for each clip and step, those from given frame to given frame first."
    )
