"""From rounds to the result: medians, shares of the peak, ratios."""

import statistics

from benchmarking.rounds import ratio

# The name of the process that measures the machine itself.
PEAK = "peak"


def summarise(case, settings, ready, rounds) -> dict:
    """The figures of one case.

    Args:
        case: `Case`.
        settings: dict of variant -> its settings.
        ready: dict of variant -> the first line of its worker.
        rounds: list of dicts of variant -> figures of a turn, at least one.

    Returns:
        dict of `variants`, `ratios`, `wanted`, `peaks` (GFLOP per CPU-second).
    """
    peaks = _peaks(rounds)
    variants = {}
    items = {}
    for name, own in settings.items():
        figures = [row[name] for row in rounds]
        items[name] = ready[name]["items"] * own["steps"]
        peak = peaks.get(own["precision"], {}).get("convolution", {}).get("best")
        sizes = {key: own[key] for key in ("batch_size", "num_frames") if key in own}
        variants[name] = sizes | _variant(ready[name], own["steps"], figures, peak)
    pairs = case.ratios(list(variants))
    return {
        "unit": case.unit,
        "variants": variants,
        "ratios": {pair: ratio(rounds, *pair.split("/"), items) for pair in pairs},
        "wanted": {pair: case.wanted.get(pair) for pair in pairs},
        "peaks": peaks,
    }


def _variant(ready, steps, figures, peak):
    cpu = statistics.median(row["cpu"] for row in figures) / steps
    wall = statistics.median(row["wall"] for row in figures) / steps
    gflops = 2e-9 * ready["macs"] / cpu
    return {
        "cpu_s_per_step": cpu,
        "wall_s_per_step": wall,
        "frames_per_cpu_s": ready["items"] / cpu,
        "frames_per_s": ready["items"] / wall,
        "peak_mb": max(row["peak_mb"] for row in figures),
        "start_mb": ready["start_mb"],
        "first_step_s": ready["first_step_s"],
        "first_step_cpu_s": ready.get("first_step_cpu_s"),
        "gmac_per_step": 1e-9 * ready["macs"] or None,
        "share_of_peak": gflops / peak if peak and gflops else None,
        "retraces": figures[-1]["retraces"],
        "rounds": [{"cpu": row["cpu"], "wall": row["wall"]} for row in figures],
    }


def _peaks(rounds):
    """Precision -> kernel -> best and median rate over the rounds."""
    measured = [row[PEAK]["rates"] for row in rounds if PEAK in row]
    if not measured:
        return {}
    return {
        precision: {
            kernel: {
                "best": max(rates[precision][kernel] for rates in measured),
                "median": statistics.median(r[precision][kernel] for r in measured),
            }
            for kernel in kernels
        }
        for precision, kernels in measured[0].items()
    }
