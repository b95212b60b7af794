"""What the pictures have in common."""

# Okabe and Ito's colours, told apart by colour-blind readers too.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, RED = "#0072B2", "#D55E00"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 160,
}
STAR = {"marker": "*", "linestyle": "", "markersize": 12, "markeredgecolor": "white"}
ELBO = "-ELBO, nats per image"
BETA = "beta (sigma² = beta / 2)"


def two_axes(width=9.0, height=3.6):
    """A figure, and two axes side by side."""
    # Not through pyplot, which would keep every figure alive.
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots(1, 2)


def means(estimates) -> list:
    return [found.mean for found in estimates]


def spreads(estimates):
    """Lengths of error bars; none at all where every figure is of one seed."""
    lengths = [0.0 if found.count < 2 else found.spread for found in estimates]
    return lengths if any(lengths) else None


def plain_log(axis, low, high) -> None:
    """A logarithmic axis with ticks that are plain numbers, few enough to read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    subs = (1.0, 2.0, 5.0) if high / low < 100.0 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
