"""Sampling the future frame by frame, whatever the model."""

import tensorflow as tf

from tfsigmavae.models.seeding import fold_in, standard_normal_rows

# Futures drawn at a time, unless the caller says otherwise. More are not faster; this
# many take about 1 GB in the paper's VGG networks at 64 x 64 pixels.
_MAX_CLIPS = 128
# Stands for as many as that, where a graph wants a number.
DEFAULT_SAMPLE_BATCH_SIZE = 0


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
    num_clips = tf.size(clip_numbers)

    def key(row):
        clip = tf.stack([seed, clip_numbers[row % num_clips]])
        sample = first_sample + row // num_clips
        return fold_in(clip, sample)

    num_rows = num_samples * num_clips
    noise = standard_normal_rows(num_rows, num_steps * noise_size, key)
    return tf.reshape(noise, [num_rows, num_steps, noise_size])


def predict(
    model,
    context,
    num_frames,
    num_samples,
    seed,
    clip_numbers,
    actions=None,
    sample_batch_size=DEFAULT_SAMPLE_BATCH_SIZE,
):
    """The graph behind `VideoModel.predict_frames`; see there.

    Returns:
        `[num_samples, B, num_frames, H, W, C]`.
    """
    batch, num_given = tf.shape(context)[0], tf.shape(context)[1]
    sample_batch_size = samples_at_a_time(sample_batch_size, num_samples, batch)
    num_steps = num_given + num_frames - 1
    given = model.read_context(context)
    folded = model.fold()
    num_rounds = (num_samples - 1) // sample_batch_size + 1
    dtype = model.decoder.compute_dtype
    array = tf.TensorArray(dtype, num_rounds, infer_shape=False)

    def body(i, array):
        first = i * sample_batch_size
        num_copies = tf.minimum(sample_batch_size, num_samples - first)
        noise = future_noise(
            seed, clip_numbers, num_copies, num_steps, model.noise_size, first
        )
        noise = tf.cast(noise, dtype)
        copied = tf.nest.map_structure(lambda x: _repeated(x, num_copies), given)
        acting = None if actions is None else _repeated(actions, num_copies)
        futures = _sample_futures(model, copied, folded, num_frames, noise, acting)
        return i + 1, array.write(i, futures)

    _, array = tf.while_loop(
        lambda i, _: i < num_rounds, body, (0, array), parallel_iterations=1
    )
    shape = [num_samples, batch, num_frames, *model.frame_shape]
    return tf.reshape(array.concat(), shape)


def _sample_futures(model, given, folded, num_frames, noise, actions):
    """One future for each clip and sample: `[S * B, num_frames, H, W, C]`.

    Args:
        model: a `VideoModel`.
        given: of `read_context`, for each clip and sample.
        folded: of `fold`.
        num_frames: int tensor.
        noise: `[S * B, T, noise_size]`, samples outermost.
        actions: `[S * B, T, action_size]`, or `None`.
    """
    first = tf.shape(noise)[1] - num_frames
    before = None if actions is None else actions[:, :first]
    state = model.start(given, noise[:, :first], before)
    array = tf.TensorArray(
        noise.dtype, num_frames, element_shape=[None, *model.frame_shape]
    )

    def body(i, state, array):
        action = None if actions is None else actions[:, first + i]
        frame, state = model.step(state, noise[:, first + i], action, folded)
        return i + 1, state, array.write(i, frame)

    *_, array = tf.while_loop(
        lambda i, *_: i < num_frames,
        body,
        (0, state, array),
        shape_invariants=(
            tf.TensorShape([]),
            tf.nest.map_structure(_with_free_batch, state),
            tf.TensorShape(None),
        ),
    )
    return tf.transpose(array.stack(), [1, 0, 2, 3, 4])


def _repeated(values, num_copies):
    """`[B, ...]` -> `[num_copies * B, ...]`, the copies outermost."""
    ones = tf.ones([tf.rank(values) - 1], tf.int32)
    tiled = tf.tile(values, tf.concat([[num_copies], ones], axis=0))
    return tf.ensure_shape(tiled, [None, *values.shape[1:]])


def _with_free_batch(values):
    return tf.TensorShape([None, *values.shape[1:]])
