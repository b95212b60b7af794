"""Tables of numbers in text files."""

import re
from typing import Any

import numpy as np

from tfsigmavae.inputs import read_bytes


def read_csv(file) -> np.ndarray:
    """Reads a table of numbers from a text file.

    Args:
        file: `pathlib.Path`. A row is a line, its numbers separated by commas,
            semicolons or blanks. A first line that is no numbers is a header.

    Returns:
        float64 `[rows, columns]`.

    Raises:
        ValueError: if it holds something else; the message names the line.
    """
    cells = _lines_of_cells(file)
    first: Any = next(iter(cells), None)
    if cells and not any(map(_is_number, cells[first])):  # a header
        del cells[first]
    if not cells:
        raise ValueError("it holds no numbers")
    num_columns = len(next(iter(cells.values())))
    for number, row in cells.items():
        if len(row) != num_columns or not all(map(_is_number, row)):
            raise ValueError(f"line {number} is not {num_columns} numbers")
    return np.array([list(map(float, row)) for row in cells.values()])


def begins_with_column_numbers(file) -> bool:
    """Whether the first line of a table is 0, 1, ...: what pandas calls columns.

    One column may well begin with the number 0: there it is told by the others, where
    they have decimals.

    Args:
        file: see `read_csv`.
    """
    first, *others = _lines_of_cells(file).values()
    if first != [str(number) for number in range(len(first))]:
        return False
    return len(first) > 1 or any("." in cell for row in others for cell in row)


def _lines_of_cells(file):
    text = read_bytes(file).decode("utf-8-sig")
    lines = enumerate(text.splitlines(), 1)
    return {number: _cells(line) for number, line in lines if line.strip()}


def _cells(line):
    separator = next((s for s in (",", ";") if s in line), r"\s+")
    return re.split(separator, line.strip())


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
