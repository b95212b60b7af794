"""One call from a model and clips to numbers that can be cited."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsigmavae import files
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.json_values import json_values
from tfsigmavae.evaluation.model_record import check_weights, model_record
from tfsigmavae.evaluation.partial_results import PartialResults
from tfsigmavae.evaluation.report import write_report
from tfsigmavae.evaluation.tidy_csv import write_tidy_csv
from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import Extractor
from tfsigmavae.progress import Progress
from tfsigmavae.runs import environment
from tfsigmavae.typing import PathLike
from tfsigmavae.version import __version__
from tfsigmavae_video.data import ClipSource
from tfsigmavae_video.evaluation import protocol as protocols
from tfsigmavae_video.evaluation.clip_scores import ClipScorer, draws_pixels
from tfsigmavae_video.evaluation.evaluated_clips import EvaluatedClips
from tfsigmavae_video.evaluation.frame_metrics import chosen
from tfsigmavae_video.evaluation.protocol import Protocol
from tfsigmavae_video.evaluation.results import clip_values, results
from tfsigmavae_video.evaluation.shown_clips import clip_pictures
from tfsigmavae_video.models import VideoModel

_METRICS, _TABLE, _PARTS = "metrics.json", "metrics.csv", "parts"
_REPORT = "report.html"
# Held-out clips of which figures say little.
_FEW = 10


def evaluate(
    model: VideoModel,
    source: ClipSource,
    protocol: "str | Protocol" = "svg-2-28",
    output: PathLike | None = None,
    extractor: PathLike | Extractor | Callable[[Any], Any] | None = None,
    title: str | None = None,
    data: dict[str, Any] | None = None,
    quiet: bool = False,
    with_pictures: bool = True,
    with_report: bool = True,
    **changes: Any,
) -> Evaluation:
    """Scores a video predictor by a protocol, clip by clip.

    Scores are taken of each clip, future and frame and averaged last; baselines and
    references that need no luck stand beside the model's, see `baseline_frames`. The
    same call gives the same figures, and an interrupted one goes on where it stopped
    and ends with the same `metrics.json`. Memory does not grow with the number of
    clips' frames; the futures of one clip are held at a time (150 MB for 100 x 30
    frames of 64 x 64 x 3).

    Args:
        model: a `VideoModel`.
        source: `ClipSource` of held-out clips, see `load_clips`, with actions for a
            model that takes them.
        protocol: name of a preset of `PROTOCOLS`, or a `Protocol`.
        output: folder for `metrics.json`, `metrics.csv` (a row for each number),
            `report.html` and `parts/`, what is done so far: delete that after changing
            the code of a metric. Defaults to `None`, nothing is written.
        extractor: network for distances of features, see
            `tfsigmavae.metrics.extractors.get`. Defaults to `None`, no distances.
        title: what the model is called. Defaults to its name.
        data: dict of JSON values that tell what the clips are, such as path and split,
            kept in the result. Defaults to `None`, nothing.
        quiet: whether to say nothing of the progress. Defaults to `False`.
        with_pictures: whether to draw pictures. Defaults to `True`.
        with_report: whether to write `report.html`. Defaults to `True`.
        **changes: fields of the protocol to change, see `Protocol`.

    Returns:
        `Evaluation`.

    Raises:
        TypeError: if the model is no `VideoModel`, the source no `ClipSource`, or the
            protocol has no such field.
        ValueError: if the protocol does not fit model or clips, needs an extractor that
            is not given, or `output` holds another evaluation.

    Example:
        >>> clips = load_clips("data/bair", "test")
        >>> found = evaluate(model, clips, "svg-2-28", num_samples=10)
        >>> found.metrics["scores"]["psnr"]["best"]["mean"]
    """
    protocol = protocols.Protocol.get(protocol, **changes)
    protocol = checked_protocol(protocol, model, source, extractor)
    check_weights(model)
    extractor = None if extractor is None else extractors.get(extractor)
    _check_kind(protocol, extractor)
    has_noise = protocol.noise_samples > 0 and draws_pixels(model)
    rows = chosen(protocol, model.frame_shape, has_noise)
    clips = EvaluatedClips(source, protocol)
    names = getattr(source, "clip_names", None)
    head = _head(model, clips, protocol, rows, extractor, title, data)
    output = None if output is None else pathlib.Path(output)
    folder = None if output is None else output / _PARTS
    parts = PartialResults(folder, _deciding(head))
    _compute(
        parts, clips, ClipScorer(model, protocol, rows, extractor, has_noise), quiet
    )
    if not quiet:
        what = "averages and pictures" if with_pictures else "averages"
        print(f"Making {what} ...", file=sys.stderr, flush=True)
    arrays = parts.joined(clips.num_parts)
    found = results(arrays, protocol, rows, model, extractor, names)
    found["notes"] = _notes(arrays["replaced"], names) + _of_few(clips, source)
    metrics: Any = json_values(head | found | {"environment": environment()})
    pictures = []
    if with_pictures:
        pictures = clip_pictures(model, clips, arrays, rows, names)
    if output is not None:
        write_tidy_csv(output / _TABLE, _blocks(arrays, model, protocol))
        files.write_json(output / _METRICS, metrics)
        if with_report:
            write_report(output / _REPORT, [metrics], pictures)
    return Evaluation(metrics, pictures, clip_values(arrays, protocol, rows, model))


def checked_protocol(protocol, model, source, extractor=None) -> protocols.Protocol:
    """The protocol with the number of given frames, if it fits model and clips.

    Args:
        protocol, model, source, extractor: see `evaluate`.

    Raises:
        TypeError: if the model is no `VideoModel`.
        ValueError: if something does not fit.
    """
    if not isinstance(model, VideoModel):
        raise TypeError(f"`model` must be a VideoModel, got {type(model).__name__}.")
    if not isinstance(source, ClipSource):
        raise TypeError(
            "`source` must be a ClipSource, as `load_clips(path, split)` gives it, got "
            f"{type(source).__name__}. Of arrays: `evaluate_prediction`, or a "
            "`ClipSource` of one's own."
        )
    num_context = protocol.num_context or model.num_context
    if num_context < model.num_context:
        raise ValueError(
            f"Protocol {protocol.name!r} gives {num_context} frames, and the model "
            f"needs {model.num_context}. Choose another protocol, or train with "
            f"`num_context={num_context}`."
        )
    shape, _ = source.fields["frames"]
    if tuple(shape) != tuple(model.frame_shape):
        raise ValueError(
            f"The clips have frames of {tuple(shape)}, and the model of "
            f"{tuple(model.frame_shape)}. Open them with "
            f"`frame_shape={tuple(model.frame_shape)}`."
        )
    if bool(model.action_size) != ("actions" in source.fields):
        wants = "takes" if model.action_size else "does not take"
        raise ValueError(
            f"The model {wants} actions: open the clips with "
            f"`with_actions={bool(model.action_size)}`."
        )
    if protocol.extractor and extractor is None:
        raise ValueError(
            f"Protocol {protocol.name!r} compares features of {protocol.extractor!r}: "
            f"give the extractor '{protocol.extractor}:PATH'."
        )
    return dataclasses.replace(
        protocol,
        num_context=num_context,
        noise_samples=min(protocol.noise_samples, protocol.num_samples),
        feature_samples=min(protocol.feature_samples, protocol.num_samples),
    )


def _check_kind(protocol, extractor):
    if protocol.extractor and extractor.name != protocol.extractor:
        raise ValueError(
            f"Protocol {protocol.name!r} compares features of {protocol.extractor!r}, "
            f"got {extractor.name!r}: change the protocol's `extractor`, and so its "
            "name."
        )


def _head(model, clips, protocol, rows, extractor, title, data):
    """What is known before anything is computed."""
    source = clips.source
    told = protocol.as_dict() | {
        "metrics": list(rows),
        "conventions": {name: row.description for name, row in rows.items()},
        "extractor": None if extractor is None else extractor.record(),
    }
    return {
        "format": 1,
        "kind": "video",
        "title": title or model.name,
        "protocol": told,
        "model": model_record(model) | {"num_context": model.num_context},
        "data": {
            "clips": clips.num_clips,
            "of": len(source),
            "held_out": source.is_held_out,
            "left_out": len(getattr(source, "skipped", ())),
            "view": source.view,
            "fingerprint": clips.fingerprint(),
            **(data or {}),
        },
    }


def _deciding(head):
    """What decides all figures, and so which parts belong together."""
    data = {name: head["data"][name] for name in ("clips", "of", "fingerprint")}
    own = {name: head[name] for name in ("format", "kind", "protocol", "model")}
    return own | {"data": data, "version of tfsigmavae": __version__}


def _notes(replaced, names):
    """What the reader of the figures must know."""
    numbers = np.flatnonzero(replaced)
    if not len(numbers):
        return []
    shown = ", ".join(str(names[number]) for number in numbers[:3])
    return [
        f"{len(numbers):,} of {len(replaced):,} clips cannot be read ({shown}"
        f"{', ...' if len(numbers) > 3 else ''}), and the next one that can was scored "
        "in their place: it counts twice. Take them out of the data."
    ]


def _of_few(clips, source):
    """What to know where there are hardly any clips, and not by choice."""
    if clips.num_clips >= _FEW or clips.num_clips < len(source):
        return []
    return [
        f"There are {clips.num_clips} held-out clips only: figures of so few say "
        "little about others. Hold out more (videos of your own: --data-options "
        "test_share=0.3)."
    ]


def _compute(parts, clips, score, quiet):
    missing = [part for part in range(clips.num_parts) if part not in parts]
    if not missing:
        return
    done = clips.num_clips - sum(
        min(clips.part_size, clips.num_clips - part * clips.part_size)
        for part in missing
    )
    progress = Progress(clips.num_clips, "clips", done, quiet, "Scoring")
    for number, frames, actions in clips.parts(missing[0]):
        part = number // clips.part_size
        if part in parts:
            continue
        replaced = {"replaced": clips.replaced(number, len(frames))}
        parts[part] = score(frames, actions, number) | replaced
        progress.add(len(frames))
        progress.show()
    progress.close()


def _blocks(arrays, model, protocol):
    """What `write_tidy_csv` wants; step 1 is the first predicted frame."""
    for key, values in arrays.items():
        source, _, metric = key.partition("/")
        if source in ("features", "calibration", "rates", "replaced"):
            continue
        if source == "likelihood":
            first = model.first_scored_frame - protocol.num_context + 1
            yield "model", metric, np.asarray(values), first
        else:
            yield source, metric, np.asarray(values), 1
