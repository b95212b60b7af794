"""The calibrated decoder beside the same network with hand-set weights."""

import dataclasses
import math
import pathlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.files import write_text
from tfsigmavae.typing import PathLike
from tfsigmavae_video.experiments.video_experiment import VideoExperiment
from tfsigmavae_video.models.saved_run import open_run
from tfsigmavae_video.pictures import Row, playing_fps, sample_rows, write_rows

# What the official SVG-LP training sets for BAIR and moving digits: KL weight on top of
# the squared error averaged over the pixels of a frame.
_SVG_BETA = 1e-4

# Column -> where a summary has it.
_COLUMNS = {
    "CPU seconds": ("cpu_seconds",),
    "sigma": ("sigma",),
    "rmse": ("mse",),
    "KL": ("kl",),
    "bits per dimension": ("bits_per_dim",),
    "PSNR reconstruction": ("psnr", "reconstruction"),
    "PSNR mean": ("psnr", "mean"),
    "PSNR best": ("psnr", "best"),
    "PSNR copy last": ("psnr", "copy_last"),
    "SSIM mean": ("ssim", "mean"),
    "SSIM best": ("ssim", "best"),
    "moved pixels, best": ("psnr_moved", "best"),
    "sample std": ("sample_std_moved",),
    "motion": ("motion_energy", "mean"),
    "survival": ("survival", "mean"),
    "sharpness": ("sharpness", "mean"),
}
# Options of data and protocol, alike in all rows.
_SHARED = (
    "data",
    "data_options",
    "num_context",
    "num_frames",
    "eval_frames",
    "cache",
    "frame_shape",
    "use_actions",
    "num_samples",
    "num_eval_clips",
    "precision",
    "preview_every",
    "seed",
)
_HAND_SET = "SVG's weight"
_NUM_SHOWN = 3


def compare(
    experiment: VideoExperiment,
    output: PathLike,
    beside: Mapping[str, dict[str, Any]] | None = None,
    **options: Any,
) -> dict | None:
    """Trains the experiment, then twice more with a decoder whose sigma is set by hand.

    The rows share data, network, initial weights and number of steps:

        as asked      the experiment itself, in `output`
        SVG's weight  mean squared error + 1e-4 KL, which is sigma = sqrt(1e-4 * D / 2)
        sigma 1       summed squared error / 2 + KL

    Args:
        experiment: `VideoExperiment`.
        output: run folder; the others go to `output/compare/`, the table to
            `output/compare.md`, and the same clips as three samples of the experiment
            and three with SVG's weight see them to `output/compare.gif` and
            `compare.png`.
        beside: dict of row name -> recipe (options of `VideoExperiment`), other models
            to train on the same data and to score by the same protocol. The table
            tells the CPU seconds of each training. Defaults to none.
        **options: arguments of `Experiment.run`.

    Returns:
        Summary of the experiment with a `compare` entry: row name -> its summary, and
        `compare_gif`, the path. `None` if Ctrl-C ended training.
    """
    output = pathlib.Path(output)
    others = {name: _by(recipe, experiment) for name, recipe in (beside or {}).items()}
    runs = _hand_set(experiment) | others
    folders = {name: output / "compare" / _folder_name(name) for name in runs}
    runs = {experiment.decoder: experiment} | runs
    folders[experiment.decoder] = output
    summaries = {}
    for number, (name, run) in enumerate(runs.items(), start=1):
        print(
            f"{number} of {len(runs)}: {name}, {run.model}, {run.steps:,} steps",
            file=sys.stderr,
        )
        summaries[name] = run.run(folders[name], **options)
        if summaries[name] is None:
            return None
    table = comparison_table(summaries)
    print(table, file=sys.stderr)
    write_text(output / "compare.md", table + "\n")
    shown = {name: folders[name] for name in (experiment.decoder, _HAND_SET)}
    animation, _ = _draw(experiment, shown, output)
    own = summaries[experiment.decoder]
    return {**own, "compare": summaries, "compare_gif": str(animation)}


def _hand_set(experiment) -> dict:
    """The experiment with sigma set by hand, by row."""
    num_dims = math.prod(experiment.frame_shape)
    weight = FixedSigma.from_beta(_SVG_BETA, "mean", num_dims).sigma
    return {
        name: dataclasses.replace(
            experiment, decoder="fixed_sigma", decoder_options={"sigma": sigma}
        )
        for name, sigma in ((_HAND_SET, weight), ("sigma 1", 1.0))
    }


def _by(recipe, experiment):
    """The recipe's model and training, with data and protocol of the experiment."""
    own = {name: getattr(experiment, name) for name in _SHARED}
    return type(experiment)(**recipe | own)


def _folder_name(row):
    """`SVG's weight` -> `svg_weight`."""
    words = re.findall(r"\w+", row.lower().replace("'s", "").replace("-", "_"))
    return "_".join(words)


def _draw(experiment, folders, output):
    """Truth and samples of several runs, of the same clips with the same noise."""
    length = experiment.num_context + experiment.eval_frames
    clips = experiment.shown_clips["frames"][:, :length]
    rows = [Row("truth", clips, predicted=False)]
    for name, folder in folders.items():
        model, _ = open_run(folder)
        rows += sample_rows(
            model,
            clips[:, : experiment.num_context],
            experiment.eval_frames,
            _NUM_SHOWN,
            seed=experiment.seed,
            actions=experiment.shown_clips.get("actions"),
            label=f"{name}, sample",
        )
    fps = playing_fps(experiment.test_clips)
    return write_rows(rows, experiment.num_context, output, fps=fps, name="compare")


def comparison_table(summaries) -> str:
    """A Markdown table of summaries, one row a run."""
    lines = [
        " | ".join(["", "decoder", *_COLUMNS, ""]).strip(),
        "|---" * (1 + len(_COLUMNS)) + "|",
    ]
    for name, summary in summaries.items():
        figures = [_figure(summary, column) for column in _COLUMNS]
        lines.append(" | ".join(["", name, *figures, ""]).strip())
    return "\n".join(lines)


def _figure(summary, column):
    """A figure of a summary as text; "-" where there is none.

    Clips without motion have no moved pixels, and runs of older versions fewer scores.
    """
    value = summary
    for key in _COLUMNS[column]:
        value = value and value.get(key)
    if value is None:
        return "-"
    return f"{math.sqrt(value) if column == 'rmse' else value:.4g}"
