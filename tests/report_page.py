"""A page of a report as a test reads it."""

import html.parser
import re

_VOID = {"meta", "img", "br", "link", "input", "hr", "wbr"}


class Page(html.parser.HTMLParser):
    """Text, pictures, drawings and addresses of a page; its tags must be balanced."""

    def __init__(self, path):
        super().__init__()
        self.open, self.words, self.ids = [], [], []
        self.pictures, self.references, self.labels = [], [], []
        self.headings, self.cells, self.num_drawings = [], [], 0
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self._see(tag, attributes)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self._see(tag, attributes)
        assert tag in _VOID or "svg" in self.open, f"<{tag}/> is not of HTML"

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (self.open[-3:], tag)
        self.open.pop()

    def handle_data(self, data):
        data = " ".join(data.split())
        if not data or self.open[-1:] == ["style"]:
            return
        self.words.append(data)
        if self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)
        if self.open[-1] in ("td", "th", "strong"):
            self.cells.append(data)

    def _see(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        attributes = dict(attributes)
        self.num_drawings += tag == "svg" and "key" not in attributes.get("class", "")
        if tag == "img":
            self.pictures.append(attributes)
        for name, value in attributes.items():
            value = value or ""
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href"):
                self.references.append(value)
            if name == "aria-label":
                self.labels.append(value)
            self.references += re.findall(r"url\(([^)]*)\)", value)

    @property
    def said(self):
        """All text of the page in one."""
        return " ".join(self.words)


def check_page(page):
    """What holds for each page: names are unique, nothing is fetched from elsewhere."""
    assert len(page.ids) == len(set(page.ids))
    for reference in page.references:
        if reference.startswith("#"):
            assert reference[1:] in page.ids, reference
        else:
            assert reference.startswith("data:image/"), reference
    for picture in page.pictures:
        assert picture["alt"].strip() and picture["src"].startswith("data:image/")
    for scheme in ("http://", "https://", "@import", "<script"):
        assert scheme not in page.text
    assert page.headings and all(label.strip() for label in page.labels)
