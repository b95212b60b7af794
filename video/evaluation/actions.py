"""Whether a model listens to its actions: scores with the true ones and with others."""

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.math import to_tensor, to_unit_range
from tfsigmavae.metrics.psnr import MAX_DB, psnr
from tfsigmavae.typing import Array
from tfsigmavae_video.models.video_model import VideoModel


def evaluate_actions(
    model: VideoModel,
    clips: Array,
    actions: Array,
    num_context: int | None = None,
    num_samples: int = 10,
    seed: int = 0,
    clips_per_call: int | None = None,
) -> dict:
    """Scores futures under the actions that were taken, those of other clips, and none.

    A model that uses its actions predicts better with the true ones:

        true        the clip's own actions
        shuffled    those of another clip, each clip's given to one other
        zeros       zeros

    Only actions that lead to a predicted frame are exchanged; those of the context stay
    the clip's own. The noise of a clip is the same under all of them, so that what
    differs is the actions' doing. PSNR is taken per frame over the predicted frames,
    averaged over time, and as

        mean               average score of the samples
        best               score of each clip's best sample
        mean_prediction    score of the average image of the samples

    Args:
        model: a `VideoModel` with actions.
        clips: `[N, num_context + T, H, W, C]`, uint8 or floating in [0, 1], two clips
            at least.
        actions: `[N, num_context + T - 1 or more, action_size]`.
        num_context: int, given frames. Defaults to the model's.
        num_samples: int, futures per clip. Defaults to `10`.
        seed: int, of noise and of who is given whose actions. Defaults to `0`.
        clips_per_call: int, clips in memory at once. Defaults to `None`: as many as
            make 160 samples, and at least one.

    Returns:
        dict: `psnr`, kind of actions -> score by name, means over the clips in dB;
        `gain`, for `shuffled` and `zeros`, score by name of the true actions less that
        of these; `gain_error`, the standard error of each gain over the clips.

    Raises:
        ValueError: if the model takes no actions, there is one clip only, or a shape
            does not fit.

    Example:
        >>> evaluate_actions(model, clips, actions)["gain"]["shuffled"]["mean"]
    """
    num_context = model.num_context if num_context is None else num_context
    if not model.action_size:
        raise ValueError("The model takes no actions: its `action_size` is 0.")
    clips, actions = to_tensor(clips), np.asarray(actions, np.float32)
    num_steps = clips.shape[1] - 1 if clips.shape.rank == 5 else None  # pyright: ignore[reportOptionalOperand]
    if len(clips) < 2 or actions.shape[:1] != (len(clips),):
        raise ValueError(
            "Actions are exchanged between clips: `clips` and `actions` must hold the "
            f"same number, at least 2, got {clips.shape} and {actions.shape}."
        )
    check_at_least("num_context", num_context, model.num_context)
    check_at_least("num_samples", num_samples, 1)
    clips_per_call = clips_per_call or max(1, 160 // num_samples)
    scores = {}
    for name, taken in _kinds(actions, num_context - 1, seed).items():
        parts = [
            _scores(
                model,
                clips[i : i + clips_per_call],
                taken[i : i + clips_per_call, :num_steps],
                num_context,
                num_samples,
                seed,
                first_number=i,
            )
            for i in range(0, len(clips), clips_per_call)
        ]
        scores[name] = {
            key: np.concatenate([part[key] for part in parts]) for key in parts[0]
        }
    return _summary(scores)


def _kinds(actions, first, seed):
    """Kind -> actions; from step `first` on they lead to a predicted frame."""
    # One cycle through all clips in random order: none is given its own.
    order = np.random.default_rng(seed).permutation(len(actions))
    shuffled, zeros = actions.copy(), actions.copy()
    shuffled[order, first:] = actions[np.roll(order, 1), first:]
    zeros[:, first:] = 0
    return {"true": actions, "shuffled": shuffled, "zeros": zeros}


def _scores(model, clips, actions, num_context, num_samples, seed, first_number):
    """Score by name, `[B]`."""
    clips = to_unit_range(clips, "clips")
    truth = clips[:, num_context:]
    samples = model.predict_frames(
        clips[:, :num_context],
        truth.shape[1],
        num_samples,
        seed,
        actions,
        clip_numbers=range(first_number, first_number + len(clips)),
    ).numpy()
    drawn = np.mean(psnr(samples, truth, max_db=MAX_DB), -1)
    of_mean = np.mean(psnr(samples.mean(0), truth, max_db=MAX_DB), -1)
    return {"mean": drawn.mean(0), "best": drawn.max(0), "mean_prediction": of_mean}


def _summary(scores):
    result = {"psnr": {}, "gain": {}, "gain_error": {}}
    for kind, values in scores.items():
        result["psnr"][kind] = {k: _rounded(v.mean()) for k, v in values.items()}
        if kind == "true":
            continue
        gains = {k: scores["true"][k] - v for k, v in values.items()}
        result["gain"][kind] = {k: _rounded(v.mean()) for k, v in gains.items()}
        result["gain_error"][kind] = {
            k: _rounded(v.std(ddof=1) / np.sqrt(len(v))) for k, v in gains.items()
        }
    return result


def _rounded(value):
    return round(float(value), 4)
