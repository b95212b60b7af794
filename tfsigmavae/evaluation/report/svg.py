"""Drawings of matplotlib as SVG that takes its colours from the page."""

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

# Okabe and Ito's colours and a grey, told apart by colour-blind readers too. The page
# has a lighter set of them for a dark background: `--line-1` ...
LINES = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    "#010101",  # black, which is white on a dark page
    "#7d7d7d",
)
# Stand-ins for colours that only the page knows.
TEXT, GRID = "#0a0b0c", "#0a0b0d"
_VARIABLES = {TEXT: "currentColor", GRID: "var(--grid)"} | {
    colour: f"var(--line-{number}, {colour})" for number, colour in enumerate(LINES, 1)
}
_PREFIX = "drawing"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-4, 5),
    "axes.formatter.useoffset": False,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}


def style():
    """A context in which figures look as those of the page."""
    import matplotlib

    return matplotlib.rc_context(_STYLE)


def colour_of_page(colour) -> str:
    """What the page calls one of `LINES`, `TEXT` or `GRID`."""
    return _VARIABLES[colour]


def to_svg(figure) -> str:
    """A figure of matplotlib as an element of HTML; its text stays text.

    Within `style()`. `with_number` gives the names in it a number of their own.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    written = io.BytesIO()
    metadata = dict.fromkeys(["Date", "Creator", "Format", "Type"])
    FigureCanvasSVG(figure).print_svg(written, metadata=metadata)
    root = ET.fromstring(written.getvalue())
    _strip(root)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    _rename(root)
    return ET.tostring(root, encoding="unicode")


def with_number(svg: str, number: int) -> str:
    """The same drawing with names that no other one on the page has."""
    return re.sub(rf'(id="|href="#|url\(#){_PREFIX}-', rf"\g<1>{_PREFIX}{number}-", svg)


def _strip(root):
    """Takes out name spaces, metadata and the style sheet, which is the page's."""
    for parent in root.iter():
        parent.tag = parent.tag.rpartition("}")[2]
        parent.attrib = {
            name.rpartition("}")[2]: value for name, value in parent.attrib.items()
        }
        parent.tail = (parent.tail or "").strip()
        parent.text = (parent.text or "").strip()
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)


def _rename(root):
    """Colours by the page's names; only names that something refers to stay."""
    wanted = {}
    for element in root.iter():
        for value in element.attrib.values():
            for name in re.findall(r"^#(\S+)$|url\(#([^)]+)\)", value):
                name = "".join(name)
                wanted.setdefault(name, f"{_PREFIX}-{len(wanted)}")
    for element in root.iter():
        if element.attrib.get("id") in wanted:
            element.attrib["id"] = wanted[element.attrib["id"]]
        else:
            element.attrib.pop("id", None)
        for name, value in element.attrib.items():
            element.attrib[name] = _renamed(name, value, wanted)


def _renamed(name, value, wanted):
    if name == "href":
        return f"#{wanted[value[1:]]}"
    if name == "clip-path":
        return re.sub(r"#([^)]+)", lambda found: f"#{wanted[found[1]]}", value)
    if name == "style":
        value = re.sub(
            "#[0-9a-f]{6}", lambda found: _VARIABLES.get(found[0], found[0]), value
        )
        return re.sub(r"'[^']*', |'[^']*',", "", value)  # the fonts of this machine
    if name in ("d", "x", "y", "transform", "points"):  # in hundredths of a point
        return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", value)
    return value
