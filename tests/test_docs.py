"""The site of docs/ builds without a warning, and its pages are whole."""

import html.parser
import importlib
import importlib.util
import inspect
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEEDED = ("mkdocs", "material", "mkdocstrings")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"no {', '.join(MISSING)}: pip install -e '.[docs]'"
    ),
]

# What the reference tells all of.
PACKAGES = {
    "tfsigmavae.calibration": "evaluation",
    "tfsigmavae.callbacks": "callbacks",
    "tfsigmavae.checkpoints": "runs",
    "tfsigmavae.data.images": "data",
    "tfsigmavae.decoders": "decoders",
    "tfsigmavae.distributions": "distributions",
    "tfsigmavae.downloads": "data",
    "tfsigmavae.evaluation": "evaluation",
    "tfsigmavae.experiments": "runs",
    "tfsigmavae.layers": "layers",
    "tfsigmavae.metrics": "metrics",
    "tfsigmavae.metrics.extractors": "metrics",
    "tfsigmavae.models": "models",
    "tfsigmavae.pictures": "data",
    "tfsigmavae.runs": "runs",
    "tfsigmavae_video": "video",
}
# Titles of docstrings, which the pages show as titles and not as they are written.
TITLES = r"\s*(Args|Call arguments|Returns|Raises|Examples?|Attributes):\s+\S"


class _Page(html.parser.HTMLParser):
    """Links, what is loaded, anchors, and the paragraphs of a page without code."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.ids, self.paragraphs = [], [], set(), [""]
        self._code = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self._code += tag in ("code", "pre", "script", "style")
        if tag == "p":
            self.paragraphs.append("")
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        if tag in ("img", "script", "iframe") and "src" in attrs:
            self.loaded.append(attrs["src"])
        if tag == "link" and attrs.get("rel") in ("stylesheet", "icon", "preconnect"):
            self.loaded.append(attrs["href"])

    def handle_endtag(self, tag):
        if tag == "p":
            self.paragraphs.append("")
        self._code -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data):
        if not self._code:
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site, and its pages by their paths."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
    paths = [path for path in folder.rglob("*.html") if path.name != "404.html"]
    return folder, {path: _Page(path) for path in paths}


def test_every_page_of_docs_is_there(site):
    folder, pages = site
    docs = ROOT / "docs"
    wanted = {
        page.relative_to(docs).with_suffix(".html") for page in docs.rglob("*.md")
    }
    wanted |= {pathlib.Path("index.html"), pathlib.Path("changelog.html")}
    assert {path.relative_to(folder) for path in pages} == wanted


def _target(path, link):
    url = urllib.parse.urlsplit(link)
    target = path if not url.path else path.parent / urllib.parse.unquote(url.path)
    return target.resolve(), urllib.parse.unquote(url.fragment)


def test_links_within_the_site_lead_somewhere(site):
    folder, pages = site
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            if urllib.parse.urlsplit(link).scheme:
                continue
            target, anchor = _target(path, link)
            if target.is_dir():
                target /= "index.html"
            assert target.is_file(), f"{path.relative_to(folder)}: {link}"
            if anchor and target in pages:
                assert anchor in pages[target].ids, f"{path.name}: {link}"


def test_a_page_is_readable_without_the_internet(site):
    for path, page in site[1].items():
        foreign = [link for link in page.loaded if urllib.parse.urlsplit(link).netloc]
        assert not foreign, f"{path.name} loads {foreign}"


def test_links_to_the_repository_lead_to_its_files(site):
    repository = re.search(r"repo_url: (\S+)", (ROOT / "mkdocs.yml").read_text())[1]
    assert f'REPOSITORY = "{repository}"' in (ROOT / "setup.py").read_text()
    found = 0
    for page in site[1].values():
        for link in page.links:
            if link.startswith(repository + "/"):
                path = link.removeprefix(repository + "/").split("/", 2)[2]
                assert (ROOT / path.partition("#")[0]).exists(), link
                found += 1
    assert found


def _described(package):
    """Public names that are classes or functions, with what they are."""
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_tells_every_public_name(site, package):
    folder, pages = site
    ids = pages[folder / "api" / f"{PACKAGES[package]}.html"].ids
    everywhere = set().union(
        *(p.ids for f, p in pages.items() if f.parent.name == "api")
    )
    for name, value in _described(package):
        # A few are of another package, and told there.
        home = value.__module__.split(".")[0] + "."
        elsewhere = not value.__module__.startswith(package + ".")
        told_there = any(
            str(i).startswith(home) and i.endswith("." + value.__name__)
            for i in everywhere
        )
        assert f"{package}.{name}" in ids or elsewhere and told_there, name


def test_titles_of_docstrings_are_read_as_titles(site):
    folder, pages = site
    for path, page in pages.items():
        if path.parent == folder / "api":
            for paragraph in page.paragraphs:
                assert not re.match(TITLES, paragraph), f"{path.name}: {paragraph}"
                assert ">>>" not in paragraph, f"{path.name}: {paragraph}"
    titles = {text.strip() for text in pages[folder / "api/decoders.html"].paragraphs}
    assert {"Parameters:", "Call arguments:", "Returns:", "Example:"} <= titles
