"""Rate of the latents, and how many of them are used."""

from tfsigmavae.evaluation.report import drawing
from tfsigmavae.evaluation.report.blocks import Note, Plot, Plots, Section
from tfsigmavae.evaluation.report.numbers import is_number, number
from tfsigmavae.evaluation.report.run import labelled


def section(runs) -> Section | None:
    """A drawing a run: its latents by falling rate."""
    notes, plots = [], []
    for index, run in enumerate(runs):
        rates = run.part("rates")
        mean = sorted(filter(is_number, rates.get("mean") or []), reverse=True)
        if not mean:
            continue
        unit, threshold = str(rates.get("unit", "nats")), rates.get("threshold")
        told = labelled(run, _told(rates, mean, unit), runs)
        level = ("threshold", threshold) if is_number(threshold) else None
        svg = drawing.bars(mean, "latent, by rate", f"rate, {unit}", level, index)
        notes.append(Note(told))
        title = "Rate per latent" if len(runs) == 1 else f"Rate per latent, {run.label}"
        alt = f"Bars of the rate of {len(mean)} latents from {mean[0]:.3g} to "
        plots.append(Plot(title, svg, f"{alt}{mean[-1]:.3g} {unit}"))
    if not plots:
        return None
    return Section("latents", "Latents", [*notes, Plots("", plots)])


def _told(rates, mean, unit):
    total = f"together they carry {number(sum(mean))} {unit}"
    if rates.get("active") is None:
        return f"{len(mean)} latents; {total}."
    told = f"{rates['active']} of {len(mean)} latents are active"
    if is_number(rates.get("threshold")):
        told += f" ({rates['threshold']:g} {unit} or more)"
    return f"{told}; {total}."
