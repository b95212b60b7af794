"""The pictures of the report, one study each."""

import numpy as np

from tfsigmavae.backend import require
from tfsigmavae.experiments.reproduction.plan import VARIANTS
from tfsigmavae.experiments.reproduction.plot_beta import (
    draw_information,
    draw_rate_distortion,
)
from tfsigmavae.experiments.reproduction.plot_scores import (
    draw_convergence,
    draw_scores,
)
from tfsigmavae.experiments.reproduction.plot_style import STYLE

CAPTIONS = {
    "rate_distortion": "Rate and distortion along beta, and the choice of beta",
    "convergence": "Convergence of optimal and learned sigma",
    "scores": "Bits per dimension and Frechet distance (bars: one standard deviation "
    "over seeds)",
    "information": "Where the rate goes, along beta",
    "samples": "Samples from the prior (decoder means)",
    "reconstructions": "Reconstructions of test images (decoder means)",
}


def draw_plots(results, curves, pictures, folder) -> dict:
    """Draws every picture of a study for which there are results.

    Args:
        results: `Results`.
        curves: variant -> what `scores.curve` gave, of one seed.
        pictures: variant -> dict of uint8 `samples`, `reconstructions`, `images`.
        folder: where to write `NAME.png`.

    Returns:
        dict of caption -> path.

    Raises:
        ImportError: if Matplotlib is not installed.
    """
    matplotlib = require("matplotlib", "reproduce")
    matplotlib.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    with matplotlib.rc_context(STYLE):
        figures = {
            "rate_distortion": draw_rate_distortion(results),
            "convergence": draw_convergence(curves),
            "scores": draw_scores(results),
            "information": draw_information(results),
            "samples": _draw_images(pictures, "samples"),
            "reconstructions": _draw_images(pictures, "reconstructions"),
        }
        for name, figure in figures.items():
            if figure is not None:
                paths[CAPTIONS[name]] = folder / f"{name}.png"
                figure.savefig(folder / f"{name}.png", bbox_inches="tight")
    return paths


def _draw_images(pictures, name, num_columns=16):
    """A row of images a decoder, its label beside it."""
    from matplotlib.figure import Figure

    if not pictures:
        return None
    rows = {key: pictures[key][name] for key in VARIANTS if key in pictures}
    rows = {VARIANTS[key].label: images for key, images in rows.items()}
    if name == "reconstructions":
        rows = {"test images": next(iter(pictures.values()))["images"], **rows}
    figure = Figure((9.0, 0.47 * len(rows)))
    all_axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    figure.subplots_adjust(0, 0, 1, 1, hspace=0.04)
    for axes, (label, images) in zip(all_axes, rows.items(), strict=True):
        strip = np.concatenate(list(images[:num_columns]), axis=1)
        axes.imshow(strip.squeeze(), cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        axes.spines[:].set_visible(False)
    return figure
