"""Models by name, and what their constructors take."""

import inspect

import keras

from tfsigmavae.models.variational_model import VariationalModel


def find(identifier, models: dict, base):
    """A class of models.

    Args:
        identifier: a name in `models`, the name that `register_keras_serializable`
            gave to a class ("package>Name"), or a class.
        models: name -> class.
        base: the class that it must be derived from.

    Raises:
        ValueError: if there is none of that name.
        TypeError: for a class of another kind.
    """
    found = identifier
    if isinstance(identifier, str):
        found = models.get(identifier) or keras.saving.get_registered_object(identifier)
        if found is None:
            raise ValueError(
                f"Unknown model {identifier!r}. Choose one of: "
                f"{', '.join(sorted(models))}, or pass a class derived from "
                f"{base.__name__}."
            )
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise TypeError(
            f"`model` must be a name or a class derived from {base.__name__}, "
            f"got {identifier!r}."
        )
    return found


def name_of(identifier, models: dict) -> str:
    """The name by which `find` finds a class again; a name is returned as it is.

    Raises:
        ValueError: if it has none.
    """
    if isinstance(identifier, str):
        return identifier
    names = [name for name, kind in models.items() if kind is identifier]
    if names:
        return names[0]
    name = keras.saving.get_registered_name(identifier)
    if keras.saving.get_registered_object(name) is not identifier:
        raise ValueError(
            f"{identifier.__name__} must be decorated by "
            "`keras.saving.register_keras_serializable(package=...)`: its runs are "
            "recorded and its models saved under that name."
        )
    return name


def constructor_options(kind) -> dict:
    """What a class of models may be given: name -> default.

    Those of its bases are included where the constructor passes `**kwargs` on. Not
    included are arguments without a default, and `name` and `dtype`, which every Keras
    model takes.
    """
    options = {}
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        options = {**defaults, **options}
        passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        if base is VariationalModel or not passes_on:
            break
    return {k: v for k, v in options.items() if k not in ("name", "dtype")}
