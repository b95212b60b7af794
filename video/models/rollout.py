"""Sampling the future frame by frame, whatever the model."""

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae_video.models.future_noise import draw_pixels, future_noise
from tfsigmavae_video.models.rows import empty_rows, write_rows

# Futures drawn at a time, unless the caller says otherwise. More are not faster; this
# many take about 1 GB in the paper's VGG networks at 64 x 64 pixels.
_MAX_CLIPS = 128
# Stands for as many as that, where a graph wants a number.
DEFAULT_SAMPLE_BATCH_SIZE = 0
# What a rollout may give of each frame: the mean of p(x | z), or a draw from it.
MEANS, PIXELS = "means", "pixels"


class NoPixelNoiseError(TypeError):
    """A model whose frames have no noise has no pixels to be drawn."""

    # In a user's `tf.function` AutoGraph raises what has the constructor of `Exception`
    # again as what it is, and any other as a `StagingError`, which is no `TypeError`.
    __init__ = Exception.__init__


def samples_at_a_time(sample_batch_size, num_samples, num_clips):
    """Futures of each clip to draw at a time, an int tensor.

    By default as many as make `_MAX_CLIPS` clips, so that memory stays within some GB.
    """
    fitting = tf.maximum(1, _MAX_CLIPS // tf.maximum(1, num_clips))
    wanted = tf.where(
        tf.equal(sample_batch_size, DEFAULT_SAMPLE_BATCH_SIZE),
        fitting,
        sample_batch_size,
    )
    return tf.minimum(wanted, num_samples)


def predict(
    model,
    context,
    num_frames,
    num_samples,
    seed,
    clip_numbers,
    actions=None,
    sample_batch_size=DEFAULT_SAMPLE_BATCH_SIZE,
    outputs=(MEANS,),
):
    """The graph behind `VideoModel.predict_frames`; see there.

    Returns:
        List, `[num_samples, B, num_frames, H, W, C]` for each of `outputs`.
    """
    batch, num_given = tf.shape(context)[0], tf.shape(context)[1]
    sample_batch_size = samples_at_a_time(sample_batch_size, num_samples, batch)
    num_steps = num_given + num_frames - 1
    given = model.read_context(context)
    folded = model.fold()
    if actions is not None:
        actions = actions[:, :num_steps]  # more are not worth a copy for each sample
    dtype = model.decoder.compute_dtype
    num_rows = num_samples * batch * num_frames
    frames = [empty_rows(num_rows, model.frame_shape, dtype) for _ in outputs]

    def body(first, frames):
        num_copies = tf.minimum(sample_batch_size, num_samples - first)
        noise = future_noise(
            seed, clip_numbers, num_copies, num_steps, model.noise_size, first
        )
        noise = tf.cast(noise, dtype)
        copied = tf.nest.map_structure(lambda x: _repeated(x, num_copies), given)
        acting = None if actions is None else _repeated(actions, num_copies)

        def read(frame, step):
            drawn = seed, clip_numbers, num_copies, step, first
            return [_read(model, frame, output, drawn) for output in outputs]

        rows = (first * batch + tf.range(num_copies * batch)) * num_frames
        frames = _sample_futures(
            model, copied, folded, num_frames, noise, acting, read, frames, rows
        )
        return first + num_copies, frames

    _, frames = tf.while_loop(
        lambda first, _: first < num_samples, body, (0, frames), parallel_iterations=1
    )
    shape = [num_samples, batch, num_frames, *model.frame_shape]
    return [tf.reshape(values, shape) for values in frames]


def _read(model, frame, output, drawn):
    """The mean or the pixels of what `step` returned."""
    if output == PIXELS:
        if not isinstance(frame, tfp.distributions.Distribution):
            raise NoPixelNoiseError(
                f"`{type(model).__name__}.step` returns a frame without noise, so no "
                "pixels can be drawn from it: let it return the distribution p(x | z), "
                "as `likelihood` gives it, or leave `sample_noise` False."
            )
        return draw_pixels(frame, *drawn)
    return frame.mean() if isinstance(frame, tfp.distributions.Distribution) else frame


def _sample_futures(
    model, given, folded, num_frames, noise, actions, read, frames, rows
):
    """Writes one future for each clip and sample, and returns `frames`.

    Args:
        model: a `VideoModel`.
        given: of `read_context`, for each clip and sample.
        folded: of `fold`.
        num_frames: int tensor.
        noise: `[S * B, T, noise_size]`, samples outermost.
        actions: `[S * B, T, action_size]`, or `None`.
        read: function from a frame of `step` and its number to a list of tensors.
        frames: for each of them, `[rows, H, W, C]` to write to.
        rows: `[S * B]`, where the first frame of each future belongs; the others follow
            it.
    """
    first = tf.shape(noise)[1] - num_frames
    before = None if actions is None else actions[:, :first]
    state = model.start(given, noise[:, :first], before)

    def body(i, state, frames):
        action = None if actions is None else actions[:, first + i]
        frame, state = model.step(state, noise[:, first + i], action, folded)
        values = read(frame, first + i)
        pairs = zip(frames, values, strict=True)
        return i + 1, state, [write_rows(*pair, rows + i) for pair in pairs]

    free = tf.nest.map_structure(_with_free_batch, state)
    *_, frames = tf.while_loop(
        lambda i, *_: i < num_frames,
        body,
        (0, state, frames),
        shape_invariants=(tf.TensorShape([]), free, [x.shape for x in frames]),
    )
    return frames


def unroll(step, state, num_steps, specs):
    """What a loop over time gives, step by step.

    Args:
        step: function from number and state to a list of tensors `[B, ...]`, such as
            the mean of a frame and a draw of it, and the next state.
        state: nest of tensors `[B, ...]`, of the same types from step to step.
        num_steps: int tensor >= 1; or an int, for steps one by one in the graph, which
            are faster and take longer to trace.
        specs: list of `tf.TensorSpec` of what a step gives.

    Returns:
        List of `[B, num_steps, ...]`.
    """
    if isinstance(num_steps, int):
        found = []
        for i in range(num_steps):
            values, state = step(i, state)
            found.append(values)
        return [tf.stack(values, axis=1) for values in zip(*found, strict=True)]
    arrays = [
        tf.TensorArray(spec.dtype, num_steps, element_shape=spec.shape)
        for spec in specs
    ]

    def body(i, state, arrays):
        values, state = step(i, state)
        return i + 1, state, _written(arrays, i, values)

    *_, arrays = tf.while_loop(
        lambda i, *_: i < num_steps,
        body,
        (0, state, arrays),
        shape_invariants=(
            tf.TensorShape([]),
            tf.nest.map_structure(_with_free_batch, state),
            [tf.TensorShape(None)] * len(arrays),  # pyright: ignore[reportArgumentType]
        ),
        # XLA needs a number for the gradient, where there is one.
        maximum_iterations=tf.get_static_value(num_steps),
    )
    return [_batch_first(array.stack()) for array in arrays]


def _batch_first(values):
    axes = [1, 0, *range(2, values.shape.rank)]
    return tf.transpose(values, axes)


def _written(arrays, i, values):
    return [a.write(i, value) for a, value in zip(arrays, values, strict=True)]


def _repeated(values, num_copies):
    """`[B, ...]` -> `[num_copies * B, ...]`, the copies outermost."""
    ones = tf.ones([tf.rank(values) - 1], tf.int32)
    tiled = tf.tile(values, tf.concat([[num_copies], ones], axis=0))
    return tf.ensure_shape(tiled, [None, *values.shape[1:]])


def _with_free_batch(values):
    return tf.TensorShape([None, *values.shape[1:]])
