"""How good sampled futures are, in a few numbers and in memory."""

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.math import to_tensor
from tfsigmavae.typing import Array
from tfsigmavae_video.evaluation.clip_scores import ClipScorer
from tfsigmavae_video.evaluation.frame_metrics import chosen
from tfsigmavae_video.evaluation.protocol import Protocol
from tfsigmavae_video.evaluation.results import score_table
from tfsigmavae_video.models.video_model import VideoModel

# Key of the summary -> metric, and the sources that it tells.
_TOLD = {
    "psnr": ("best", "mean", "mean_prediction", "copy_last", "reconstruction"),
    "ssim": ("best", "mean", "copy_last", "reconstruction"),
    "psnr_moved": ("best", "mean", "copy_last", "reconstruction"),
    "motion_energy": ("mean", "reconstruction"),
    "survival": ("mean", "copy_last", "reconstruction"),
    "sharpness": ("mean", "copy_last", "reconstruction"),
}
_BASELINES = "copy_last", "reconstruction"


def evaluate_prediction(
    model: VideoModel,
    clips: Array,
    num_context: int | None = None,
    num_samples: int = 10,
    seed: int = 0,
    actions: Array | None = None,
    clips_per_call: int | None = None,
) -> dict:
    """Scores sampled futures of held-out clips against what happened.

    A quick look at arrays in memory; `evaluate` gives all figures, their errors and
    the protocol. PSNR, SSIM (Gaussian window), PSNR of moved pixels, motion energy,
    survival and sharpness, see `METRICS`, are taken per frame over the predicted frames
    only, averaged over time and then over clips:

        copy_last         the last context frame, repeated
        reconstruction    posterior means, every step fed with the true frame before
        mean              average score of the samples
        best              score of each clip's best sample, chosen per metric (PSNR and
                          SSIM only)
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

    Returns:
        dict: `psnr`, `ssim`, `psnr_moved`, `motion_energy`, `survival` and `sharpness`
        (dicts of floats with the keys above, dB for PSNR; `None` where nothing moves),
        `sample_std_moved` (standard deviation over samples on moved pixels), and the
        protocol: `num_clips`, `num_samples`, `num_context`, `num_predicted`.

    Raises:
        ValueError: if a number is out of range, or clips are too short.

    Example:
        >>> import numpy as np
        >>> from tfsigmavae.video import SVGLP, evaluate_prediction
        >>> model = SVGLP([16, 16, 3], network="dcgan", width=4)
        >>> clips = np.random.default_rng(0).random([2, 6, 16, 16, 3])
        >>> scores = evaluate_prediction(model, clips, num_samples=3)
        >>> sorted(scores["psnr"])
        ['best', 'copy_last', 'mean', 'mean_prediction', 'reconstruction']
    """
    num_context = model.num_context if num_context is None else num_context
    clips = to_tensor(clips)
    check_at_least("num_context", num_context, model.num_context)
    if clips.shape.rank != 5 or not len(clips) or clips.shape[1] <= num_context:  # pyright: ignore[reportOptionalOperand]
        raise ValueError(
            "`clips` must be [N, T, H, W, C] with a clip at least, and more than the "
            f"{num_context} frames of context, got {clips.shape}."
        )
    protocol = Protocol(
        "arrays",
        num_context=num_context,
        num_predicted=clips.shape[1] - num_context,  # pyright: ignore[reportOptionalOperand]
        num_clips=len(clips),
        num_samples=num_samples,
        metrics=(*_TOLD, "std_moved"),
        noise_samples=0,
        importance_samples=0,
        seed=seed,
    )
    if clips_per_call is None:
        clips_per_call = max(1, 160 // num_samples)
    check_at_least("clips_per_call", clips_per_call, 1)
    rows = chosen(protocol, clips.shape[2:])
    score = ClipScorer(model, protocol, rows, baselines=_BASELINES)
    parts = []
    for first in range(0, len(clips), clips_per_call):
        some = slice(first, first + clips_per_call)
        parts.append(
            score(clips[some], None if actions is None else actions[some], first)
        )
    arrays = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    return prediction_summary(score_table(arrays, protocol, rows), protocol, len(clips))


def prediction_summary(scores, protocol, num_clips) -> dict:
    """The averages that a run's summary holds, see `evaluate_prediction`.

    Args:
        scores: the section of that name of `metrics.json`.
        protocol: `Protocol` with a number for `num_context`.
        num_clips: how many were scored.
    """
    told = {
        metric: {source: _rounded(scores[metric][source]["mean"]) for source in sources}
        for metric, sources in _TOLD.items()
    }
    return told | {
        "sample_std_moved": _rounded(scores["std_moved"]["futures"]["mean"]),
        "num_clips": num_clips,
        "num_samples": protocol.num_samples,
        "num_context": protocol.num_context,
        "num_predicted": protocol.num_predicted,
    }


def _rounded(value):
    return None if value is None else round(value, 4)
