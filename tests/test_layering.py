"""Imports go one way only: each module uses what lies below it, and Keras 3."""

import ast
import graphlib
import importlib.util
import pathlib
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

SCRIPTS = ROOT / "scripts"
# The commands: none of them imports another, but for the demo, which is training.
COMMANDS = [
    f"tfsigmavae_commands.{path.stem}"
    for path in sorted((SCRIPTS / "commands").glob("*.py"))
    if "\ndef main(" in path.read_text() and path.stem not in ("__main__", "demo")
]
FILES = [f"scripts.{path.stem}" for path in sorted(SCRIPTS.glob("*.py"))]
# Import name -> folder.
FOLDERS = {"tfsigmavae_video": "video", "tfsigmavae_commands": "scripts/commands"}
# From bottom to top. A module may import its own part and the rows below.
ROWS = [
    [
        "backend",
        "checks",
        "files",
        "graphs",
        "locks",
        "machines",
        "processor",
        "progress",
        "typing",
        "version",
    ],
    ["downloads", "inputs", "masks", "math", "serving"],
    [
        "calibration",
        "data",
        "distributions",
        "layers",
        "metrics",
        "pictures",
        "schedules",
    ],
    ["decoders", "losses"],
    ["models"],
    ["callbacks", "checkpoints", "export", "runs"],
    ["evaluation"],
    ["experiments"],
    ["tfsigmavae_video.data", "tfsigmavae_video.networks"],
    ["tfsigmavae_video.models"],
    ["tfsigmavae_video.pictures"],
    ["tfsigmavae_video.evaluation"],
    ["tfsigmavae_video.experiments"],
    ["tfsigmavae_video"],  # its `__init__`
    ["tfsigmavae_commands"],  # its `__init__`, which imports nothing
    ["tfsigmavae_commands.parsing"],
    [
        "tfsigmavae_commands.console",
        "tfsigmavae_commands.outcome",
        "tfsigmavae_commands.saved",
        "tfsigmavae_commands.source",
    ],
    ["tfsigmavae_commands.training_flags"],
    [
        "tfsigmavae_commands.evaluate_flags",
        "tfsigmavae_commands.image_flags",
        "tfsigmavae_commands.predict_flags",
        "tfsigmavae_commands.video_flags",
    ],
    COMMANDS,
    ["tfsigmavae_commands.demo"],
    ["tfsigmavae_commands.__main__"],
    ["scripts.benchmarking", "scripts.soaking"],
    FILES,
]
# Imports along a row, each one wanted: (importing part, imported part).
ALONG_A_ROW = {
    ("calibration", "distributions"),  # that of grey levels is no density
    ("layers", "distributions"),  # a layer returns a wrapped distribution
    ("callbacks", "checkpoints"),
    ("runs", "callbacks"),
    ("runs", "checkpoints"),
}
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}
# Names for users, each of parts that lie elsewhere.
VIDEO = "tfsigmavae.video"
FACADES = [VIDEO, "tfsigmavae.images"]
KERAS_2 = ["tf_keras", "tensorflow.keras", "tensorflow_probability.layers"]
# The one file that may name Keras 2: it compares our layers with those of TFP.
KERAS_2_ORACLE = ROOT / "tests" / "layers" / "test_same_as_tfp_layers.py"
LIBRARY_AND_SCRIPTS = ["tfsigmavae", "video", "scripts"]


def _files(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _name(path):
    """`video/networks.py` -> `tfsigmavae_video.networks`."""
    path = path.relative_to(ROOT).with_suffix("")
    for package, folder in FOLDERS.items():
        if path.is_relative_to(folder):
            path = package / path.relative_to(folder)
    parts = path.parts
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


def _lines_run_later(tree):
    """Lines of functions, and those that only a type checker reads."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.If) and _dotted(node.test) == "TYPE_CHECKING")
        for line in range(node.lineno, node.end_lineno + 1)
    }


def _within(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


def _part(name):
    """The part of the table that a dotted name of ours belongs to, or None."""
    head, _, rest = name.partition(".")
    if f"scripts.{head}" in MODULES:  # scripts find one another by bare names
        head, rest = "scripts", name
    if head not in ("tfsigmavae", *FOLDERS, "scripts"):
        return None
    below = rest.partition(".")[0]
    part = below if head == "tfsigmavae" else f"{head}.{below}"
    if f"{head}.{below}" in MODULES or part in ROW_OF:
        return part
    return head if head in ROW_OF else None


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
    tree = ast.parse(source)
    run_later = _lines_run_later(tree)
    for line, name in _imports(tree):
        if problem := _layer_problem(module, name, line in run_later):
            yield f"line {line}: {module} imports `{name}`: {problem}"


def _layer_problem(module, name, is_run_later):
    """What is wrong with an import, or None."""
    own, other = _part(module), _part(name)
    in_library = _within(module, "tfsigmavae")
    in_scripts = _within(module, "scripts") or _within(module, "tfsigmavae_commands")
    if other is None and not _within(name, "tfsigmavae"):
        return None  # somebody else's
    if in_library and (other or "").startswith(("scripts.", "tfsigmavae_commands")):
        return "commands and scripts use the library and not the reverse"
    if in_library and _within(name, "tfsigmavae_video") and module != VIDEO:
        return f"only the facade {VIDEO} may"
    if module in ("tfsigmavae", *FACADES):  # they re-export what lies below
        if module == "tfsigmavae" and _within(name, VIDEO) and not is_run_later:
            return "video is never imported at import time"
        return None
    if any(_within(name, facade) for facade in FACADES):
        return None if in_scripts else "it is for users, import the part itself"
    if other is None:
        if in_library and name not in ("tfsigmavae", "tfsigmavae.__version__"):
            return "the package root imports everything, name the part"
        return None
    if own == other or (own, other) in ALONG_A_ROW:
        return None
    if own not in ROW_OF or other not in ROW_OF:
        return "give both a row in ROWS"
    if ROW_OF[other] >= ROW_OF[own]:
        return f"`{other}` does not lie below `{own}`"
    return None


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


def test_every_part_has_a_row_and_every_row_its_parts():
    parts = {_part(name) for name in MODULES - {"tfsigmavae", *FACADES}}
    assert parts == set(ROW_OF), (
        "give a new part a row in ROWS, strike out a former one"
    )


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
        ("tfsigmavae.math", "if TYPE_CHECKING:\n    from tfsigmavae import decoders"),
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
        ("tfsigmavae", "import tfsigmavae_video.pictures"),
        ("tfsigmavae", "def f():\n    from tfsigmavae_commands import console"),
        ("tfsigmavae.checks", "from tfsigmavae import math"),
        ("tfsigmavae.checkpoints", "from tfsigmavae.runs import RunFolder"),
        ("tfsigmavae.callbacks", "from tfsigmavae import images"),
        ("tfsigmavae.callbacks", "from tfsigmavae.images import write_png"),
        ("tfsigmavae.export", "from benchmarking.models import make_svg"),
        ("tfsigmavae_video.pictures.gif", "from tfsigmavae.video import SVGLP"),
        ("tfsigmavae_video.pictures.gif", "import tfsigmavae_video"),
        ("tfsigmavae_video.pictures.gif", "from tfsigmavae_video import bair"),
        ("tfsigmavae_video.pictures.gif", "from tfsigmavae_video import evaluation"),
        ("tfsigmavae_video.models.svg_lp", "import tfsigmavae_video.pictures.gif"),
        ("tfsigmavae_video.data.kth", "import tfsigmavae_video.networks.vgg"),
        ("tfsigmavae_video.networks.vgg", "from tfsigmavae_video.models import SVGLP"),
        (
            "tfsigmavae_video.models.svg",
            "def f():\n    import tfsigmavae_video.evaluation",
        ),
        ("tfsigmavae_video.evaluation", "from tfsigmavae_video import experiments"),
        ("tfsigmavae_video.experiments", "from tfsigmavae_video import SVGLP"),
        ("tfsigmavae_video.experiments", "import tfsigmavae_commands.console"),
        ("tfsigmavae_video", "from benchmarking import cases"),
        ("tfsigmavae_commands.console", "from tfsigmavae_commands import source"),
        (
            "tfsigmavae_commands.training_flags",
            "from tfsigmavae_commands import video_flags",
        ),
        (
            "tfsigmavae_commands.image_flags",
            "from tfsigmavae_commands import video_flags",
        ),
        ("tfsigmavae_commands.video_flags", "from benchmarking.cases import CASES"),
        ("scripts.benchmarking.svg", "import benchmark"),
        (
            "scripts.benchmarking.svg",
            "import importlib\nimportlib.import_module('reproduce')",
        ),
        (
            "tfsigmavae_commands.train_video",
            "from tfsigmavae_commands.train_images import main",
        ),
        ("scripts.train_video", "import scripts.train_image"),
        ("tfsigmavae_commands.new", "from tfsigmavae_commands import console"),
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
        ("tfsigmavae", "if TYPE_CHECKING:\n    from tfsigmavae import video"),
        ("tfsigmavae", "from tfsigmavae import images"),
        ("tfsigmavae.images", "from tfsigmavae.pictures import write_png"),
        ("tfsigmavae.math", "from tfsigmavae.checks import asserted"),
        ("tfsigmavae_video.pictures.gif", "import tfsigmavae as sv\nsv.ConvVAE"),
        ("tfsigmavae_video.pictures.gif", "from tfsigmavae.pictures import to_uint8"),
        (
            "tfsigmavae_video.pictures.gif",
            "from tfsigmavae_video.pictures import panels",
        ),
        ("tfsigmavae_video.models.svg", "from tfsigmavae_video import networks"),
        ("tfsigmavae_video.experiments", "from tfsigmavae_video.data import bair"),
        ("tfsigmavae_video", "from tfsigmavae_video.experiments import compare"),
        ("scripts.soak", "from tfsigmavae.video import SVGLP"),
        ("tfsigmavae_commands.train_video", "from tfsigmavae.video import SVGLP"),
        (
            "tfsigmavae_commands.train_video",
            "from tfsigmavae_commands import console, video_flags",
        ),
        (
            "tfsigmavae_commands.video_flags",
            "from tfsigmavae_commands.training_flags import parse",
        ),
        ("scripts.benchmark", "from benchmarking import cases"),
        ("scripts.benchmarking.svg", "from benchmarking.cases import CASES"),
        ("scripts.benchmarking.svg", "from tfsigmavae_commands import console"),
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
