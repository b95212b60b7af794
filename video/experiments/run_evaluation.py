"""Evaluates finished runs, of videos and of images, and writes their report."""

import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfsigmavae.callbacks.history_log import read_history
from tfsigmavae.data import images
from tfsigmavae.evaluation import (
    ImageProtocol,
    evaluate_images,
    paired_differences,
)
from tfsigmavae.evaluation.paired import alike
from tfsigmavae.evaluation.report import differences, write_report
from tfsigmavae.evaluation.report.run import name_runs
from tfsigmavae.metrics.extractors.extractor import Extractor
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data import loading
from tfsigmavae_video.data.softmotion import Split
from tfsigmavae_video.evaluation import Protocol, evaluate
from tfsigmavae_video.evaluation.protocol import RUN, run_protocol
from tfsigmavae_video.evaluation.protocol_evaluation import checked_protocol
from tfsigmavae_video.models import VideoModel, saved_run

_VIDEO, _IMAGES = "svg-2-28", "images"
# Options of `images.load` that a run of images records.
_OF_IMAGES = {"size": "image_size", "crop": "crop", "channels": "channels"}


def evaluate_runs(
    runs: Sequence[PathLike],
    data: PathLike | None = None,
    split: Split = "test",
    protocol: str | Protocol | ImageProtocol | None = None,
    output: PathLike | None = None,
    num_samples: int | None = None,
    num_clips: int | None = None,
    seed: int | None = None,
    extractor: PathLike | Extractor | Callable[[Any], Any] | None = None,
    protocol_options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> dict:
    """Evaluates runs by one protocol; several are set side by side in one report.

    Args:
        runs: list of run folders or `model.keras` files, all of videos or all of
            images.
        data: held-out data; see `load_clips`, or `tfsigmavae.data.images.load`.
            Defaults to `None`: what the first run was trained with.
        split: `"test"` or `"train"`. Defaults to `"test"`.
        protocol: name of a preset or a protocol; `"run"` is the first run's own, with
            its context and horizon. Defaults to `None`: `"images"` for images, for
            videos `"svg-2-28"`, or `"run"` where a run has another context or a
            shorter horizon.
        output: folder to write. Defaults to `None`: `evaluation/PROTOCOL` in the run
            folder.
        num_samples, num_clips, seed: fields of the protocol to change. Default to
            `None`, as the protocol has them.
        extractor: see `evaluate`. Defaults to `None`.
        protocol_options: dict of other fields of the protocol. Defaults to none.
        data_options: dict of options of the data, other than training's. Defaults to
            none.

    Returns:
        dict: path of `report`; paths of `metrics` and `csv`, `scores` (metric ->
        source -> mean), `likelihood` (name -> mean, nats and bits per dimension) and
        `distances` (name -> value), lists of these for several runs. These have
        `differences` as well, where all were evaluated alike: title of each run after
        the first -> what `paired_differences` gives.

    Raises:
        ValueError: if a run, the data or the protocol do not fit.
        FileNotFoundError: if there is no model or no data.
    """
    changes = {"num_samples": num_samples, "seed": seed, **(protocol_options or {})}
    opened = [_Run(run) for run in runs]
    _tell_apart(opened)
    if len({run.is_video for run in opened}) > 1:
        raise ValueError("`runs` must be all of videos or all of images.")
    if protocol in (None, RUN):
        protocol = opened[0].own_protocol(protocol)
    for run in opened:
        run.choose(protocol, changes, num_clips)
    folder = pathlib.Path(output) if output else opened[0].default_output
    folders = [folder if len(opened) == 1 else folder / run.title for run in opened]
    for number, run in enumerate(opened):
        if folders[number] in folders[:number]:
            raise ValueError(
                f"Two runs are called '{run.title}', by their two folders: "
                "name each once."
            )
    _open_all(opened, data, split, extractor, data_options or {})
    found = [
        run.evaluate(own, extractor) for run, own in zip(opened, folders, strict=True)
    ]
    paired = _paired(found)
    report = write_report(
        folder / "report.html",
        [evaluation.metrics for evaluation in found],
        pictures=[
            picture._replace(run=run.title if len(opened) > 1 else "")
            for run, one in zip(opened, found, strict=True)
            for picture in one.pictures
        ],
        training=[(run.title, run.history) for run in opened if run.history] or None,
        tables={f"Options of {run.title}": run.config for run in opened if run.config},
        paired=paired,
    )
    told = {
        "report": str(report),
        "metrics": [str(own / "metrics.json") for own in folders],
        "csv": [str(own / "metrics.csv") for own in folders],
        "scores": [_means(one.metrics["scores"]) for one in found],
        "likelihood": [_likelihood(one.metrics) for one in found],
        "distances": [
            {name: row["value"] for name, row in one.metrics["distances"].items()}
            for one in found
        ],
    }
    if len(opened) == 1:
        each = ("metrics", "csv", "scores", "likelihood", "distances")
        told |= {name: told[name][0] for name in each}
    elif paired:
        named = name_runs([one.metrics for one in found])
        print(*differences.sentences(named, paired), sep="\n", file=sys.stderr)
        told["differences"] = dict(
            zip([run.title for run in opened[1:]], paired, strict=True)
        )
    return told


def _open_all(runs, data, *how):
    """Opens the data for all runs, before the first of them takes its time."""
    source = data or runs[0].data
    for run in runs:
        try:
            run.open(source, *how)
        except FileNotFoundError as error:
            if data is not None:
                raise
            raise FileNotFoundError(
                f"{error} The run '{runs[0].title}' was trained on it, as seen from "
                "the folder of that time: give `data`."
            ) from error


def _tell_apart(runs):
    """Titles of runs with one name get the name of the folder above as well."""
    titles = [run.title for run in runs]
    for run in runs:
        if titles.count(run.title) > 1:
            run.title = f"{run.file.resolve().parent.parent.name}-{run.title}"


class _Run:
    """A finished run, ready to be evaluated."""

    def __init__(self, path):
        self.model, self.file = saved_run.open_run(path)
        self.title = self.file.parent.resolve().name
        self.config = saved_run.config(self.file)
        self.history = read_history(self.file.parent / "history.csv")
        if not isinstance(self.model, (ImageVAE, VideoModel)):
            raise ValueError(
                f"'{self.file}' holds a {type(self.model).__name__}: only an ImageVAE "
                "or a VideoModel is evaluated."
            )
        self.is_video = isinstance(self.model, VideoModel)

    @property
    def data(self):
        data = self.config.get("data")
        if not isinstance(data, str) or not data:
            raise ValueError(f"Nobody knows the data of '{self.file}': give `data`.")
        return data

    def own_protocol(self, wanted):
        """The one that the run evaluates itself by, or where nobody asks, a preset."""
        if not self.is_video:
            if wanted is None:
                return _IMAGES
            raise ValueError("`protocol` 'run' is of videos: leave it out for images.")
        if "eval_frames" not in self.config:
            if wanted is None:
                return _VIDEO
            raise ValueError(
                f"Nobody knows how the run of '{self.file}' was evaluated: name a "
                "`protocol` other than 'run'."
            )
        own, preset = run_protocol(self.config), Protocol.get(_VIDEO)
        fits = own.num_context == preset.num_context
        fits = fits and own.num_predicted >= preset.num_predicted
        return _VIDEO if fits and wanted is None else own

    def choose(self, protocol, changes, num_examples):
        kind = Protocol if self.is_video else ImageProtocol
        number = "num_clips" if self.is_video else "num_images"
        if not self.is_video and num_examples is None:
            num_examples = self.config.get("num_test")  # as in training
        self.protocol: Any = kind.get(protocol, **{number: num_examples, **changes})

    @property
    def default_output(self):
        return self.file.parent / "evaluation" / self.protocol.name

    def open(self, data, split, extractor, options):
        """Finds what is wrong with model, data and protocol together."""
        self.told = {"path": str(data), "split": split}
        if self.is_video:
            self.source = self._clips(data, split, options)
            checked_protocol(self.protocol, self.model, self.source, extractor)
        else:
            self.source = self._images(data, split, options)
            shape = tuple(self.source.shape[1:])
            if shape != tuple(self.model.image_shape):
                raise ValueError(
                    f"The run '{self.title}' is of images of "
                    f"{tuple(self.model.image_shape)}, and those of '{data}' are of "
                    f"{shape}: compare runs of one data set."
                )
            self.told["held_out"] = split == "test"
        wanted = self.protocol.num_clips if self.is_video else self.protocol.num_images
        number = min(wanted or len(self.source), len(self.source))
        print(
            f"{self.title}: {number:,} of {len(self.source):,} "
            f"{'clips' if self.is_video else 'images'} of the {split} split of "
            f"'{data}' by protocol {self.protocol.name} (--split, --num-clips).",
            file=sys.stderr,
        )

    def evaluate(self, output, extractor):
        evaluate_one: Any = evaluate if self.is_video else evaluate_images
        return evaluate_one(
            self.model,
            self.source,
            self.protocol,
            output,
            extractor,
            data=self.told,
            title=self.title,
            with_report=False,  # one page shows all runs, with their training
        )

    def _clips(self, data, split, options):
        allowed = loading.option_defaults(data)
        found = saved_run.data_options(self.file)
        found = {name: value for name, value in found.items() if name in allowed}
        context = self.protocol.num_context or self.model.num_context
        own = {
            "frame_shape": self.model.frame_shape,
            "with_actions": self.model.action_size > 0,
            "min_frames": context + self.protocol.num_predicted,
        }
        return loading.load(data, split, **found | own | options)

    def _images(self, data, split, options):
        own = {
            option: self.config[name]
            for option, name in _OF_IMAGES.items()
            if self.config.get(name) is not None
        }
        return images.load(
            data, split, **own | {"root": self.config.get("root")} | options
        )


def _paired(found):
    """Differences from the first; nothing where not all were evaluated alike."""
    first, *others = found
    if not all(alike(first, other) for other in others):
        return []
    return [paired_differences(first, other) for other in others]


def _likelihood(metrics):
    return {
        name: row["mean"]
        for name, row in (metrics.get("likelihood") or {}).items()
        if isinstance(row, dict) and "mean" in row
    }


def _means(scores):
    return {
        metric: {source: row["mean"] for source, row in sources.items()}
        for metric, sources in scores.items()
    }
