"""Options for videos that nobody has made a recipe for: chosen from what is found."""

import dataclasses
import math
import pathlib

import numpy as np
import tensorflow as tf

from tfsigmavae.files import read_json
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data import loading, softmotion
from tfsigmavae_video.data.folder import VideoFolder, holds_videos
from tfsigmavae_video.data.folder.discovery import find_videos
from tfsigmavae_video.data.video_files import VideoError, list_videos, open_video
from tfsigmavae_video.experiments.recipes import OWN

# So many videos tell what the others are like.
_NUM_LOOKED_AT = 50
# 5 given and 10 predicted.
_ENOUGH_FRAMES = 15
# Frames per second at which something moves from one frame to the next.
_RATE = 10
_RATES = ("stride", "fps")
# Videos further apart than this are brought to one rate by their times.
_SAME_RATE = 1.05
# The shorter side of a frame; the area is about that of 64 x 64, which costs what the
# demo costs. Multiples of 8 fit the network's stages.
_SHORTER = {"square": 64, "wide": 48, "tall": 48}
_KINDS = {"square": "square, or nearly so", "wide": "wide", "tall": "tall"}
_LONGER = 5 / 3  # times the shorter, but for squares
_MOST_CACHED = 1.5e9  # bytes
_WIDE = 1.35  # between 4:3, of which a square loses a quarter, and 3:2


@dataclasses.dataclass(frozen=True)
class OwnRecipe:
    """Options of `VideoExperiment`, and why.

    Args:
        options: dict, for `VideoExperiment(**options)`.
        reasons: dict, a sentence for each choice -> tuple of the options it is about.
    """

    options: dict
    reasons: dict


def own_recipe(data: PathLike, use_actions: bool = False) -> OwnRecipe:
    """Chooses size, frame rate, context, horizon and network for videos.

    Args:
        data: folder of videos, one video file, or what `convert_clips` made of them.
        use_actions: whether to train with the actions beside the videos, which are
            those from frame to frame: every frame is taken then. Defaults to `False`.

    Raises:
        ValueError: if there are no videos, or all that were looked at are unreadable or
            too short (fewer than 4 frames).

    Example:
        >>> recipe = own_recipe("my_videos")
        >>> print(*recipe.reasons)
        >>> VideoExperiment(**recipe.options).run("runs/mine")
    """
    converted = pathlib.Path(data) / softmotion.DATASET
    if converted.is_file():
        return _of_records(data, read_json(converted), use_actions)
    facts, num_videos = _look(data)
    shape, why_shape = _frame_shape(facts)
    taken, lengths, why_rate = _rate(facts)
    if use_actions:
        taken, why_rate = {}, "Every frame, since actions lead to the next."
        lengths = np.array([num_frames for _, num_frames, _ in facts])
    horizon, cut, why_horizon = _horizon(lengths)
    num_bytes = num_videos * np.mean(lengths) * math.prod(shape)
    cache, why_cache = _cache(num_bytes)
    options = {"frame_shape": shape, "cache": cache, "data_options": taken | cut}
    reasons = {why_shape: ("frame_shape",), why_rate: _RATES, why_cache: ("cache",)}
    reasons |= why_horizon
    return _recipe(data, options | horizon, reasons, use_actions)


def own_conversion(data, given: dict, size=None, channels=None) -> OwnRecipe:
    """Chooses what is not given of size, rate and length, to convert videos.

    The choice is that of `own_recipe`, so that training need not choose again. Clips
    are as long as what is given to the model and predicted together. Of other data than
    videos nothing is chosen: 64 x 64 pixels in colour, 30 frames.

    Args:
        data: see `convert_clips`.
        given: dict, options of `convert_clips`.
        size: (height, width) of the frames, or `None`.
        channels: of the frames, or `None`.

    Returns:
        `OwnRecipe` with the options of `convert_clips`.
    """
    chosen, why = {"num_frames": 30, "frame_shape": (64, 64, 3)}, {}
    if is_own(data):
        recipe = own_recipe(data, bool(given.get("with_actions")))
        found = recipe.options
        length = found["num_context"] + found["eval_frames"]
        rate = found["data_options"] if given.keys().isdisjoint(_RATES) else {}
        chosen = {"num_frames": length, "frame_shape": found["frame_shape"]}
        chosen |= {name: rate[name] for name in _RATES if name in rate}
        told = f"Clips of {length} frames: as many as are given and predicted."
        why = recipe.reasons | {told: ("num_frames",)}
    height, width, stored = chosen["frame_shape"]
    shape = (*(size or (height, width)), channels or stored)
    options = chosen | {"frame_shape": shape} | given
    kept = {name for name in chosen if options[name] == chosen[name]}
    why = {told: names for told, names in why.items() if kept.intersection(names)}
    return OwnRecipe(options, why)


def _of_records(data, dataset, use_actions):
    """For clips of one length and size, which are read fast."""
    height, width, channels = dataset["fields"]["frames"]
    num_frames = dataset["options"]["num_frames"]
    if num_frames < 4:
        raise ValueError(
            f"The clips of '{data}' have {num_frames} frames, and 4 are needed. Convert"
            " the videos anew."
        )
    horizon, _, why = _horizon(np.array([num_frames]))
    options = {"frame_shape": (height, width, channels)} | horizon
    told = f"Frames of {width}x{height} pixels, as they were converted."
    return _recipe(data, options, {told: ("frame_shape",)} | why, use_actions)


def _recipe(data, options, reasons, use_actions=False):
    network, why_network = _network()
    own = {"data": str(data), "use_actions": use_actions}
    reasons = reasons | {why_network: ("model_options", "steps")}
    return OwnRecipe(OWN | network | own | options, reasons)


def _cache(num_bytes):
    """Where decoded frames are kept; decoding costs more than training does."""
    size = f"{num_bytes / 1e6:,.0f} MB"
    if num_bytes <= _MOST_CACHED:
        return "memory", f"Decoded once and kept in memory: about {size}."
    return None, (
        f"Decoded while training, which slows it: {size} are too much to keep. "
        "`tfsigmavae data convert` converts them once, and training is faster."
    )


def _look(data):
    """(shape, frames, frames per second or None) of some videos, and number of all."""
    found, _ = find_videos(data)
    paths = list(found.values())
    if not paths:
        raise ValueError(f"'{data}' holds no videos; `own_recipe` is for videos.")
    chosen = np.unique(np.linspace(0, len(paths) - 1, _NUM_LOOKED_AT).astype(int))
    facts, errors = [], []
    for path in (paths[number] for number in chosen):
        try:
            facts += [_facts(*where) for where in list_videos(path)]
        except (VideoError, OSError) as error:
            errors.append(str(error))
    num_videos = len(facts) * len(paths) / len(chosen)
    facts = [fact for fact in facts if fact[1] >= 4]
    if not facts:
        raise ValueError(
            f"'{data}' holds no video of 4 frames or more that can be read. "
            + " ".join(errors[:3])
        )
    return facts, num_videos


def _facts(path, member):
    with open_video(path, member) as video:
        rate = None
        if video.times is not None and video.num_frames > 1:
            rate = (video.num_frames - 1) / video.times[-1]
        return video.shape, video.num_frames, rate


def _frame_shape(facts):
    shapes = np.array([shape for shape, _, _ in facts])
    ratio = np.median(shapes[:, 1] / shapes[:, 0])
    kind = "wide" if ratio > _WIDE else "tall" if 1 / ratio > _WIDE else "square"
    # Not larger than nine videos of ten, so that they are not enlarged.
    stored = np.quantile(shapes[:, :2].min(axis=1), 0.1)
    shorter = max(min(_SHORTER[kind], int(stored) // 8 * 8), 16)
    longer = shorter if kind == "square" else round(shorter * _LONGER / 8) * 8
    height, width = (longer, shorter) if kind == "tall" else (shorter, longer)
    channels = 1 if (shapes[:, 2] == 1).all() else 3
    sizes = sorted({f"{w}x{h}" for h, w, _ in shapes.tolist()})
    more = f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else ""
    what = "grey" if channels == 1 else "colour"
    return (height, width, channels), (
        f"Frames of {width}x{height} pixels, {what}: the videos are {_KINDS[kind]} "
        f"({', '.join(sizes[:3])}{more}; width x height). What sticks out is cropped; "
        "--data-options fit=letterbox keeps it."
    )


def _rate(facts):
    """Options, frames that each video has then, and the reason."""
    lengths = np.array([num_frames for _, num_frames, _ in facts])
    rates = np.array([rate or np.nan for _, _, rate in facts])
    if np.isnan(rates).any():
        return {}, lengths, "Every frame: not all videos tell how long a frame lasts."
    if rates.max() > _SAME_RATE * rates.min():
        # By their times; short videos may need more frames per second.
        enough = _ENOUGH_FRAMES / np.quantile(lengths / rates, 0.1, method="lower")
        fps = float(min(max(_RATE, math.ceil(enough)), rates.min()))
        found = f"{rates.min():.4g} to {rates.max():.4g}"
        why = f"{fps:.4g} frames per second of {found}, by their times."
        return {"fps": fps}, (lengths * fps / rates).astype(int), why
    rate = float(np.median(rates))
    step = max(min(round(rate / _RATE), _usual_length(lengths) // _ENOUGH_FRAMES), 1)
    if step == 1:
        return {}, lengths, f"Every frame: {rate:.4g} per second."
    found = f"{rate / step:.4g} of {rate:.4g} per second"
    why = f"One frame in {step} ({found}): between neighbours hardly anything moves."
    return {"stride": step}, -(-lengths // step), why


def _horizon(lengths):
    """Context and frames to predict of videos of so many frames, options, reasons."""
    usual = _usual_length(lengths)
    num_context = 5 if usual >= _ENOUGH_FRAMES else 2
    num_frames = max(min(10, usual - num_context), 2)
    eval_frames = max(min(20, usual - num_context), num_frames)
    horizon = {
        "num_context": num_context,
        "num_frames": num_frames,
        "eval_frames": eval_frames,
    }
    told = (
        f"{num_context} frames are given, {num_frames} predicted in training and "
        f"{eval_frames} in evaluation: nine videos of ten have {usual} or more."
    )
    why = {told: tuple(horizon)}
    size = 2 * (num_context + eval_frames)
    if np.max(lengths) < 2 * size:
        return horizon, {}, why
    told = f"Clips of {size} frames, so that a long video counts as many."
    why[told] = ("clip_frames",)
    return horizon, {"clip_frames": size}, why


def _usual_length(lengths):
    """Nine videos of ten have as many frames."""
    return int(np.quantile(lengths, 0.1, method="lower"))  # of a few: the shortest


def _network():
    if not tf.config.list_physical_devices("GPU"):
        why = f"The demo's small network, {OWN['steps']:,} steps: minutes on a CPU."
        return {}, why
    wide = OWN["model_options"] | {"width": 64, "hidden_size": 256}
    options = {"model_options": wide, "batch_size": 32, "steps": 30_000}
    return options, "The demo's network four times as wide, 30,000 steps: on a GPU."


def is_own(data) -> bool:
    """Whether a path holds videos, or records made of them: what has no recipe."""
    if not pathlib.Path(data).exists():
        return False
    if (pathlib.Path(data) / softmotion.DATASET).is_file():
        return True
    return loading.source_class(data) is VideoFolder and holds_videos(data)
