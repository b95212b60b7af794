"""What the package says of itself, read from its source: `--help` imports nothing."""

import ast
import importlib.util
import pathlib
import runpy

_PACKAGES = "tfsigmavae", "tfsigmavae_video"
# The last base whose arguments count; its own base is Keras'.
_LAST_BASE = "VariationalModel"


def names(module: str) -> dict:
    """What a module defines that itself imports nothing heavy: name -> value.

    For example "tfsigmavae.experiments.recipes". Run by its path: an import would load
    the whole package.
    """
    return runpy.run_path(str(_path(module)))


def registry(package: str, name: str) -> dict:
    """A dict at the top of a package, with names as keys: key -> its value's source."""
    for node in _tree(package).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(getattr(target, "id", None) == name for target in targets):
            keys = [key.value for key in node.value.keys]
            return dict(zip(keys, map(ast.unparse, node.value.values), strict=True))
    raise ValueError(f"{package} has no {name}.")


def first_arguments(module: str, function: str) -> list:
    """First arguments, where they are text, of all calls of a function in a module."""
    calls = (node for node in ast.walk(_tree(module)) if isinstance(node, ast.Call))
    first = (call.args[0] for call in calls if _called(call) == function and call.args)
    return [node.value for node in first if isinstance(node, ast.Constant)]


def model_options(package: str, without) -> dict:
    """Model name -> constructor argument -> default, as text.

    As `tfsigmavae.models.registry.constructor_options` finds them in the classes.

    Args:
        package: with the registry `MODELS`, such as "tfsigmavae.models".
        without: arguments to leave out.
    """
    without = {"name", "dtype", *without}
    return {
        key: {k: v for k, v in _arguments(package, kind).items() if k not in without}
        for key, kind in registry(package, "MODELS").items()
    }


def _called(call):
    return getattr(call.func, "id", None)


def _path(module):
    package, *rest = module.split(".")
    # Finding a package at the top imports nothing.
    found = importlib.util.find_spec(package)
    folders = getattr(found, "submodule_search_locations", None)
    if not folders:
        raise ValueError(
            f"'{getattr(found, 'origin', package)}' stands before the package of its "
            "name: rename it, or call the command elsewhere."
        )
    path = pathlib.Path(next(iter(folders)), *rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(module):
    return ast.parse(_path(module).read_text())


def _arguments(module, name):
    """Arguments with a default of a class, those of its bases included."""
    found = _find(module, name)
    if found is None:  # not ours
        return {}
    module, node = found
    methods = (n for n in node.body if getattr(n, "name", None) == "__init__")
    arguments = getattr(next(methods, None), "args", None)
    own = {} if arguments is None else _with_defaults(arguments)
    if name == _LAST_BASE or (arguments is not None and arguments.kwarg is None):
        return own
    inherited = {}
    for base in map(ast.unparse, node.bases):
        inherited |= _arguments(module, base)
    return {**inherited, **own}


def _with_defaults(arguments):
    count = len(arguments.defaults)
    last = arguments.args[len(arguments.args) - count :]
    pairs = list(zip(last, arguments.defaults, strict=True))
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {a.arg: ast.unparse(default) for a, default in pairs if default is not None}


def _find(module, name):
    """Module and syntax tree of a class that `module` defines or imports, or `None`."""
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in _PACKAGES:
            if name in [alias.asname or alias.name for alias in node.names]:
                return _find(node.module, name)
    return None
