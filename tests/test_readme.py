"""What README.md says can be done: its Python runs, its commands and links exist.

The Python of the pages under docs/ runs as well.
"""

import os
import pathlib
import re
import subprocess
import sys
from functools import cache

import keras
import pytest

from tfsigmavae.video import METRICS

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()

if not README.strip():
    pytest.skip("README.md is not written yet", allow_module_level=True)

FENCE = re.compile(
    r"(?:<!--\s*not run:\s*(?P<reason>[^\n]*?)\s*-->\s*\n)?"
    r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```\s*$",
    re.MULTILINE | re.DOTALL,
)
BLOCKS = [
    {**match.groupdict(), "line": README.count("\n", 0, match.start("code")) + 1}
    for match in FENCE.finditer(README)
]
PYTHON = [block for block in BLOCKS if block["language"] in ("python", "py")]
PROSE = FENCE.sub("", README)
# Shell commands: the fenced blocks that are not Python, and inline code.
COMMANDS = "\n".join(
    [block["code"].replace("\\\n", " ") for block in BLOCKS if block not in PYTHON]
    + re.findall(r"`([^`]+)`", PROSE)
)


def _python_case(block):
    marks = [pytest.mark.skip(reason=block["reason"])] if block["reason"] else []
    return pytest.param(block, marks=marks, id=f"line-{block['line']}")


@pytest.mark.parametrize("block", [_python_case(block) for block in PYTHON])
def test_python_block_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = keras.config.dtype_policy()
    source = "\n" * (block["line"] - 1) + block["code"]  # so tracebacks name the line
    try:
        exec(compile(source, "README.md", "exec"), {"__name__": "__main__"})
    finally:
        keras.config.set_dtype_policy(policy)


def test_some_python_block_runs():
    assert [block for block in PYTHON if not block["reason"]]


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem
)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """Its blocks in their order, each with the names of those before."""
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    blocks = [m for m in FENCE.finditer(text) if m["language"] == "python"]
    namespace = {"__name__": "__main__"}
    rows = dict(METRICS)  # a page shows how to add one
    try:
        for block in blocks:
            if not block["reason"]:
                lines_before = text.count("\n", 0, block.start("code"))
                code = "\n" * lines_before + block["code"]
                exec(compile(code, page.name, "exec"), namespace)
    finally:
        METRICS.clear()
        METRICS.update(rows)


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.stem,
)
def test_a_page_is_finished_and_its_links_lead_somewhere(page):
    prose = FENCE.sub("", page.read_text())
    # The marks between which a script writes its figures are no unfinished places.
    filled = r"(?s)<!-- (\w+): begin -->\n.+?<!-- \1: end -->"
    assert not re.findall(r"<!--(?!\s*not run).*?-->", re.sub(filled, "", prose))
    for link in re.findall(r"\]\(([^)\s]+)", prose):
        target = link.partition("#")[0]
        if target and "://" not in link:
            assert (page.parent / target).exists(), link


def _links():
    markdown = re.findall(r"\]\(([^)\s]+)", PROSE)
    html = re.findall(r"""(?:src|href)=["']([^"']+)["']""", PROSE)
    return sorted(set(markdown + html))


def _anchors():
    for heading in re.findall(r"^#+\s+(.*?)\s*$", PROSE, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        yield re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


@pytest.mark.parametrize("link", [x for x in _links() if "://" not in x])
def test_relative_link_leads_somewhere(link):
    target, _, anchor = link.partition("#")
    if target:
        path = ROOT / target
        assert path.exists(), link
        ignored = subprocess.run(
            ["git", "check-ignore", "-q", str(path)], cwd=ROOT, capture_output=True
        )
        assert ignored.returncode != 0, f"git ignores {link}: a clone will not have it"
    else:
        assert anchor in list(_anchors())


def _make_targets():
    calls = re.findall(
        r"^\s*(?:\$ )?make((?:[ \t]+[\w.=/-]+)+)", COMMANDS, re.MULTILINE
    )
    words = {word for call in calls for word in call.split()}
    return sorted(word for word in words if "=" not in word)


@pytest.mark.parametrize("target", _make_targets())
def test_make_target_exists(target):
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)


def _script_calls():
    """Pairs (script, flag or None) of all commands that README.md shows."""
    calls = set()
    for name, rest in re.findall(r"scripts/(\w+)\.py([^|;&#\n]*)", COMMANDS):
        calls.add((name, ""))
        calls.update((name, flag) for flag in re.findall(r"(?<!\S)--[\w-]+", rest))
    return sorted(calls)


@cache
def _help(script):
    return subprocess.run(
        [sys.executable, f"scripts/{script}.py", "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(("script", "flag"), _script_calls())
def test_script_and_flag_exist(script, flag):
    assert (ROOT / "scripts" / f"{script}.py").is_file()
    assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", _help(script)), flag
