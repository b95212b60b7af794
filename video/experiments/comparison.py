"""The calibrated decoder beside the same network with hand-set weights."""

import dataclasses
import math
import pathlib
import sys

from tfsigmavae.decoders import FixedSigma

# What the official SVG-LP training sets for BAIR and moving digits: KL weight on top of
# the squared error averaged over the pixels of a frame.
_SVG_BETA = 1e-4

_COLUMNS = {
    "sigma": lambda s: s.get("sigma", math.nan),
    "rmse": lambda s: math.sqrt(s["mse"]),
    "KL": lambda s: s["kl"],
    "PSNR reconstruction": lambda s: s["psnr"]["reconstruction"],
    "PSNR mean": lambda s: s["psnr"]["mean"],
    "PSNR best": lambda s: s["psnr"]["best"],
    "PSNR copy last": lambda s: s["psnr"]["copy_last"],
    "SSIM best": lambda s: s["ssim"]["best"],
    "sample std": lambda s: s["sample_std_moved"],
}


def compare(experiment, output, tensorboard=False) -> dict | None:
    """Trains the experiment, then twice more with a decoder whose sigma is set by hand.

    The rows share data, network, initial weights and number of steps:

        as asked      the experiment itself, in `output`
        SVG's weight  mean squared error + 1e-4 KL, which is sigma = sqrt(1e-4 * D / 2)
        sigma 1       summed squared error / 2 + KL

    Args:
        experiment: `VideoExperiment`.
        output: run folder; the two baselines go to `output/compare/`, and the table to
            `output/compare.md`.
        tensorboard: bool. Defaults to `False`.

    Returns:
        Summary of the experiment with a `compare` entry: row name -> its summary.
        `None` if Ctrl-C ended training.
    """
    output = pathlib.Path(output)
    num_dims = math.prod(experiment.frame_shape)
    svg_sigma = FixedSigma.from_beta(_SVG_BETA, "mean", num_dims).sigma

    def fixed(sigma):
        options = {"sigma": sigma}
        return dataclasses.replace(
            experiment, decoder="fixed_sigma", decoder_options=options
        )

    runs = {
        experiment.decoder: (experiment, output),
        "SVG's weight": (
            fixed(svg_sigma),
            output / "compare" / "svg_weight",
        ),
        "sigma 1": (
            fixed(1.0),
            output / "compare" / "sigma_1",
        ),
    }
    summaries = {}
    for name, (run, folder) in runs.items():
        summaries[name] = run.run(folder, tensorboard=tensorboard)
        if summaries[name] is None:
            return None
    table = comparison_table(summaries)
    print(table, file=sys.stderr)
    (output / "compare.md").write_text(table + "\n")
    return {**summaries[experiment.decoder], "compare": summaries}


def comparison_table(summaries) -> str:
    """A Markdown table of summaries, one row a run."""
    lines = [
        " | ".join(["", "decoder", *_COLUMNS, ""]).strip(),
        "|---" * (1 + len(_COLUMNS)) + "|",
    ]
    for name, summary in summaries.items():
        figures = [f"{column(summary):.4g}" for column in _COLUMNS.values()]
        lines.append(" | ".join(["", name, *figures, ""]).strip())
    return "\n".join(lines)
