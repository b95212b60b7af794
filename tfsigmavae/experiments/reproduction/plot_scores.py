"""Pictures of convergence, and of the scores of every decoder."""

from tfsigmavae.experiments.reproduction.plan import CONVERGENCE, DISCRETE, VARIANTS
from tfsigmavae.experiments.reproduction.plot_style import (
    BLACK,
    BLUE,
    ELBO,
    GREEN,
    ORANGE,
    RED,
    SKY,
    means,
    plain_log,
    spreads,
    two_axes,
)

# How much worse than the best end a curve may be and still be seen.
_TALLEST = 1400.0


def draw_convergence(curves):
    """Validation -ELBO, and sigma, over the steps."""
    styles = zip(CONVERGENCE, [(RED, "-"), (ORANGE, "--"), (GREEN, "-.")], strict=True)
    shown = {
        key: style
        for key, style in styles
        if key in curves and curves[key]["negative_elbo"]
    }
    if not shown:
        return None
    figure, (left, right) = two_axes()
    for key, (color, line) in shown.items():
        found = curves[key]
        options = {"color": color, "linestyle": line, "label": VARIANTS[key].label}
        left.plot(found["step"], found["negative_elbo"], **options)
        right.plot(found["step"], found["sigma"], **options)
    last = min(curves[key]["negative_elbo"][-1] for key in shown)
    left.set_ylim(last - 50.0, last + _TALLEST)
    left.set(xlabel="step", ylabel=f"{ELBO} (validation)")
    right.set(xlabel="step", ylabel="sigma", yscale="log")
    plain_log(right.yaxis, *right.get_ylim())
    left.legend()
    return figure


def draw_scores(results):
    """Bits per dimension and Frechet distance, a line a decoder."""
    variants = results.variants()[::-1]
    if not variants:
        return None
    figure, (left, right) = two_axes(height=1.2 + 0.3 * len(variants))
    dots = [
        (left, "bits_per_dim", "density, bridged", "o", SKY, 0.13),
        (left, "bits_per_dim_mass", "exact mass of grey levels", "D", BLUE, -0.13),
        (right, "fd", "prior samples", "o", ORANGE, 0.13),
        (right, "fd_reconstructions", "reconstructions", "D", RED, -0.13),
    ]
    for axes, column, label, marker, color, shift in dots:
        style = {"fmt": marker, "color": color, "label": label}
        _plot_dots(axes, results, variants, column, shift, style)
    _mark_floor(right, results.figure("fd_floor"), len(variants))
    left.set(xlabel="bits per dimension")
    right.set(xlabel="Frechet distance")
    labels = [VARIANTS[key].label for key in variants]
    for axes, shown in [(left, labels), (right, [])]:
        axes.set_ylim(-0.6, len(variants) - 0.4)
        axes.set_yticks(range(len(variants)), shown or [""] * len(variants))
        axes.set_xscale("log")
        plain_log(axes.xaxis, *axes.get_xlim())
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def _plot_dots(axes, results, variants, column, shift, style):
    found = [
        (i, results.estimate(key, column))
        for i, key in enumerate(variants)
        # The bits of grey levels are their mass; a density has other ones.
        if not (column == "bits_per_dim" and key in DISCRETE)
    ]
    found = [(i, value) for i, value in found if value is not None]
    if found:
        values = [value for _, value in found]
        places = [i + shift for i, _ in found]
        bars = {"xerr": spreads(values), "capsize": 2, "markersize": 5}
        axes.errorbar(means(values), places, **bars, **style)


def _mark_floor(axes, floor, num_rows):
    if floor is None:
        return
    axes.axvline(floor, color=BLACK, linewidth=0.8, linestyle=":")
    options = {"textcoords": "offset points", "fontsize": 7}
    axes.annotate("real images", (floor, num_rows - 0.5), xytext=(3, -6), **options)
