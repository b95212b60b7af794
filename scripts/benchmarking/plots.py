"""Cost and memory of a training step against the number of frames in it."""

import importlib.util
import pathlib

_PANELS = [
    ("CPU seconds per step", "cpu_s_per_step"),
    ("frames per CPU second", "frames_per_cpu_s"),
    ("peak memory, MB", "peak_mb"),
]


def draw_scaling(result, path) -> pathlib.Path:
    """Draws the case "scaling": along the batch size, and along the clip length.

    Args:
        result: what `run_case` gave.
        path: PNG file to write.

    Raises:
        ImportError: if Matplotlib is not installed.
    """
    check_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    # Imports TensorFlow, which must not happen before the measurements.
    from tfsigmavae.experiments.reproduction.plot_style import BLUE, RED, STYLE
    from tfsigmavae.files import whole

    with matplotlib.rc_context(STYLE), whole(path) as partial:
        # Not through pyplot, which would keep every figure alive.
        figure = Figure((9.0, 3.0), layout="constrained")
        all_axes = figure.subplots(1, len(_PANELS))
        for axes, (title, key) in zip(all_axes, _PANELS, strict=True):
            axes.margins(0.1)
            lines = series(result["variants"], key)
            for (label, points), colour in zip(lines.items(), (BLUE, RED), strict=True):
                axes.plot(*zip(*points, strict=True), "o-", color=colour, label=label)
            axes.set(title=title, xlabel="frames in a step (clips x length)")
            axes.set(xlim=(0, None), ylim=(0, None))
        all_axes[0].legend()
        figure.savefig(partial, format="png", bbox_inches="tight")
    return pathlib.Path(path)


def check_matplotlib() -> None:
    """Raises an ImportError unless Matplotlib is installed."""
    # Not by `tfsigmavae.backend.require`, which would import TensorFlow here too.
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError(
            "`matplotlib` is needed for the plot and is not installed. "
            'Install it with: pip install "tfsigmavae[reproduce]"'
        )


def series(variants, key) -> dict:
    """Label -> points (frames of a step, figure), the smaller steps first.

    Args:
        variants: dict of name -> figures; the one in common to both lines is the only
            one with the batch size of the second and the length of the first.
        key: of the figures.
    """
    rows = variants.values()
    clip_length = next(v["num_frames"] for n, v in variants.items() if "batch_" in n)
    batch_size = next(v["batch_size"] for n, v in variants.items() if "frames_" in n)
    lines = {
        "batch size grows": [v for v in rows if v["num_frames"] == clip_length],
        "clips grow longer": [v for v in rows if v["batch_size"] == batch_size],
    }
    return {
        label: sorted((v["batch_size"] * v["num_frames"], v[key]) for v in kept)
        for label, kept in lines.items()
    }
