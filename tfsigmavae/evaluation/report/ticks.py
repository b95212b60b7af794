"""Numbers at the axes of drawings."""


def shorten(axes):
    """Plain numbers at the axes, thousands with a "k": there is little room."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    is_log = axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    if is_log:
        subs = (1.0, 2.0, 5.0) if high / low < 100.0 else (1.0,)
        few = high / low < 10.0
        axes.yaxis.set_major_locator(MaxNLocator(5) if few else LogLocator(subs=subs))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:  # steps of 2.5 would take a digit more
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if is_log or max(abs(low), abs(high)) >= 1e4:
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    if axes.get_xlim()[1] >= 1e4:
        axes.xaxis.set_major_formatter(FuncFormatter(_tick))


def _tick(value, _=None):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.6g}{unit}".replace("-", "−")
    return f"{value:.6g}".replace("-", "−")
