"""What README.md and the pages under docs/ say can be done.

Their Python runs; their commands, flags, links and make targets exist.
"""

import os
import pathlib
import re
import subprocess
import sys
from functools import cache

import keras
import pytest
from tfsigmavae_commands.__main__ import COMMANDS

from tfsigmavae.video import METRICS

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = sorted((ROOT / "docs").rglob("*.md"))
REPOSITORY = re.search(r'REPOSITORY = "([^"]+)"', (ROOT / "setup.py").read_text())[1]

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


def _prose(text):
    return FENCE.sub("", text)


def _commands(text):
    """Shell commands: the fenced blocks that are not Python, and inline code."""
    blocks = [m for m in FENCE.finditer(text) if m["language"] not in ("python", "py")]
    inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", _prose(text))]
    return "\n".join([re.sub(r"\\\n\s*", " ", m["code"]) for m in blocks] + inline)


SHELL = "\n".join([_commands(README), *(_commands(p.read_text()) for p in PAGES)])


def _name(page):
    return str(page.relative_to(ROOT))


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


@pytest.mark.parametrize("page", PAGES, ids=_name)
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


def _links(text):
    """Targets of all links and pictures: inline, by reference, in HTML."""
    prose = _prose(text)
    inline = re.findall(r"\]\(([^)\s]+)", prose)
    references = re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose, re.MULTILINE)
    html = re.findall(r"""(?:src|href)=["']([^"']+)["']""", prose)
    return sorted({*inline, *references, *html})


def _anchors(text):
    for heading in re.findall(r"^#+\s+(.*?)\s*$", _prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        yield re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def _is_in_clone(path):
    command = ["git", "check-ignore", "-q", str(path)]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True)
    return path.exists() and ignored.returncode != 0


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=_name)
def test_a_page_is_finished_and_its_links_lead_somewhere(page):
    text = page.read_text()
    # The marks between which a script writes its figures are no unfinished places.
    filled = r"(?s)<!-- (\w+): begin -->\n.+?<!-- \1: end -->"
    assert not re.findall(r"<!--(?!\s*not run).*?-->", re.sub(filled, "", _prose(text)))
    for link in _links(text):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert _is_in_clone(path), link
        if anchor and path.suffix == ".md":
            assert anchor in list(_anchors(path.read_text())), link


def test_readme_is_short_and_leads_to_files_of_the_repository():
    """The package index shows it too: its links are absolute."""
    assert README.count("\n") <= 120
    links = _links(README)
    assert all("://" in link for link in links)
    ours = [link for link in links if link.startswith(REPOSITORY + "/")]
    assert len(ours) > 9
    assert not [x for x in links if "tfsigmavae" in x and x not in ours]
    for link in ours:
        kind, branch, path = link.removeprefix(REPOSITORY + "/").split("/", 2)
        assert (kind, branch) in {("blob", "main"), ("raw", "main"), ("tree", "main")}
        assert _is_in_clone(ROOT / path), link


def test_each_reference_of_readme_is_defined_and_used():
    prose = _prose(README)
    defined = re.findall(r"^\[([^\]]+)\]:", prose, re.MULTILINE)
    used = re.findall(r"\]\[([^\]]+)\]", prose)
    assert len(defined) == len(set(defined))
    assert set(defined) == set(used)


def _make_targets():
    calls = re.findall(r"^\s*(?:\$ )?make((?:[ \t]+[\w.=/-]+)+)", SHELL, re.MULTILINE)
    words = {word for call in calls for word in call.split()}
    return sorted(word for word in words if "=" not in word)


@pytest.mark.parametrize("target", _make_targets())
def test_make_target_exists(target):
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)


def _calls(command):
    """Pairs (name, flag or "") of all calls that a pattern `command` finds."""
    calls = set()
    for name, rest in re.findall(command + r"(?![\w.])([^|;&#\n]*)", SHELL):
        calls.add((name, ""))
        calls.update((name, flag) for flag in re.findall(r"(?<!\S)--[\w-]+", rest))
    return sorted(calls)


@cache
def _help(*command):
    return subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _has(text, flag):
    return re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)


@pytest.mark.parametrize(("script", "flag"), _calls(r"scripts/(\w+)\.py"))
def test_script_and_flag_exist(script, flag):
    assert (ROOT / "scripts" / f"{script}.py").is_file()
    assert _has(_help(f"scripts/{script}.py"), flag), flag


COMMAND = r"(?<![\w./-])(?<!from )tfsigmavae ((?:train|data) \w+|\w+)"


@pytest.mark.parametrize(("command", "flag"), _calls(COMMAND))
def test_command_and_flag_exist(command, flag):
    assert command in COMMANDS, f"no command `tfsigmavae {command}`"
    # The demo takes the flags of what it calls.
    words = "train video" if command == "demo" and flag else command
    assert _has(_help("-m", "tfsigmavae_commands", *words.split()), flag), flag


def test_every_command_is_shown():
    assert {command for command, _ in _calls(COMMAND)} == set(COMMANDS)
