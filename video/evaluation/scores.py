"""How good sampled futures are: PSNR and SSIM of the best, the mean and no model."""

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.math import to_tensor, to_unit_range
from tfsigmavae.metrics import ssim
from tfsigmavae.metrics.psnr import MAX_DB, psnr


def evaluate_prediction(
    model,
    clips,
    num_context=None,
    num_samples=10,
    seed=0,
    actions=None,
    clips_per_call=None,
    moved_threshold=0.1,
) -> dict:
    """Scores sampled futures of held-out clips against what happened.

    PSNR and SSIM (Gaussian window, see `tfsigmavae.metrics.ssim`) are taken per frame
    over the predicted frames only, averaged over time and then over clips:

        copy_last         the last context frame, repeated
        reconstruction    posterior means, every step fed with the true frame before
        mean              average score of the samples
        best              score of each clip's best sample, chosen per metric
        mean_prediction   score of the average image of the samples (PSNR only)

    Args:
        model: a `VideoModel`.
        clips: `[N, num_context + T, H, W, C]`, uint8 or floating in [0, 1].
        num_context: int, given frames. Defaults to the model's.
        num_samples: int, futures per clip. Defaults to `10`.
        seed: int. Defaults to `0`.
        actions: `[N, num_context + T - 1 or more, action_size]`, or `None`.
        clips_per_call: int, clips in memory at once; changes the scores by rounding
            errors only. Defaults to `None`: as many as make 160 samples, and at least
            one.
        moved_threshold: a pixel counts as moved where its truth differs from the last
            context frame by more than this. Defaults to `0.1`.

    Returns:
        dict: `psnr` and `ssim` (dicts of floats with the keys above, dB for PSNR),
        `psnr_moved` (dict, over moved pixels only), `sample_std_moved` (standard
        deviation over samples on moved pixels), and the protocol: `num_clips`,
        `num_samples`, `num_context`, `num_predicted`.

    Raises:
        ValueError: if a number is out of range, or clips are too short.
    """
    num_context = model.num_context if num_context is None else num_context
    clips = to_tensor(clips)
    check_at_least("num_context", num_context, model.num_context)
    check_at_least("num_samples", num_samples, 1)
    if clips.shape.rank != 5 or not len(clips) or clips.shape[1] <= num_context:
        raise ValueError(
            "`clips` must be [N, T, H, W, C] with a clip at least, and more than the "
            f"{num_context} frames of context, got {clips.shape}."
        )
    if clips_per_call is not None:
        check_at_least("clips_per_call", clips_per_call, 1)
    else:
        clips_per_call = max(1, 160 // num_samples)
    scores = [
        _score_clips(
            model,
            to_unit_range(clips[i : i + clips_per_call], "clips"),
            None if actions is None else actions[i : i + clips_per_call],
            num_context,
            num_samples,
            seed,
            moved_threshold,
            first_number=i,
        )
        for i in range(0, clips.shape[0], clips_per_call)
    ]
    joined = {key: np.concatenate([s[key] for s in scores]) for key in scores[0]}
    moved, variance = joined["moved_pixels"], joined["moved_variance"]
    result = {"psnr": {}, "ssim": {}, "psnr_moved": {}}
    for key, values in joined.items():
        group, _, name = key.partition(".")
        if name:
            if group == "psnr_moved":  # of clips in which something moved
                values = values[moved > 0]
            result[group][name] = (
                round(float(np.mean(values)), 4) if len(values) else None
            )
    return {
        **result,
        "sample_std_moved": round(
            float(np.sqrt(variance.sum() / max(moved.sum(), 1))), 4
        ),
        "num_clips": int(clips.shape[0]),
        "num_samples": num_samples,
        "num_context": num_context,
        "num_predicted": int(clips.shape[1]) - num_context,
    }


def sample_scores(samples, truth):
    """Time-averaged scores of samples.

    Args:
        samples: `[S, B, T, H, W, C]` in [0, 1].
        truth: `[B, T, H, W, C]` in [0, 1].

    Returns:
        dict of `"psnr"` and `"ssim"`, NumPy arrays `[S, B]`.
    """
    truth = tf.broadcast_to(truth, tf.shape(samples))
    return {
        "psnr": tf.reduce_mean(psnr(samples, truth, max_db=MAX_DB), -1).numpy(),
        "ssim": tf.reduce_mean(ssim(samples, truth), -1).numpy(),
    }


def _score_clips(
    model,
    clips,
    actions,
    num_context,
    num_samples,
    seed,
    threshold,
    first_number,
):
    context, truth = clips[:, :num_context], clips[:, num_context:]
    num_frames = truth.shape[1]
    numbers = range(first_number, first_number + len(clips))
    samples = model.predict_frames(
        context, num_frames, num_samples, seed, actions, clip_numbers=numbers
    )
    copied = tf.repeat(context[:, -1:], num_frames, axis=1)
    reconstruction = model.reconstruct(clips, actions)[:, num_context - 1 :]
    # Moved in any channel: then all channels of the pixel count.
    moved = tf.reduce_any(tf.abs(truth - copied) > threshold, -1, keepdims=True)
    moved = tf.cast(tf.broadcast_to(moved, tf.shape(truth)), tf.float32)
    drawn = sample_scores(samples, truth)
    single = {
        "copy_last": copied,
        "reconstruction": reconstruction,
        "mean_prediction": tf.reduce_mean(samples, 0),
    }
    scores = {
        "psnr.mean": drawn["psnr"].mean(0),
        "psnr.best": drawn["psnr"].max(0),
        "ssim.mean": drawn["ssim"].mean(0),
        "ssim.best": drawn["ssim"].max(0),
        "moved_pixels": tf.reduce_sum(moved, [1, 2, 3, 4]).numpy(),
        "moved_variance": tf.reduce_sum(
            moved * tf.math.reduce_variance(samples, 0), [1, 2, 3, 4]
        ).numpy(),
    }
    for name, frames in single.items():
        score = sample_scores(frames[None], truth)
        scores[f"psnr.{name}"] = score["psnr"][0]
        if name != "mean_prediction":
            scores[f"ssim.{name}"] = score["ssim"][0]
    moved_scores = _moved_psnr(samples, truth, moved)
    scores["psnr_moved.mean"] = moved_scores.mean(0)
    scores["psnr_moved.best"] = moved_scores.max(0)
    scores["psnr_moved.copy_last"] = _moved_psnr(copied[None], truth, moved)[0]
    scores["psnr_moved.reconstruction"] = _moved_psnr(
        reconstruction[None], truth, moved
    )[0]
    return scores


def _moved_psnr(samples, truth, moved):
    """PSNR over the moved pixels of a whole clip, `[S, B]`."""
    error = tf.reduce_sum(moved * tf.square(samples - truth), [2, 3, 4, 5])
    count = tf.maximum(tf.reduce_sum(moved, [1, 2, 3, 4]), 1.0)
    mse = tf.maximum(error / count, 10 ** (-MAX_DB / 10))
    return (-10.0 * tf.math.log(mse) / tf.math.log(10.0)).numpy()
