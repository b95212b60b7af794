"""The files of scripts/: commands of the package, and two of their own."""

import ast
import sys

import pytest
from fresh_process import ROOT, run
from tfsigmavae_commands.__main__ import COMMANDS

SCRIPTS = ROOT / "scripts"
# They measure and attack the project, and are no commands of the package.
OWN = ["benchmark", "soak"]
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OWN)))
def test_a_script_is_a_command_and_nothing_more(name):
    text = (SCRIPTS / f"{name}.py").read_text()
    (call,) = (
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    words = [word.value for word in call.args[0].elts if isinstance(word, ast.Constant)]
    assert " ".join(words) in COMMANDS
    assert len(text.splitlines()) <= 8
    help_of = [
        run([sys.executable, *each, "--help"]).stdout
        for each in ([SCRIPTS / f"{name}.py"], ["-m", "tfsigmavae_commands", *words])
    ]
    assert help_of[0] == help_of[1] and "usage: tfsigmavae" in help_of[0]


@pytest.mark.parametrize("name", OWN)
def test_a_script_of_its_own_is_short_and_explains_itself(name):
    text = (SCRIPTS / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 80
    told = run([sys.executable, SCRIPTS / f"{name}.py", "--help"]).stdout
    assert f"python scripts/{name}.py" in told and "JSON" in told
