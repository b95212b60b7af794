"""Scores as a tidy table: a row is one number and all that it belongs to."""

import csv

import numpy as np

from tfsigmavae import files

COLUMNS = ("clip", "source", "sample", "step", "metric", "value")


def write_tidy_csv(path, blocks):
    """Writes `metrics.csv`, whole or not at all.

    Args:
        path: file to write.
        blocks: iterable of (source, metric, values, first_step). `values` is `[N, T]`,
            or `[N, S, T]` where each sample has its own; steps count on from
            `first_step`. Images, `[N]`, have neither. NaN is left empty.
    """
    with (
        files.whole(path) as partial,
        partial.open("w", newline="") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for source, metric, values, first_step in blocks:
            writer.writerows(_rows(source, metric, np.asarray(values), first_step))


def _rows(source, metric, values, first_step):
    has_steps, has_samples = values.ndim > 1, values.ndim == 3
    for index in np.ndindex(values.shape):
        value = values[index]
        yield (
            index[0],
            source,
            index[1] if has_samples else "",
            first_step + index[-1] if has_steps else "",
            metric,
            "" if np.isnan(value) else f"{value:.6g}",
        )
