"""Likelihood: of all frames, frame by frame, and of single clips."""

from tfsigmavae.evaluation.report import drawing
from tfsigmavae.evaluation.report.blocks import (
    Cell,
    Group,
    Note,
    Plot,
    Plots,
    Row,
    Section,
    Table,
)
from tfsigmavae.evaluation.report.numbers import estimate, is_number, number
from tfsigmavae.evaluation.report.run import keys_of, labelled

_LABELS = {
    "elbo": "ELBO, nats",
    "bound": "importance-weighted bound, nats",
    "nll": "−log p(x | z), nats",
    "kl": "rate (KL), nats",
    "bits_per_dim": "bits per dimension (density)",
    "bits_per_dim_bound": "bits per dimension of the bound",
    "bits_per_dim_mass": "bits per dimension (exact mass)",
    "num_importance_samples": "importance samples of the bound",
    "num_dims": "dimensions",
}
# What runs with other decoders are compared by.
_MASS = "bits_per_dim_mass"
_COMPARED = (
    " Runs with other decoders are compared by the exact mass (★ the best): some "
    "decoders give densities, and some probabilities of grey levels."
)
# Curve by frame -> its title, its error, how to read it.
_FRAMES = {
    "log_likelihood": (
        "Log likelihood by frame",
        "error",
        "log p of a frame, given those before it: one with less was harder to foresee.",
    ),
    "kl": (
        "Rate by frame",
        "kl_error",
        "What the latents tell of a frame that those before it do not.",
    ),
}
_KINDS = {"most": "most surprising", "median": "median", "least": "least surprising"}


def section(runs) -> Section | None:
    """Numbers, the curve by frame, and surprise curves of clips."""
    names = [n for n in keys_of(runs, "likelihood") if n not in ("frames", "measure")]
    blocks = []
    if names:
        rows = [
            Row(_LABELS.get(name, name.replace("_", " ")), _cells(runs, name))
            for name in names
        ]
        columns = [(run.label if len(runs) > 1 else "", "") for run in runs]
        blocks.append(Table("Mean ± standard error", columns, [Group("", rows)]))
        blocks.append(
            Note(
                "ELBO and bound lie below log p(x), the bound closer; more is better. "
                "Of bits per dimension, fewer are better."
                + (_COMPARED if len(runs) > 1 and _MASS in names else "")
            )
        )
    plots = [_frames(runs, name) for name in _FRAMES]
    plots += [_surprise(run, runs) for run in runs]
    plots = [plot for plot in plots if plot is not None]
    if plots:
        blocks.append(Plots("", plots))
    return Section("likelihood", "Likelihood", blocks) if blocks else None


def _cells(runs, name):
    cells = []
    best = _best(runs) if name == _MASS else None
    for run in runs:
        value = run.part("likelihood").get(name)
        if isinstance(value, dict):
            mark = "★" if run is best else ""
            cells.append(Cell(estimate(value.get("mean"), value.get("error")), mark))
        else:
            cells.append(Cell(number(value)))
    return cells


def _best(runs):
    """The run of several whose exact mass needs the fewest bits, or `None`."""
    found = []
    for run in runs:
        value = run.part("likelihood").get(_MASS)
        if isinstance(value, dict) and is_number(value.get("mean")):
            found.append((value["mean"], run))
    return min(found, key=lambda pair: pair[0])[1] if len(found) > 1 else None


def _frames(runs, name):
    title, error, reading = _FRAMES[name]
    lines = []
    for look, run in enumerate(runs):
        frames = run.part("likelihood").get("frames") or {}
        if frames.get(name):
            values = frames["frame"], frames[name], frames.get(error)
            lines.append(drawing.Line(labelled(run, "mean", runs), *values, look))
    if not lines:
        return None
    svg = drawing.curves(lines, "frame", "nats per frame")
    alt = f"{title} in nats, over the frames of a clip"
    return Plot(title, svg, alt, f"{reading} Bands are one standard error.")


def _surprise(run, runs):
    found = run.part("surprise")
    lines = []
    for clip in found.get("clips") or []:
        kind = _KINDS.get(clip.get("kind"), str(clip.get("kind")))
        name = clip.get("name") or f"clip {clip.get('clip')}"
        x = clip["frame"]
        line = drawing.Line(f"{kind}: {name}", x, clip["nats"], None, len(lines))
        lines.append(line)
    mean = found.get("mean")
    if mean and lines:
        x = lines[0].x  # the frames of a mean are those of the clips
        lines.append(drawing.Line("mean of all clips", x, mean, None, len(lines)))
    if not lines:
        return None
    return Plot(
        "Surprise of clips" if len(runs) == 1 else f"Surprise of clips, {run.label}",
        drawing.curves(lines, "frame", "−log p, nats per frame"),
        f"Surprise over the frames: {', '.join(line.label for line in lines)}",
        "How unlikely the model held each frame to be, knowing those before it: a peak "
        "is a surprise.",
    )
