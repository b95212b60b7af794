"""What the package says of itself, read from its source: `--help` imports nothing."""

import ast
import pathlib
import runpy

_ROOT = pathlib.Path(__file__).resolve().parents[1]
# Import name -> folder.
_PACKAGES = {"tfsigmavae": "tfsigmavae", "tfsigmavae_video": "video"}


def names(module: str) -> dict:
    """What a module defines that itself imports nothing heavy: name -> value.

    For example "tfsigmavae.experiments.recipes". Run by its path: an import would load
    the whole package.
    """
    return runpy.run_path(str(_path(module)))


def model_options(package: str, without) -> dict:
    """Model name -> constructor argument -> default, as text.

    Args:
        package: with the registry `MODELS`, such as "tfsigmavae.models".
        without: arguments to leave out.
    """
    tree = ast.parse((_path(package).with_suffix("") / "__init__.py").read_text())
    modules, registry = {}, None
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            modules |= {alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Assign) and node.targets[0].id == "MODELS":
            registry = node.value
    return {
        key.value: _arguments(modules[kind.id], kind.id, without)
        for key, kind in zip(registry.keys, registry.values, strict=True)
    }


def _path(module):
    package, *rest = module.split(".")
    return _ROOT.joinpath(_PACKAGES[package], *rest).with_suffix(".py")


def _arguments(module, name, without):
    tree = ast.parse(_path(module).read_text())
    kind = next(node for node in tree.body if getattr(node, "name", None) == name)
    methods = (node for node in kind.body if isinstance(node, ast.FunctionDef))
    arguments = next(node for node in methods if node.name == "__init__").args
    defaults = map(ast.unparse, arguments.defaults)
    names = [argument.arg for argument in arguments.args[-len(arguments.defaults) :]]
    return {
        name: value
        for name, value in zip(names, defaults, strict=True)
        if name not in without
    }
