"""Frames that are mixed of several images, pixel by pixel, by their means."""

import numpy as np
import tensorflow as tf

from tfsigmavae import decoders


def check_composable(decoder, channels, option_name):
    """Raises unless a decoder's parameters are images that may be mixed.

    That is, one mean in [0, 1] for every pixel and channel, by a sigmoid.

    Args:
        decoder: `Decoder`.
        channels: int, C of the frames.
        option_name: what asks for it, in the words of the user.

    Raises:
        ValueError: if it has other parameters, or other means.
    """
    if _is_composable(decoder, channels):
        return
    fitting = [
        name
        for name in decoders.names()
        if _is_composable(decoders.get(name), channels)
    ]
    raise ValueError(
        f"{option_name} mixes means in [0, 1], one a pixel and channel, and "
        f"{_described(decoder)} has other parameters. Choose one of: "
        f"{', '.join(fitting)}; or leave the option out."
    )


def composed(decoder, raw, previous):
    """Means of frames that are mixed of generated pixels and those before.

    frame = mask * generated + (1 - mask) * previous

    Args:
        decoder: `Decoder` that `check_composable` lets pass.
        raw: `[..., H, W, C + 1]` before any activation: the generated frame, then the
            logits of its mask.
        previous: `[..., H, W, C]` in [0, 1], the frame before.

    Returns:
        `[..., H, W, C]` in the decoder's `compute_dtype`, in [0, 1].

    Example:
        >>> composed(FixedSigma(), tf.zeros([2, 8, 8, 4]), tf.ones([2, 8, 8, 3]))
        # 0.75: half of 0.5, half of 1
    """
    generated = decoder.activate(raw[..., :-1])
    mask = tf.sigmoid(tf.cast(raw[..., -1:], generated.dtype))
    previous = tf.cast(previous, generated.dtype)
    # In this form rounding never leaves [0, 1]: a frame may be given as context again.
    return previous + mask * (generated - previous)


def check_mean_first(decoder, channels):
    """Raises unless a decoder's first parameters are means that may be mixed.

    As `check_composable`; but after the means there may be other numbers, such as
    scales, which the decoder's activation leaves as they are.

    Args:
        decoder, channels: see `check_composable`.

    Raises:
        ValueError: if its first C parameters are other than the mean in [0, 1].
    """
    if _is_mean_first(decoder, channels):
        return
    fitting = [
        name
        for name in decoders.names()
        if _is_mean_first(decoders.get(name), channels)
    ]
    raise ValueError(
        "`decoder` must have means in [0, 1] as its first parameters, one a pixel and "
        "channel, for frames to be mixed of: "
        f"{_described(decoder)} has others. Choose one of: {', '.join(fitting)}."
    )


def _is_mean_first(decoder, channels):
    if _is_composable(decoder, channels):
        return True
    size = decoder.params_size(channels)
    if size <= channels:
        return False
    # Five axes, those of clips, whatever makes an event of the decoder.
    raw = np.linspace(-4.0, 4.0, 3 * size).reshape([1, 1, 1, 3, size])
    expected = 1.0 / (1.0 + np.exp(-raw[..., :channels]))
    # A twin, which leaves the decoder itself without weights for another shape.
    twin = type(decoder).from_config(decoder.get_config())
    with tf.init_scope():
        params = twin.activate(tf.constant(raw, twin.compute_dtype))
        means, params = twin(params).mean().numpy(), params.numpy()
    expected = np.concatenate([expected, raw[..., channels:]], axis=-1)
    return (
        params.shape == raw.shape
        and np.allclose(params, expected, atol=1e-5)
        and np.allclose(means, expected[..., :channels], atol=1e-5)
    )


def _is_composable(decoder, channels):
    if decoder.params_size(channels) != channels:
        return False
    # Asked of the decoder itself, so that one of a user's own is judged alike.
    probe = np.linspace(-4.0, 4.0, 3)[:, None] * np.ones([1, channels])
    with tf.init_scope():  # a model may be made while a graph is traced
        means = decoder.activate(tf.constant(probe, decoder.compute_dtype)).numpy()
    return np.allclose(means, 1.0 / (1.0 + np.exp(-probe)), atol=1e-5)


def _described(decoder):
    values = getattr(decoder, "values", "pixels")
    kind = type(decoder).__name__
    return kind if values == "pixels" else f"{kind}(values={values!r})"
