"""Pictures along beta: rate, distortion, ELBO, information."""

from tfsigmavae.experiments.reproduction.plan import BETAS, VARIANTS
from tfsigmavae.experiments.reproduction.plot_style import (
    BETA,
    BLACK,
    BLUE,
    ELBO,
    GREEN,
    ORANGE,
    RED,
    SKY,
    STAR,
    means,
    plain_log,
    spreads,
    two_axes,
)

# A beta far too small would flatten everything else.
_TALLEST = 2500.0


def draw_rate_distortion(results):
    """Root MSE over rate, and -ELBO over beta, with the sigma-VAE's points."""
    if not _along_beta(results, "kl")[0]:
        return None
    figure, (left, right) = two_axes()
    _plot_distortion(results, left)
    _plot_elbo(results, right)
    return figure


def _along_beta(results, column):
    """Betas that were run, ascending, and their estimates."""
    pairs = [(VARIANTS[key].beta, results.estimate(key, column)) for key in BETAS]
    pairs = sorted((beta, found) for beta, found in pairs if found is not None)
    return [beta for beta, _ in pairs], [found for _, found in pairs]


def _plot_distortion(results, axes):
    betas, rates = _along_beta(results, "kl")
    points = list(
        zip(means(rates), means(_along_beta(results, "rmse")[1]), strict=True)
    )
    axes.plot(*zip(*points, strict=True), "o-", color=BLUE, label="beta-VAE")
    for beta, point in zip(betas, points, strict=True):
        options = {"textcoords": "offset points", "fontsize": 7, "color": BLUE}
        axes.annotate(f"{beta:g}", point, xytext=(4, 4), **options)
    for key, style in [
        ("optimal", {"color": RED, "zorder": 3, **STAR}),
        ("shared_fast", {"color": ORANGE, **STAR, "marker": "D", "markersize": 6}),
        ("shared", {"color": GREEN, **STAR, "marker": "s", "markersize": 6}),
        ("per_image", {"color": BLACK, **STAR, "marker": "^", "markersize": 6}),
    ]:
        rate, error = results.estimate(key, "kl"), results.estimate(key, "rmse")
        if rate is not None:
            axes.plot(rate.mean, error.mean, label=VARIANTS[key].label, **style)
    axes.set(xlabel="rate, KL in nats per image", ylabel="root mean squared error")
    axes.set_xscale("log")
    plain_log(axes.xaxis, *axes.get_xlim())
    axes.legend()


def _plot_elbo(results, axes):
    for column, style, color, label in [
        ("negative_elbo", "o-", BLUE, "own sigma"),
        ("negative_elbo_recalibrated", "s--", SKY, "sigma recalibrated"),
    ]:
        betas, found = _along_beta(results, column)
        options = {"fmt": style, "color": color, "label": f"beta-VAE, {label}"}
        axes.errorbar(betas, means(found), spreads(found), capsize=2, **options)
    optimal = results.estimate("optimal", "negative_elbo")
    if optimal is not None:
        beta = results.estimate("optimal", "effective_beta").mean
        label = "optimal sigma, at beta = 2 sigma²"
        axes.axhline(optimal.mean, color=RED, linewidth=0.8)
        axes.plot(beta, optimal.mean, color=RED, label=label, zorder=3, **STAR)
        worst = max(means(_along_beta(results, "negative_elbo")[1]))
        top = min(worst, optimal.mean + _TALLEST)
        axes.set_ylim(optimal.mean - 150.0, top + 150.0)
    axes.set(xscale="log", xlabel=BETA, ylabel=ELBO)
    axes.legend()


def draw_information(results):
    """The rate, and the bounds of its two parts."""
    if not _along_beta(results, "information")[0]:
        return None
    figure, (left, right) = two_axes()
    bounds = "information", "information_limit"
    _plot_part(results, left, bounds, GREEN, "information I(x; z)")
    bounds = "prior_gap_limit", "prior_gap"
    _plot_part(results, right, bounds, ORANGE, "gap KL(m(z) || p(z))")
    limit, num = results.figure("log_count"), results.figure("num_test")
    label = f"log N, the most that N = {num} tell"
    left.axhline(limit, color=BLACK, linewidth=0.8, label=label)
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel=BETA, ylabel="nats per image")
        plain_log(axes.yaxis, *axes.get_ylim())
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)
    return figure


def _plot_part(results, axes, bounds, color, label):
    betas, rates = _along_beta(results, "kl")
    axes.plot(betas, means(rates), "o-", color=BLUE, label="rate of beta-VAEs")
    low, high = (means(_along_beta(results, column)[1]) for column in bounds)
    axes.fill_between(
        betas, low, high, color=color, alpha=0.3, linewidth=0, label=f"{label}, bounds"
    )
    axes.plot(betas, low, ":", color=color)
    axes.plot(betas, high, "--", color=color)
    beta = results.estimate("optimal", "effective_beta")
    if beta is not None:
        ends = [results.estimate("optimal", column).mean for column in bounds]
        rate = results.estimate("optimal", "kl").mean
        label = "optimal sigma: rate, bounds"
        axes.plot([beta.mean] * 2, ends, "-", color=RED, linewidth=2)
        axes.plot(beta.mean, rate, color=RED, label=label, zorder=3, **STAR)
