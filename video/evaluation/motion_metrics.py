"""Whether predicted frames keep their motion, what moves, and their edges.

None of these compares positions: a future that is not the true one may be as good.
"""

import numpy as np
import tensorflow as tf

# A pixel has moved where it changes by more than this in any channel.
MOVED = 0.1
# Of the average motion of its clip, which a true frame must have to count.
LEAST_MOTION = 0.5
# Of neighbours in a true frame with edges, root mean squared: a grey level.
LEAST_EDGES = 1 / 255
# Ratios above it are lowered to it, lest one frame decide an average.
MOST = 10.0
_PIXELS = [-3, -2, -1]


def has_moved(frames, reference) -> tf.Tensor:
    """Whether a pixel has moved in any channel, `[..., H, W, 1]` bool."""
    return tf.reduce_any(tf.abs(frames - reference) > MOVED, -1, keepdims=True)


def motion_energy(frames, truth, context) -> tf.Tensor:
    """What moves from frame to frame, over what moves in the truth.

    ratio[t] = m(x[t], x[t-1]) / m(truth[t], truth[t-1])
    m(x, y) = sum of |x - y| over the pixels that differ by more than `MOVED`

    Absolute differences and not squares: of an object that moves alike they sum to the
    same where its edges are soft, and to half where it is half transparent. Small
    differences are left out, or those of slight noise and drifting colours, all over
    the frame, would outweigh an object. Noise whose differences exceed `MOVED`, from a
    standard deviation of about 0.03 on, counts as motion, of predictions and of truth.
    Before the first predicted frame stands the last given one.

    A ratio to next to nothing is large by chance, and an average of ratios is then
    made of such frames: true frames that move less than `LEAST_MOTION` of the average
    of their clip have no score.

    Args:
        frames: predicted, `[S, B, T, H, W, C]` in [0, 1].
        truth: `[B, T, H, W, C]`.
        context: given frames `[B, N, H, W, C]`.

    Returns:
        float32 `[S, B, T]`, at most `MOST`; NaN where the truth stands still.

    Reference: sums of thresholded frame differences are the motion energy of Ramseyer &
    Tschacher, 2011 (there: their number).
    """
    true = _motion(truth, context)
    average = tf.reduce_mean(true, -1, keepdims=True)
    counts = (true > 0) & (true >= LEAST_MOTION * average)
    return _ratio(_motion(frames, context), true, counts)


def survival(frames, truth, context) -> tf.Tensor:
    """Share of the truth's moving mass that is still in the picture, wherever it is.

    survival[t] = max(0, 1 - lost[t] / mass)
    lost[t] = sum over ranks and channels of |sorted(x[t]) - sorted(truth[t])|
    mass = most over t of sum of |truth[t] - last given frame| / 2

    An object that moves swaps places with what lay behind it: the values of the pixels
    stay the same, sorted by size. One that fades or vanishes takes its values along,
    and `lost`, the earth mover's distance between the values of two frames, is what it
    takes to bring them back. Only pixels that have moved count, in `lost` and `mass`;
    the others are set to the last given frame, so that slight noise and drifts of the
    rest do not. A moving object is counted twice by `mass`, where it was and where it
    is, hence the half. It is one number of a clip: in the first frames an object has
    hardly left its place, and a small loss would be all of it.

    Args:
        frames, truth, context: as those of `motion_energy`.

    Returns:
        float32 `[S, B, T]` in [0, 1]; NaN where nothing moves in the whole true clip.

    Reference: the distance is that of Rubner, Tomasi & Guibas, 2000, of each channel.
    """
    last = context[:, -1:]
    mass = tf.reduce_max(_change(truth, last) / 2, -1, keepdims=True)
    lost = np.abs(_content(frames, last) - _content(truth, last)).sum((-2, -1))
    share = tf.maximum(1.0 - tf.math.divide_no_nan(lost, mass), 0.0)
    return tf.where(mass > 0, share, np.nan)


def sharpness(frames, truth, context) -> tf.Tensor:
    """Energy of the gradients of a frame, over that of the true frame.

    ratio = e(x) / e(truth)
    e(x) = sum of squared differences between neighbours, across and down

    Args:
        frames, truth, context: as those of `motion_energy`.

    Returns:
        float32 `[S, B, T]`, at most `MOST`; NaN where neighbours in the true frame
        differ by less than `LEAST_EDGES`, root mean squared.

    Reference: the gradient energy of focus measures, Subbarao, Choi & Nikzad, 1993.
    """
    true = _gradient_energy(truth)
    height, width, channels = truth.shape[-3:]
    pairs = channels * (height * (width - 1) + (height - 1) * width)
    has_edges = (true > 0) & (true >= pairs * LEAST_EDGES**2)
    return _ratio(_gradient_energy(frames), true, has_edges)


def _ratio(values, true, counts):
    ratio = tf.minimum(tf.math.divide_no_nan(values, true), MOST)
    return tf.where(counts, ratio, np.nan)


def _motion(frames, context):
    first = _change(frames[..., :1, :, :, :], context[:, -1:])
    later = _change(frames[..., 1:, :, :, :], frames[..., :-1, :, :, :])
    return tf.concat([first, later], -1)


def _change(frames, reference):
    """Sum of absolute differences over the pixels that have moved, `[..., T]`."""
    difference = tf.abs(frames - reference)
    moved = tf.reduce_any(difference > MOVED, -1)
    return tf.reduce_sum(tf.where(moved, tf.reduce_sum(difference, -1), 0.0), [-2, -1])


def _content(frames, last):
    """Values of each frame in order, `[..., C, H * W]`; only what has moved is new."""
    settled = tf.where(has_moved(frames, last), frames, last)
    values = np.moveaxis(settled.numpy(), -1, -3)
    return np.sort(values.reshape([*values.shape[:-2], -1]))


def _gradient_energy(frames):
    across = frames[..., 1:, :] - frames[..., :-1, :]
    down = frames[..., 1:, :, :] - frames[..., :-1, :, :]
    return sum(tf.reduce_sum(tf.square(step), _PIXELS) for step in (across, down))
