"""A hook of mkdocs: pages that stand elsewhere, and links out of docs/.

README.md is the home page, CHANGELOG.md a page of its own. Links that lead out of
docs/ (`../tests/...`) lead to the repository.
"""

import pathlib
import posixpath
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"(\]\()([^)\s]+)")


def on_files(files, config):
    repository = config.repo_url.rstrip("/")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    # What README says absolutely, for the package index, is a page here.
    ours = re.compile(re.escape(repository) + r"/(?:blob|raw)/main/")
    readme = re.sub(ours.pattern + "docs/", "", readme)
    readme = re.sub(ours.pattern + r"CHANGELOG\.md", "changelog.md", readme)
    readme = readme.replace(f"{repository}/tree/main/docs", "tour.md")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    changes = changes.replace("](docs/", "](")
    for name, content in {"index.md": readme, "changelog.md": changes}.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    folder = posixpath.dirname(page.file.src_uri)

    def lead(match):
        opening, link = match.groups()
        path = posixpath.normpath(posixpath.join(folder, link))
        if "://" in link or not path.startswith("../"):
            return match[0]
        kind = "tree" if (ROOT / path[3:]).is_dir() else "blob"
        return f"{opening}{config.repo_url.rstrip('/')}/{kind}/main/{path[3:]}"

    return LINK.sub(lead, markdown)
