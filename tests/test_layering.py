"""Imports go one way only: each module uses what lies below it, and Keras 3."""

import ast
import graphlib
import importlib.util
import pathlib
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# From bottom to top. A module may import its own part and the rows below.
ROWS = [
    ["backend", "math", "version"],
    ["data", "distributions", "images", "layers", "metrics", "schedules"],
    ["decoders", "losses"],
    ["models"],
    ["callbacks", "checkpoint", "export", "run_folder"],
    ["experiments"],
    ["tfsigmavae_video"],
    ["scripts"],
]
# Imports along a row, each one wanted: (importing part, imported part).
ALONG_A_ROW = {
    ("layers", "distributions"),  # a layer returns a wrapped distribution
    ("callbacks", "checkpoint"),
    ("run_folder", "callbacks"),
    ("run_folder", "checkpoint"),
}
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}
FACADE = "tfsigmavae.video"
KERAS_2 = ["tf_keras", "tensorflow.keras", "tensorflow_probability.layers"]
# The one file that may name Keras 2: it compares our layers with those of TFP.
KERAS_2_ORACLE = ROOT / "tests" / "layers" / "test_same_as_tfp_layers.py"
LIBRARY_AND_SCRIPTS = ["tfsigmavae", "video", "scripts"]


def _files(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _name(path):
    """`video/networks.py` -> `tfsigmavae_video.networks`."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] == "video":
        parts[0] = "tfsigmavae_video"
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path) for path in _files(*LIBRARY_AND_SCRIPTS)}


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value)):
        return f"{head}.{node.attr}"
    return None


def _imports(tree):
    """Yields (line, dotted name) of all that a module names, at any depth.

    `from a import b` gives `a.b`, an attribute of an imported module as well
    (`import a` ... `a.b`), and so does a literal handed to `import_module`.
    """
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                head = alias.name if alias.asname else alias.name.partition(".")[0]
                aliases[alias.asname or head] = head
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
            head, _, rest = dotted.partition(".")
            if head in aliases:
                yield node.lineno, f"{aliases[head]}.{rest}"
        elif isinstance(node, ast.Call) and node.args:
            function = (_dotted(node.func) or "").rpartition(".")[2]
            if function in ("import_module", "require", "__import__"):
                if isinstance(node.args[0], ast.Constant):
                    yield node.lineno, str(node.args[0].value)


def _lines_in_functions(tree):
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for line in range(node.lineno, node.end_lineno + 1)
    }


def _within(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def _part(name):
    """The part of the table that a dotted name of ours belongs to, or None."""
    head, _, rest = name.partition(".")
    if head in ("tfsigmavae_video", "scripts"):
        return head
    part = rest.partition(".")[0]
    if head == "tfsigmavae" and (f"tfsigmavae.{part}" in MODULES or part in ROW_OF):
        return part
    return None


def _keras_2_and_video_problems(source):
    for line, name in _imports(ast.parse(source)):
        for banned in KERAS_2:
            if _within(name, banned):
                yield f"line {line}: `{name}` is Keras 2; use Keras 3"
        if _within(name, "video"):
            yield f"line {line}: import `tfsigmavae_video`, never `video`"


def _relative_imports(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"line {node.lineno}: relative import; write the full name"


def _layer_problems(module, source):
    in_library = _within(module, "tfsigmavae")
    own = _part(module)
    tree = ast.parse(source)
    for line, name in _imports(tree):
        where = f"line {line}: {module} imports `{name}`"
        if _within(name, "tfsigmavae_video"):
            if in_library and module != FACADE:
                yield f"{where}: only the facade {FACADE} may"
        if not _within(name, "tfsigmavae") and not _within(name, "tfsigmavae_video"):
            continue
        if module in ("tfsigmavae", FACADE):  # they re-export what lies below
            if module == "tfsigmavae" and _within(name, FACADE):
                if line not in _lines_in_functions(tree):
                    yield f"{where}: video is never imported at import time"
            continue
        if own == "scripts":
            continue
        if _within(name, FACADE):
            yield f"{where}: the facade is for users, import the part itself"
            continue
        other = _part(name)
        if other is None:
            if in_library and name not in ("tfsigmavae", "tfsigmavae.__version__"):
                yield f"{where}: the package root imports everything, name the part"
        elif own != other and (own, other) not in ALONG_A_ROW:
            if own not in ROW_OF or other not in ROW_OF:
                yield f"{where}: give both a row in ROWS"
            elif ROW_OF[other] >= ROW_OF[own]:
                yield f"{where}: `{other}` does not lie below `{own}`"


def _check(path, problems):
    assert not problems, "\n".join([str(path.relative_to(ROOT)), *problems])


def _ids(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", _files(*LIBRARY_AND_SCRIPTS), ids=_ids)
def test_modules_import_downwards_only(path):
    _check(path, list(_layer_problems(_name(path), path.read_text())))


@pytest.mark.parametrize("path", _files(*LIBRARY_AND_SCRIPTS, "tests"), ids=_ids)
def test_no_keras_2_no_top_level_video_no_relative_import(path):
    source = path.read_text()
    problems = list(_relative_imports(source))
    if path != KERAS_2_ORACLE:
        problems += _keras_2_and_video_problems(source)
    _check(path, problems)


def test_every_module_has_a_row():
    parts = {_part(name) for name in MODULES} - {None}
    assert parts - set(ROW_OF) <= {"video"}, "give the new part a row in ROWS"


def test_imports_along_a_row_make_no_circle():
    below = {}
    for part, imported in ALONG_A_ROW:
        assert ROW_OF[part] == ROW_OF[imported]
        below.setdefault(part, set()).add(imported)
    list(graphlib.TopologicalSorter(below).static_order())  # raises on a circle


def test_modules_are_importable_under_their_names():
    for name in sorted(MODULES):
        if not _within(name, "scripts"):
            assert importlib.util.find_spec(name) is not None, name


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tfsigmavae.math", "import tfsigmavae.layers"),
        ("tfsigmavae.math", "def f():\n    from tfsigmavae import decoders"),
        ("tfsigmavae.layers.conv", "from tfsigmavae.decoders import FixedSigma"),
        ("tfsigmavae.distributions.wrapper", "from tfsigmavae import layers"),
        ("tfsigmavae.losses", "from tfsigmavae.decoders.base import Decoder"),
        ("tfsigmavae.models.base", "from tfsigmavae import VariationalModel"),
        ("tfsigmavae.models.base", "import tfsigmavae as sv\nsv.export.save"),
        ("tfsigmavae.export", "import tfsigmavae_video"),
        (
            "tfsigmavae.export",
            "import importlib as i\ni.import_module('tfsigmavae_video')",
        ),
        ("tfsigmavae.export", "from tfsigmavae import video"),
        ("tfsigmavae", "from tfsigmavae import video"),
        ("tfsigmavae", "import tfsigmavae_video.gif"),
        ("tfsigmavae_video.gif", "from tfsigmavae.video import SVGLP"),
    ],
)
def test_the_check_sees_an_upward_import(module, source):
    assert list(_layer_problems(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tfsigmavae.layers.conv", "from tfsigmavae.math import soft_clip"),
        ("tfsigmavae.layers.conv", "from tfsigmavae.layers.base import Base"),
        ("tfsigmavae.layers.base", "from tfsigmavae.distributions import Coercible"),
        ("tfsigmavae.export", "import tfsigmavae\ntfsigmavae.__version__"),
        ("tfsigmavae.video", "from tfsigmavae_video import SVGLP"),
        ("tfsigmavae", "def f():\n    import_module('tfsigmavae.video')"),
        ("tfsigmavae_video.gif", "import tfsigmavae as sv\nsv.ConvVAE"),
        ("scripts.train_video", "from tfsigmavae.video import SVGLP"),
    ],
)
def test_the_check_lets_a_downward_import_pass(module, source):
    assert not list(_layer_problems(module, source))


@pytest.mark.parametrize(
    "source",
    [
        "import tf_keras",
        "import tensorflow as tf\ntf.keras.layers.Dense(1)",
        "from tensorflow import keras",
        "from tensorflow.keras.layers import Dense",
        "import tensorflow_probability as tfp\ntfp.layers.DenseFlipout",
        "def f():\n    from tensorflow_probability import layers",
        "import video",
        "from video.gif import write",
    ],
)
def test_the_check_sees_keras_2_and_top_level_video(source):
    assert list(_keras_2_and_video_problems(textwrap.dedent(source)))
