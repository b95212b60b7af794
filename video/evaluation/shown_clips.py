"""Pictures for the report: the clips that are predicted best, worst and in between."""

import numpy as np

from tfsigmavae.evaluation.directions import loss
from tfsigmavae.evaluation.report import Picture
from tfsigmavae.math import to_unit_range
from tfsigmavae.pictures.files import encode_png
from tfsigmavae_video.evaluation.protocol import EACH
from tfsigmavae_video.evaluation.results import best_samples, sample_averages
from tfsigmavae_video.pictures import (
    Row,
    encode_animation,
    filmstrip,
    playing_fps,
    prediction_frames,
)

# Black, through a blue, to yellow and white: brighter is more, in grey as well.
_RAMP = np.array([(0, 0, 0), (36, 64, 142), (222, 73, 104), (252, 195, 65), (255,) * 3])
# At most; more would make the page heavy.
_MOST_FPS = 10


def clip_pictures(model, clips, arrays, rows, names=None) -> list:
    """Draws best, median and worst clip, and how uncertain the futures are.

    Args:
        model: a `VideoModel`.
        clips: `EvaluatedClips`.
        arrays: of `ClipScorer`, of all clips.
        rows: name -> `Metric`.
        names: what each clip is called. Defaults to `None`, by its number.

    Returns:
        List of `Picture`; none where no metric scores single futures.
    """
    protocol = clips.protocol
    names_of = [name for name, row in rows.items() if row.of == "sample"]
    if not names_of or clips.source.fields["frames"][0][-1] not in (1, 3):
        return []
    by = names_of[0] if protocol.selection == EACH else protocol.selection
    best = best_samples(arrays, protocol, rows, by)
    averages = sample_averages(arrays, by)
    scores = averages[np.arange(len(best)), best]
    order = np.argsort(loss(rows[by].best.__name__, scores), kind="stable")
    order = order[~np.isnan(scores[order])]
    if not len(order):
        return []
    found = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    metric = rows[by]
    shown = [_Shown(model, clips, int(n), averages[n], metric) for n in found.values()]
    titles = [
        f"{kind}: {_name(names, shown.number)}, {scores[shown.number]:.4g}"
        for kind, shown in zip(found, shown, strict=True)
    ]
    return [
        _film(shown, titles, clips, metric),
        _strip(shown[len(shown) // 2], protocol.num_context),
    ]


class _Shown:
    """One clip and its futures, drawn again."""

    def __init__(self, model, clips, number, averages, metric):
        protocol = clips.protocol
        frames, actions = clips.clip(number)
        self.number = number
        self.frames = to_unit_range(frames).numpy()
        num_context = protocol.num_context
        futures = model.predict_frames(
            self.frames[:, :num_context],
            protocol.num_predicted,
            num_samples=protocol.num_samples,
            seed=protocol.seed,
            actions=actions,
            clip_numbers=[number],
        ).numpy()[:, 0]
        context = self.frames[0, :num_context]
        reconstruction = model.reconstruct(
            self.frames, actions, teacher_forced=True
        ).numpy()[0]
        ranked = np.argsort(-loss(metric.best.__name__, averages))
        mean = futures.mean(0)
        self.rows = {
            "truth": self.frames[0],
            "reconstruction": np.concatenate([context[:1], reconstruction]),
            f"best of {len(futures)}": np.concatenate([context, futures[ranked[-1]]]),
            "mean": np.concatenate([context, mean]),
        }
        if len(futures) > 1:
            worst = np.concatenate([context, futures[ranked[0]]])
            self.rows[f"worst of {len(futures)}"] = worst
        # Of all channels together: a map has one number a pixel.
        self.spread = np.sqrt(futures.var(0).mean(-1))
        self.error = np.sqrt(np.square(mean - self.frames[0, num_context:]).mean(-1))

    def maps(self, values, top):
        """`[N + T, H, W, 3]` of `[T, H, W]`, brighter is more, up to `top`."""
        places = np.clip(values / max(top, 1e-12), 0, 1) * (len(_RAMP) - 1)
        anchors = np.arange(len(_RAMP))
        colours = [np.interp(places, anchors, _RAMP[:, c] / 255) for c in range(3)]
        given = np.zeros([len(self.frames[0]) - len(values), *values.shape[1:], 3])
        return np.concatenate([given, np.stack(colours, -1)])


def _film(shown, titles, clips, metric):
    top = max(float(one.spread.max()) for one in shown)
    labels = list(shown[0].rows)
    rows = [
        Row(label, np.stack([one.rows[label] for one in shown]), label != "truth")
        for label in labels
    ]
    spread = np.stack([one.maps(one.spread, top) for one in shown])
    rows.append(Row(f"spread, 0 to {top:.2g}", spread))
    frames = prediction_frames(
        rows, clips.protocol.num_context, headings=["best", "median", "worst"]
    )
    fps = min(playing_fps(clips.source), _MOST_FPS)
    unit = f", in {metric.unit}" if metric.unit else ""
    return Picture(
        title="Best, median and worst clip",
        alt=f"Film of three clips, {'; '.join(titles)}: truth, reconstruction, best "
        "future, mean of the futures, worst future, and their spread",
        data=encode_animation(frames, fps, hold=1.0),
        media_type="image/gif",
        group="Futures",
        text=f"By the {metric.label} of the best future{unit}: {'; '.join(titles)}. "
        "True frames are framed green, the model's red. The last row is the standard "
        "deviation over the futures: white where they differ most.",
    )


def _strip(shown, num_context):
    top = float(max(shown.spread.max(), shown.error.max()))
    rows = [
        Row("truth", shown.rows["truth"], predicted=False),
        Row("mean of futures", shown.rows["mean"]),
        Row("spread", shown.maps(shown.spread, top)),
        Row("error of mean", shown.maps(shown.error, top)),
    ]
    return Picture(
        title="Where the futures differ, and where they err",
        alt="Film strip of one clip: truth, mean of the futures, their standard "
        "deviation, and the error of the mean",
        data=encode_png(filmstrip(rows, num_context)),
        media_type="image/png",
        group="Futures",
        text=f"The median clip. Both maps go from black, 0, to white, {top:.2g}. "
        "Futures that know what they do not know are spread where they err.",
    )


def _name(names, number):
    return f"clip {number}" if names is None else str(names[number])
