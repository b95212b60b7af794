"""Every public name exists, is documented, and is registered with Keras."""

import ast
import collections
import importlib
import inspect
import pathlib
import pkgutil
import re
import types

import keras
import pytest

import tfsigmavae

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERIALIZABLE = (
    keras.layers.Layer,
    keras.losses.Loss,
    keras.metrics.Metric,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.optimizers.Optimizer,
    keras.optimizers.schedules.LearningRateSchedule,
)
# Every Keras object has these; a docstring need not repeat what they mean.
KERAS_ARGUMENTS = {"name", "dtype", "trainable"}


def _modules():
    """All modules of the library, those that nothing imports included, by name.

    In place of a module that fails to import stands its error.
    """
    names = []
    for package in ["tfsigmavae", "tfsigmavae_video"]:
        path = importlib.import_module(package).__path__
        below = pkgutil.walk_packages(path, f"{package}.", onerror=lambda name: None)
        names += [package, *(module.name for module in below)]
    modules = {}
    for name in names:
        try:
            modules[name] = importlib.import_module(name)
        except Exception as error:  # told by a test: other tests can still be collected
            modules[name] = error
    return modules


ALL = _modules()
MODULES = [module for module in ALL.values() if isinstance(module, types.ModuleType)]
FACADES = [m for m in MODULES if hasattr(m, "__all__")]
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in FACADES
    for name in module.__all__
    if hasattr(module, name)
}


def _ours(thing):
    module = getattr(thing, "__module__", None) or ""
    return module.partition(".")[0] in ("tfsigmavae", "tfsigmavae_video")


def _one_name_each(kind):
    """Public things of a kind, once each though exported at several places."""
    unique = {id(thing): name for name, thing in PUBLIC.items() if kind(thing)}
    return sorted(unique.values())


def _parameters(function):
    """Names of the arguments that a caller can give, `*args, **kwargs` left out."""
    skipped = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind not in skipped
    ]


def _documented_arguments(docstring):
    """The names before the colons of a docstring's `Args:` section."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n|\n)*)", docstring + "\n", re.MULTILINE)
    names = set()
    for line in section[1].splitlines() if section else []:
        if entry := re.match(r"\s+([\w`*, ]+?)\s*(?:\([^)]*\))?:", line):
            names.update(re.findall(r"\w+", entry[1]))
    return names


@pytest.mark.parametrize("name", ALL)
def test_module_imports(name):
    if isinstance(ALL[name], Exception):
        raise ALL[name]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_module_has_a_docstring(module):
    if any(_ours(thing) for thing in vars(module).values()):
        assert (module.__doc__ or "").strip(), module.__file__


@pytest.mark.parametrize("module", FACADES, ids=lambda module: module.__name__)
def test_every_public_name_exists_once(module):
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing
    assert len(set(module.__all__)) == len(module.__all__)


def test_every_package_lists_its_public_names():
    packages = [m for m in MODULES if hasattr(m, "__path__")]
    assert not [
        package.__name__
        for package in packages
        if not hasattr(package, "__all__")
        # an `__init__.py` without imports has nothing to list
        and any(_ours(thing) for thing in vars(package).values())
    ]


def test_version_is_public_and_that_of_setup():
    version = (ROOT / "tfsigmavae" / "version.py").read_text()
    assert f'"{tfsigmavae.__version__}"' in version


@pytest.mark.parametrize("name", _one_name_each(callable))
def test_public_name_is_documented(name):
    thing = PUBLIC[name]
    # A class does not inherit its parent's docstring here: it does something else.
    docstring = thing.__doc__ if not inspect.isclass(thing) else vars(thing)["__doc__"]
    assert (docstring or "").strip(), name


@pytest.mark.parametrize("name", _one_name_each(inspect.isclass))
def test_public_class_documents_its_constructor(name):
    thing = PUBLIC[name]
    if not _ours(thing.__init__):
        return  # the constructor is Keras's or Python's own
    # A constructor that is inherited is documented where it is written, too.
    author = next(base for base in thing.__mro__ if "__init__" in vars(base))
    documented = KERAS_ARGUMENTS.union(
        _documented_arguments(inspect.cleandoc(thing.__doc__ or "")),
        _documented_arguments(inspect.cleandoc(author.__doc__ or "")),
    )
    arguments = _parameters(thing.__init__)
    missing = [argument for argument in arguments if argument not in documented]
    assert not missing, f"{name}: not in the docstring's `Args:` section"


@pytest.mark.parametrize("name", _one_name_each(inspect.isfunction))
def test_public_function_names_its_arguments(name):
    thing = PUBLIC[name]
    words = set(re.findall(r"\w+", thing.__doc__ or ""))
    missing = [argument for argument in _parameters(thing) if argument not in words]
    assert not missing, f"{name}: the docstring does not tell of these arguments"


def _public_methods():
    """Constructors and methods of public classes, and public functions, by name."""
    found = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
    for kind in filter(inspect.isclass, PUBLIC.values()):
        for base in filter(_ours, kind.__mro__):
            for name, thing in vars(base).items():
                thing = getattr(thing, "__func__", thing)  # static and class methods
                thing = getattr(thing, "fget", thing)  # properties
                is_public = not name.startswith("_") or name in ("__init__", "__call__")
                if is_public and inspect.isfunction(thing) and _ours(thing):
                    found[f"{base.__module__}.{thing.__qualname__}"] = thing
    return found


def _without_type(function):
    """Arguments without an annotation, and "return" if what it returns has none."""
    signature = inspect.signature(function)
    arguments = [
        name
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls") and parameter.annotation is parameter.empty
    ]
    told = signature.return_annotation is not signature.empty
    return (
        arguments if told or function.__name__ == "__init__" else [*arguments, "return"]
    )


@pytest.mark.parametrize("name", sorted(_public_methods()))
def test_public_arguments_and_returns_have_types(name):
    assert not _without_type(_public_methods()[name])


def test_the_check_of_types_sees_what_has_none():
    def function(a: int, b, *args, c: int = 0, **kwargs: int):
        return a

    assert len(_public_methods()) > 400
    assert _without_type(function) == ["b", "args", "return"]


USED = [tfsigmavae, importlib.import_module("tfsigmavae.video")]
USED += [
    getattr(module, name)
    for module in USED
    for name in module.__all__
    if isinstance(getattr(module, name), types.ModuleType)
]


@pytest.mark.parametrize("module", USED, ids=lambda module: module.__name__)
def test_dir_lists_public_names_without_helpers(module):
    lazy = {"video"} if module is tfsigmavae else set()
    assert set(dir(module)) == {*module.__all__, *lazy}


def test_public_names_are_not_modules_of_others():
    foreign = [
        name
        for name, thing in PUBLIC.items()
        if isinstance(thing, types.ModuleType)
        and thing.__name__.partition(".")[0] not in ("tfsigmavae", "tfsigmavae_video")
    ]
    assert not foreign


def _keras_classes():
    """Every Keras class that one of our modules defines, public or not."""
    found = {
        thing
        for module in MODULES
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, SERIALIZABLE) and _ours(thing)
    }
    return sorted(found, key=lambda thing: f"{thing.__module__}.{thing.__name__}")


def test_what_is_registered_with_keras_is_under_our_package_name():
    registered = keras.saving.get_custom_objects()
    names = [name for name, thing in registered.items() if _ours(thing)]
    assert not [name for name in names if not name.startswith("tfsigmavae>")]


def test_registered_names_are_not_shared():
    # A later class of the same name silently takes the place of the first.
    for thing in _keras_classes():
        name = keras.saving.get_registered_name(thing)
        if ">" in name:
            assert name == f"tfsigmavae>{thing.__name__}", thing
            assert keras.saving.get_registered_object(name) is thing


def test_public_keras_classes_that_have_a_config_can_be_loaded():
    unregistered = [
        f"{thing.__module__}.{thing.__name__}"
        for thing in _keras_classes()
        if any(thing is public for public in PUBLIC.values())
        and _ours(thing.get_config)
        and ">" not in keras.saving.get_registered_name(thing)
        and not any(_ours(child) for child in thing.__subclasses__())  # not a base
    ]
    assert not unregistered, "use register_keras_serializable(package='tfsigmavae')"


def test_names_that_tests_register_are_not_shared():
    # All tests of one process share Keras' table, in an order that varies.
    places = collections.defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            decorators = map(ast.unparse, getattr(node, "decorator_list", []))
            if any("register_keras_serializable" in text for text in decorators):
                places[node.name].append(path.name)
    assert len(places) > 20
    assert not {name: found for name, found in places.items() if len(found) > 1}
