"""A page that shows a finished run: its pictures, scores and options."""

import html
import os
import pathlib
import urllib.parse

from tfsigmavae import files

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; background: #fff; }
img { max-width: 100%; image-rendering: pixelated; }
table { border-collapse: collapse; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #ddd; }
td + td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
"""


def write_report(
    path, title: str, pictures: dict, tables: dict, explanation: str = ""
) -> pathlib.Path:
    """Writes an HTML page that needs no other file but the pictures beside it.

    Args:
        path: file to write, such as `runs/demo/report.html`.
        title: heading.
        pictures: caption -> path of a picture in the page's folder or below it.
        tables: heading -> dict of name -> value; dicts in it are joined to
            "name.name".
        explanation: what stands below the heading. Defaults to nothing.

    Returns:
        `path` as a `pathlib.Path`.
    """
    path = pathlib.Path(path)
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if explanation:
        parts.append(f"<p>{html.escape(explanation)}</p>")
    for caption, picture in pictures.items():
        relative = pathlib.Path(os.path.relpath(picture, path.parent))
        source = urllib.parse.quote(relative.as_posix())
        caption = html.escape(caption)
        parts.append(f'<h2>{caption}</h2>\n<img src="{source}" alt="{caption}">')
    for heading, rows in tables.items():
        cells = [
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(_shown(value))}</td></tr>"
            for name, value in _flat(rows)
        ]
        table = "\n".join(["<table>", *cells, "</table>"])
        parts.append(f"<h2>{html.escape(heading)}</h2>\n{table}")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    body = "\n".join(parts)
    return files.write_text(
        path, f"<!doctype html>\n<html lang=en>\n<head>{head}</head>\n{body}\n</html>\n"
    )


def _flat(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value):
    return f"{value:.5g}" if isinstance(value, float) else str(value)
