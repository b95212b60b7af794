"""The page of a run: read back by a parser of HTML."""

import html.parser
import urllib.parse

import numpy as np

from tfsigmavae.experiments.report import write_report
from tfsigmavae.pictures import write_png


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.pictures, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
        elif tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open[-1] != "style":
            self.words.append(data.strip())


def test_page_shows_pictures_and_tables(tmp_path):
    picture = tmp_path / "run" / "samples" / "a #1.png"
    write_png(picture, np.zeros([4, 4, 3], np.uint8))
    tables = {
        "Scores": {"psnr": {"best": 21.43219, "mean": 20}, "held_out": True},
        "Options": {"data": "<clips> & more", "model_options": {}, "sizes": [1, 2]},
    }
    page = write_report(
        tmp_path / "run" / "report.html", "my <run>", {"Futures": picture}, tables
    )
    found = Page(page.read_text(encoding="utf-8"))
    assert not found.open
    assert (page.parent / urllib.parse.unquote(found.pictures[0])).is_file()
    assert found.words == [
        *["my <run>", "my <run>", "Futures"],
        *["Scores", "psnr.best", "21.432", "psnr.mean", "20", "held_out", "True"],
        *["Options", "data", "<clips> & more", "model_options", "{}"],
        *["sizes", "[1, 2]"],
    ]
