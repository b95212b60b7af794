"""Sampling the future frame by frame, and what a served model offers."""

import tensorflow as tf

from tfsigmavae.math import to_unit_range

# Futures drawn at a time, unless the caller says otherwise. More are not faster; this
# many take about 1 GB in the paper's VGG networks at 64 x 64 pixels.
_MAX_CLIPS = 128
# Stands for as many as that, where a graph wants a number.
DEFAULT_SAMPLE_BATCH_SIZE = 0


def check_clip(frames, frame_shape, min_frames):
    """Gives `frames` back if they are `[B, T >= min_frames, *frame_shape]`.

    Raises:
        ValueError: if they are not, or an InvalidArgumentError at run time where the
            shape is unknown until then.
    """
    expected = tf.TensorShape([None, None, *frame_shape])
    too_short = frames.shape.rank == 5 and (frames.shape[1] or min_frames) < min_frames
    if not expected.is_compatible_with(frames.shape) or too_short:
        raise ValueError(
            f"Clips must have shape [B, T, {', '.join(map(str, frame_shape))}] with "
            f"T >= {min_frames}, got {frames.shape}."
        )
    frames = tf.ensure_shape(frames, expected)
    if frames.shape[1] is not None:
        return frames
    return _require(
        tf.shape(frames)[1] >= min_frames,
        [f"Clips must have at least {min_frames} frames; shape:", tf.shape(frames)],
        frames,
    )


def _require(condition, message, value):
    """Gives `value` back, for nothing that uses it to run before the check."""
    check = tf.debugging.Assert(condition, message)
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(value)


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
    enough = num_frames is None or (shape[1] or num_frames) >= num_frames - 1
    if shape.rank != 3 or shape[-1] != action_size or not enough:
        steps = "T" if num_frames is None else f">= {num_frames - 1}"
        raise ValueError(
            f"`actions` must have shape [B, {steps}, {action_size}], got {shape}."
        )


def signature(model):
    """Input signature of `predict`: one graph for every batch, context and horizon."""
    inputs = [
        tf.TensorSpec([None, None, *model.frame_shape], tf.float32, name="context"),
        tf.TensorSpec([], tf.int32, name="num_frames"),
        tf.TensorSpec([], tf.int32, name="num_samples"),
        tf.TensorSpec([], tf.int32, name="seed"),
    ]
    if model.action_size:
        shape = [None, None, model.action_size]
        inputs.append(tf.TensorSpec(shape, tf.float32, name="actions"))
    return inputs


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
    actions=None,
    sample_batch_size=DEFAULT_SAMPLE_BATCH_SIZE,
):
    """The graph behind `SVGLP.predict_frames`; see there.

    Returns:
        `[num_samples, B, num_frames, H, W, C]`.
    """
    batch, num_given = tf.shape(context)[0], tf.shape(context)[1]
    sample_batch_size = samples_at_a_time(sample_batch_size, num_samples, batch)
    # In one piece, so that a sample does not depend on the size of its batch.
    noise = tf.random.stateless_normal(
        [num_samples * batch, num_given + num_frames - 1, model.latent_size], [seed, 0]
    )
    given = _read_context(model, context)
    # The loops below use these weights at every step.
    folded = model.networks.encoder.fold(), model.networks.generator.fold()
    num_rounds = (num_samples - 1) // sample_batch_size + 1
    array = tf.TensorArray(tf.float32, num_rounds, infer_shape=False)

    def body(i, array):
        first, after = i * sample_batch_size, (i + 1) * sample_batch_size
        part = noise[first * batch : after * batch]
        futures = _sample_futures(model, given, folded, num_frames, part, actions)
        return i + 1, array.write(i, futures)

    _, array = tf.while_loop(
        lambda i, _: i < num_rounds, body, (0, array), parallel_iterations=1
    )
    shape = [num_samples, batch, num_frames, *model.frame_shape]
    return tf.reshape(array.concat(), shape)


def _read_context(model, context):
    """What all futures of a clip share: codes, latents, skip maps, the prior's state"""
    batch, num_given = tf.shape(context)[0], tf.shape(context)[1]
    codes, skips = model.networks.encoder(
        tf.reshape(context, [-1, *model.frame_shape]), training=False
    )
    codes = tf.reshape(codes, [batch, -1, codes.shape[-1]])
    last_skips = [
        tf.reshape(skip, [batch, num_given, *skip.shape[1:]])[:, -1] for skip in skips
    ]
    skip_maps = model.networks.generator.project_skips(last_skips)
    posterior, _ = model.networks.posterior(codes[:, 1:])
    _, prior_state = model.networks.prior_of(codes[:, :-1])
    return codes, posterior.mean(), posterior.stddev(), skip_maps, prior_state


def _sample_futures(model, given, folded, num_frames, noise, actions):
    """One future for each clip and sample: `[S * B, num_frames, H, W, C]`.

    Args:
        model: an `SVGLP`.
        given: from `_read_context`.
        folded: folded weights of encoder and generator.
        num_frames: int tensor.
        noise: `[S * B, T, latent_size]`, samples outermost.
        actions: `[B, T, action_size]`, or `None`.
    """
    num_copies = tf.shape(noise)[0] // tf.shape(given[0])[0]

    def tile(values):
        ones = tf.ones([tf.rank(values) - 1], tf.int32)
        tiled = tf.tile(values, tf.concat([[num_copies], ones], axis=0))
        return tf.ensure_shape(tiled, [None, *values.shape[1:]])

    codes, mean, stddev, skip_maps, prior_state = tf.nest.map_structure(tile, given)
    actions = None if actions is None else tile(actions)
    num_given = tf.shape(codes)[1]
    latents = mean + stddev * noise[:, : num_given - 1]
    inputs = model.networks.predictor_inputs(codes[:, :-1], latents, actions)
    _, predictor_state = model.networks.predictor(inputs)
    states = prior_state, predictor_state
    array = tf.TensorArray(
        tf.float32, num_frames, element_shape=[None, *model.frame_shape]
    )

    def body(i, code, states, array):
        step = num_given - 1 + i
        action = None if actions is None else actions[:, step : step + 1]
        frame, states = _step(
            model, code, noise[:, step], action, skip_maps, states, folded[1]
        )
        next_code, _ = model.networks.encoder(frame, training=False, folded=folded[0])
        return i + 1, next_code, states, array.write(i, frame)

    *_, array = tf.while_loop(
        lambda i, *_: i < num_frames, body, (0, codes[:, -1], states, array)
    )
    axes = [1, 0, 2, 3, 4]
    return tf.transpose(array.stack(), axes)


def _step(model, code, noise, action, skip_maps, states, folded):
    """One frame from the code of the frame before, and the new states."""
    prior_state, predictor_state = states
    code = code[:, None]
    prior, prior_state = model.networks.prior_of(code, prior_state)
    latent = prior.mean() + prior.stddev() * noise[:, None]
    inputs = model.networks.predictor_inputs(code, latent, action)
    predicted, predictor_state = model.networks.predictor(inputs, predictor_state)
    raw = model.networks.generator(
        predicted[:, 0], skip_maps, training=False, folded=folded
    )
    frame = model.decoder(model.decoder.activate(raw)).mean()
    return frame, (prior_state, predictor_state)


def endpoints(model):
    """Named endpoints of an SVG-LP: sampling and reconstruction.

    `predict_video(context, num_frames, num_samples, seed (, actions))` and
    `reconstruct(clips (, actions))`, floating pixels in [0, 1], free batch, context
    length and horizon.
    """
    clips = tf.TensorSpec([None, None, *model.frame_shape], tf.float32, name="clips")

    # The arguments' names are those of the served inputs.
    def predict_video(context, num_frames, num_samples, seed, actions=None):
        context = to_unit_range(context, "context")
        context = check_clip(context, model.frame_shape, model.num_context)
        num_frames = _require(
            (num_frames >= 1) & (num_samples >= 1),
            ["num_frames and num_samples must be at least 1:", num_frames, num_samples],
            num_frames,
        )
        return predict(model, context, num_frames, num_samples, seed, actions)

    def reconstruct(clips, actions=None):
        return model(
            clips if actions is None else {"frames": clips, "actions": actions}
        )

    inputs = signature(model)
    return {
        "predict_video": (predict_video, inputs),
        "reconstruct": (reconstruct, [clips, *inputs[4:]]),
    }
