"""What predicted frames are scored by: a metric is one row."""

import numpy as np
import tensorflow as tf

from tfsigmavae.evaluation.directions import nearest_one
from tfsigmavae.metrics import crps, psnr, ssim
from tfsigmavae.metrics.psnr import MAX_DB
from tfsigmavae_video.evaluation.metric import Metric
from tfsigmavae_video.evaluation.motion_metrics import (
    LEAST_MOTION,
    MOST,
    MOVED,
    has_moved,
    motion_energy,
    sharpness,
    survival,
)


def _psnr(frames, truth, context):
    return psnr(frames, truth, max_db=MAX_DB)


def _ssim(frames, truth, context):
    return ssim(frames, truth)


def _ssim_uniform(frames, truth, context):
    return ssim(frames, truth, window="uniform")


def _psnr_moved(frames, truth, context):
    moved = _moved(truth, context)
    count = tf.reduce_sum(moved, [-3, -2, -1])
    error = tf.reduce_sum(moved * tf.square(frames - truth), [-3, -2, -1])
    mse = tf.maximum(error / count, 10 ** (-MAX_DB / 10))  # NaN where nothing moved
    return tf.where(count > 0, -10.0 * tf.math.log(mse) / tf.math.log(10.0), np.nan)


def _std_moved(frames, truth, context):
    moved = _moved(truth, context)
    variance = moved * tf.math.reduce_variance(frames, 0)
    count = tf.reduce_sum(moved, [-3, -2, -1])
    return tf.sqrt(tf.reduce_sum(variance, [-3, -2, -1]) / count)


def _crps(pixels, truth, context):
    # A frame at a time: what is sorted is then no larger than one frame's ensemble.
    scores = [
        np.mean(crps(pixels[:, :, t], truth[:, t]), axis=(-3, -2, -1))
        for t in range(truth.shape[1])
    ]
    return np.stack(scores, -1)


def _moved(truth, context):
    """1 where a pixel has moved in any channel: then all channels count."""
    moved = has_moved(truth, context[:, -1:])
    return tf.cast(tf.broadcast_to(moved, tf.shape(truth)), tf.float32)


METRICS = {
    "psnr": Metric(
        _psnr,
        max,
        "PSNR",
        "dB",
        "10 log10(1 / mean squared error) of each frame over pixels and channels, "
        f"range 1, at most {MAX_DB:g}; then averaged over frames",
    ),
    "ssim": Metric(
        _ssim,
        max,
        "SSIM",
        description="Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, range 1, "
        "windows wholly inside, population variances, mean over channels",
        min_size=11,
    ),
    "ssim_uniform": Metric(
        _ssim_uniform,
        max,
        "SSIM, uniform window",
        description="uniform window 7x7, K1 0.01, K2 0.03, range 1, windows wholly "
        "inside, sample variances, mean over channels: scikit-image's default",
        min_size=7,
    ),
    "psnr_moved": Metric(
        _psnr_moved,
        max,
        "PSNR of moved pixels",
        "dB",
        "over the pixels that differ from the last given frame by more than "
        f"{MOVED:g} in any channel; frames without such pixels do not count",
    ),
    "motion_energy": Metric(
        motion_energy,
        nearest_one,
        "Motion energy over the truth's",
        description="sum of absolute changes from one frame to the next over the "
        f"pixels that change by more than {MOVED:g} in any channel, over that of the "
        "truth; at most "
        f"{MOST:g}; true frames that move less than {LEAST_MOTION:g} of the average of "
        "their clip do not count. Says how much moves, not whether it should",
    ),
    "survival": Metric(
        survival,
        max,
        "Survival of what moves",
        description="1 - the earth mover's distance between the pixel values of the "
        "frame and of the true one, wherever they are in the picture, over half of "
        "what the truth changes most by since the last given frame; pixels within "
        f"{MOVED:g} of the last given frame count as unchanged; at least 0. A frozen "
        "object survives, a vanished one does not",
    ),
    "sharpness": Metric(
        sharpness,
        nearest_one,
        "Sharpness over the truth's",
        description="sum of squared differences between neighbouring pixels over that "
        f"of the true frame, at most {MOST:g}: blur is below 1, noise above",
        min_size=2,
    ),
    "std_moved": Metric(
        _std_moved,
        None,
        "Spread on moved pixels",
        description="root of the variance over the S futures (1 / S of the squares), "
        "averaged over the moved pixels of a frame: whether futures differ at all; "
        "more is not better",
        of="futures",
    ),
    "crps": Metric(
        _crps,
        min,
        "CRPS",
        description="continuous ranked probability score of the drawn pixels, fair "
        "(unbiased in the number of futures), mean over pixels and channels",
        of="pixels",
    ),
}


def chosen(protocol, frame_shape, has_noise=True) -> dict:
    """The rows that a protocol asks for and that frames are large enough for.

    Args:
        protocol: `Protocol`.
        frame_shape: (height, width, channels).
        has_noise: whether the decoder has a noise to draw pixels by. Defaults to
            `True`.

    Returns:
        dict of name -> `Metric`, in the order of `METRICS`.

    Raises:
        ValueError: if a metric is unknown or makes no sense, or one that was asked for
            by name needs larger frames, or pixels that are not drawn.
    """
    names = protocol.metrics or tuple(METRICS)
    if protocol.selection != "each":
        names = (*names, protocol.selection)
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ValueError(
            f"Unknown metric {unknown[0]!r}. Choose from: {', '.join(METRICS)}."
        )
    size = min(frame_shape[:2])
    rows = {name: METRICS[name] for name in METRICS if name in names}
    for name, row in rows.items():
        row.check(name)
    small = [name for name, row in rows.items() if row.min_size > size]
    asked = {*protocol.metrics, protocol.selection}
    if refused := [name for name in small if name in asked]:
        raise ValueError(
            f"Metric {refused[0]!r} needs frames of {rows[refused[0]].min_size} pixels "
            f"at least, got {tuple(frame_shape)}. Leave it out of the protocol."
        )
    selection = protocol.selection
    if selection != "each" and rows[selection].of != "sample":
        raise ValueError(f"`selection` {selection!r} does not score single futures.")
    if not (has_noise and protocol.noise_samples > 1):  # one is no ensemble
        without = [name for name, row in rows.items() if row.of == "pixels"]
        if refused := [name for name in without if name in asked]:
            raise ValueError(
                f"Metric {refused[0]!r} needs pixels drawn from the decoder: a decoder "
                "that draws them, and `noise_samples` of 2 at least. Leave it out of "
                "the protocol."
            )
        small += without
    return {name: row for name, row in rows.items() if name not in small}
