"""Measures processes in turn, the order reversed every round."""

import statistics


def measure_rounds(processes, num_rounds, say=None):
    """Gives every process its turn, round after round.

    One round more goes before, uncounted: caches and allocators warm up. A signal or a
    process that ends early stops it; the complete rounds count.

    Args:
        processes: dict of name -> object with `go() -> dict`.
        num_rounds: int >= 1.
        say: function that takes progress lines.

    Returns:
        list of rounds, each a dict of name -> figures, and what stopped it or `None`.
    """
    rounds = []
    try:
        for number in range(num_rounds + 1):
            figures = _one_round(processes, reverse=number % 2 == 1)
            if number:
                rounds.append(figures)
            if say:
                say(_line(number, num_rounds, figures))
    except KeyboardInterrupt:
        return rounds, "interrupted"
    except ChildProcessError as error:
        return rounds, str(error)
    return rounds, None


def _one_round(processes, reverse):
    names = list(processes)
    order = names[::-1] if reverse else names
    figures = {name: processes[name].go() for name in order}
    return {name: figures[name] for name in names}


def _line(number, num_rounds, figures):
    label = f"round {number}/{num_rounds}" if number else "warm-up"
    times = ", ".join(f"{name} {row['cpu']:.2f}" for name, row in figures.items())
    return f"  {label}, CPU s: {times}"


def ratio(rounds, first, second, items) -> dict:
    """Items per CPU-second of `first` over those of `second`, within each round.

    Args:
        rounds: as of `measure_rounds`.
        first, second: names.
        items: dict of name -> items of a turn.

    Returns:
        dict of `median`, `min`, `max`, and `wall`, the median by wall time.
    """
    scale = items[first] / items[second]

    def ratios(clock):
        return [scale * row[second][clock] / row[first][clock] for row in rounds]

    cpu = ratios("cpu")
    return {
        "median": statistics.median(cpu),
        "min": min(cpu),
        "max": max(cpu),
        "wall": statistics.median(ratios("wall")),
    }
