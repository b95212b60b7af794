"""Writes the tables of docs/performance.md, each case between marks of its own.

Within them, every kind of processor that was measured keeps its own.
"""

import pathlib
import re

from benchmarking import plots

_COLUMNS = [
    ("variant", None),
    ("CPU s per step", "cpu_s_per_step"),
    ("{unit} per CPU s", "frames_per_cpu_s"),
    ("{unit} per s", "frames_per_s"),
    ("% of the convolution's peak", "share_of_peak"),
    ("peak memory, MB", "peak_mb"),
    ("first step, s", "first_step_s"),
    ("first step, CPU s", "first_step_cpu_s"),
    ("retraces", "retraces"),
]


def check_report(path, names) -> None:
    """Checks, before anything is measured, that the results can be written.

    Args:
        path: see `write_report`.
        names: of the cases.

    Raises:
        ValueError: if the file or the marks of a case are missing.
        ImportError: if a plot is needed, and Matplotlib not installed.
    """
    if not pathlib.Path(path).is_file():
        raise ValueError(f"'{path}' must be a file with the marks of each case.")
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for name in names:
        _split(text, name, path)
    if "scaling" in names:
        plots.check_matplotlib()


def write_report(results, path) -> None:
    """Replaces the tables of these cases, of this processor, in a Markdown file.

    The plot of the case "scaling" goes into the folder that is called as the file.

    Args:
        results: list of what `run_case` gave.
        path: file with the lines `<!-- NAME: begin -->` and `<!-- NAME: end -->` for
            every case.

    Raises:
        ValueError: if the marks of a case are missing; the file is then as before.
    """
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8")
    for result in results:
        before, old, after = _split(text, result["case"], path)
        tables = _of_processors(old) | {_processor(result): section(result)}
        shown = "\n".join(f"{_mark(name)}\n\n{tables[name]}" for name in tables)
        text = f"{before}\n{shown}\n{after}"
        if result["case"] == "scaling":
            plots.draw_scaling(result, path.with_suffix("") / "scaling.png")
    # Imports TensorFlow, which must not happen before the measurements.
    from tfsigmavae.files import write_text

    write_text(path, text)


def _split(text, name, path):
    """What stands before the section of a case, in it and after; marks go with them."""
    begin, end = (f"<!-- {name}: {mark} -->\n" for mark in ("begin", "end"))
    before, found_begin, rest = text.partition(begin)
    old, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(
            f"'{path}' must hold the lines '{begin.strip()}' and '{end.strip()}', "
            "between which the figures of the case go."
        )
    return before + begin, old, end + after


def _mark(processor):
    return f"<!-- processor: {processor} -->"


def _of_processors(text):
    """Processor -> its tables."""
    parts = re.split(f"^{_mark('(.*)')}\n", text, flags=re.MULTILINE)[1:]
    return {
        name: tables.strip() + "\n"
        for name, tables in zip(parts[::2], parts[1::2], strict=True)
    }


def _processor(result):
    found = result["environment"]
    return found["cpu"] + (f" ({', '.join(found['flags'])})" if found["flags"] else "")


def section(result) -> str:
    """Where and how it was measured, the variants, the ratios."""
    parts = [_circumstances(result), _variants(result)]
    if result["ratios"]:
        parts.append(_ratios(result))
    return "\n\n".join(parts) + "\n"


def _circumstances(result):
    found = result["environment"]
    others = found["others_cpu_share"]
    load = "" if others is None else f"; others used {100 * others:.0f} % of the cores"
    peaks = [
        f"{kernel} {precision} {rates['best']:.0f}"
        for precision, kernels in result["peaks"].items()
        for kernel, rates in kernels.items()
    ]
    return (
        f"{found['date'][:10]}, commit {found['commit']}, `{found['command']}`, "
        f"rounds: {result['num_rounds']}. "
        f"**{_processor(result)}**, {found['cores']} cores{load}. "
        f"TF_ENABLE_ONEDNN_OPTS: {found['onednn']}. "
        f"TensorFlow {found['tensorflow']}, Keras {found['keras']}. "
        f"Measured peak, GFLOP per CPU s: {', '.join(peaks)}."
    )


def _variants(result):
    rows = []
    for name, figures in result["variants"].items():
        cells = [name]
        for _, key in _COLUMNS[1:]:
            value = figures[key]
            cells.append(
                _number(100 * value if key == "share_of_peak" and value else value)
            )
        rows.append(cells)
    head = [title.format(unit=result["unit"]) for title, _ in _COLUMNS]
    return _table(head, rows)


def _ratios(result):
    rows = [
        [
            pair,
            f"{found['median']:.2f}",
            f"{found['min']:.2f} to {found['max']:.2f}",
            f"{found['wall']:.2f}",
            _number(result["wanted"][pair]),
        ]
        for pair, found in result["ratios"].items()
    ]
    wall = "by wall time"
    if result["environment"]["busy"]:
        wall += " (means little: the cores were shared)"
    head = [f"{result['unit']} per CPU s", "median", "range", wall, "wanted"]
    return _table(head, rows)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value):
    """Three digits, as a table wants them."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}"
