"""What the sections of the report are made of; the template knows how each looks."""

from typing import NamedTuple


class Note(NamedTuple):
    """A paragraph; `kind` is `"text"`, `"warning"` or `"lead"`."""

    text: str
    kind: str = "text"


class Cell(NamedTuple):
    """A figure of a table; the best of its column has a mark."""

    text: str
    mark: str = ""


class Row(NamedTuple):
    """A row of a table; `kind` is `"model"`, `"baseline"`, `"reference"` ..."""

    label: str
    cells: list
    kind: str = "model"


class Group(NamedTuple):
    """Rows under a heading of their own; none where it is empty."""

    label: str
    rows: list


class Table(NamedTuple):
    """Rows of figures; `columns` are pairs of a heading and a line below it."""

    caption: str
    columns: list
    groups: list
    corner: str = ""
    note: str = ""


class Plot(NamedTuple):
    """A `Drawing`, how to read it, and what it says here."""

    title: str
    drawing: tuple
    alt: str
    reading: str = ""
    verdicts: list = []


class Plots(NamedTuple):
    """Plots side by side, under a heading of their own unless it is empty."""

    title: str
    plots: list


class Facts(NamedTuple):
    """Names and values that are read when wanted; shown at once where `is_open`."""

    title: str
    rows: list
    is_open: bool = False


class Gallery(NamedTuple):
    """Pictures under a heading of their own."""

    title: str
    pictures: list


class Section(NamedTuple):
    """A part of the page with an entry in its table of contents."""

    key: str
    title: str
    blocks: list
