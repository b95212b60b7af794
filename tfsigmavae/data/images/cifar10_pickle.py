"""The Python version of CIFAR-10: a pickle, read without running what it says.

A pickle is a program, and unpickling runs it: even one that may name nothing but
NumPy's array and dtype hands both a state of its choice, and NumPy trusts it. So its
steps are read one by one, and only those are followed that such a file needs. They make
text, numbers, lists and dicts; an array is what is written of it, not a NumPy array,
until all of it is checked.
"""

import io
import pickletools
from typing import Any

import numpy as np

from tfsigmavae.inputs import InputError, explained, read_bytes

_GLOBALS = {"_reconstruct", "ndarray", "dtype"}
_VALUES = {
    "BINBYTES", "BINGET", "BININT", "BININT1", "BININT2", "BINSTRING", "BINUNICODE",
    "BINBYTES8", "BINUNICODE8", "INT", "LONG1", "SHORT_BINBYTES", "SHORT_BINSTRING",
    "SHORT_BINUNICODE", "STRING", "UNICODE",
}  # fmt: skip
_CONSTANTS = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
    "NEWFALSE": lambda: False,
    "NEWTRUE": lambda: True,
    "NONE": lambda: None,
}
_MARK = object()


class _Object:
    """What is made of NumPy's things: their name, arguments and state, as written."""

    def __init__(self, name, arguments=None):
        self.name, self.arguments = name, arguments
        self.state: Any = None


def read_batch(file) -> tuple:
    """Reads a file of CIFAR-10's Python version.

    Args:
        file: `pathlib.Path`.

    Returns:
        uint8 array `[N, 3072]`, and list of N int labels, or an empty one where the
        file has none.

    Raises:
        InputError: if it is another pickle, damaged, or asks for anything else; if
            there are not as many labels as images, or a label is not 0 to 9.
    """
    where, download = f"'{file}'", "Download it again."
    with explained(where, "is not a CIFAR-10 batch", download, also=(RecursionError,)):
        batch = _Machine().run(read_bytes(file))
        batch = {_text(key): value for key, value in batch.items()}
        rows, labels = _array(batch["data"]), batch.get("labels", [])
        if not isinstance(labels, list):
            raise TypeError("its labels are no list")
    if rows.ndim != 2 or rows.shape[1] != 3072:
        raise InputError(
            f"{where} must hold uint8 rows of 3072 pixels, got shape {rows.shape}."
        )
    if labels and len(labels) != len(rows):
        raise InputError(
            f"{where} has {len(labels)} labels of {len(rows)} images. {download}"
        )
    if not all(type(label) is int and 0 <= label <= 9 for label in labels):
        raise InputError(f"{where} is not CIFAR-10: it has labels that are not 0 to 9.")
    return rows, labels


class _Machine:
    """Follows the steps of a pickle; the names of steps are those of `pickletools`."""

    def __init__(self):
        self._stack, self._memo = [], {}

    def run(self, data):
        for code, value, _ in pickletools.genops(io.BytesIO(data)):
            if code.name == "STOP":
                return self._stack.pop()
            self._step(code.name, value)
        raise EOFError("its end is missing")

    def _step(self, name, value):
        stack = self._stack
        if name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self._memo[value])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[value] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in _VALUES:
            stack.append(value.encode("latin-1") if "STRING" in name else value)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            num = int(name[-1])
            stack[-num:] = [tuple(stack[-num:])]
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            parts = value.split(" ") if value else [stack.pop(), stack.pop()][::-1]
            stack.append(_global(*parts))
        elif name not in ("PROTO", "FRAME"):
            self._change(name)

    def _change(self, name):
        """Steps that put what is on the stack into what lies below it."""
        stack = self._stack
        if name == "TUPLE":
            stack.append(tuple(self._above_mark()))
        elif name in ("APPEND", "APPENDS"):
            items = self._above_mark() if name == "APPENDS" else [stack.pop()]
            _of(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            many = name == "SETITEMS"
            items = self._above_mark() if many else [stack.pop(), stack.pop()][::-1]
            keys = [_text(key) for key in items[::2]]
            _of(stack[-1], dict).update(zip(keys, items[1::2], strict=True))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_Object(_of(stack.pop(), _Object).name, arguments))
        elif name == "BUILD":
            state = stack.pop()
            _of(stack[-1], _Object).state = state
        else:
            raise ValueError(f"it has a step {name}, which no such file needs")

    def _above_mark(self):
        place = max(i for i, value in enumerate(self._stack) if value is _MARK)
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items


def _global(module, name):
    if module.partition(".")[0] != "numpy" or name not in _GLOBALS:
        raise ValueError(f"it holds a {module}.{name}")
    return _Object(name)


def _of(value, kind):
    if not isinstance(value, kind):
        raise TypeError(f"it takes a {type(value).__name__} for a {kind.__name__}")
    return value


def _text(key):
    """A key of a dict: nothing else is taken, whose hash may take for ever."""
    return key.decode("latin-1") if isinstance(key, bytes) else _of(key, str)


def _array(made) -> np.ndarray:
    """The array that was written, if it is of uint8."""
    _, shape, dtype, is_fortran, content = _of(made, _Object).state
    if (made.name, dtype.name) != ("_reconstruct", "dtype"):
        raise TypeError("its data are no array")
    if _text(dtype.arguments[0]).lstrip("|") != "u1":
        raise TypeError(f"its data are {dtype.arguments[0]!r} and not uint8")
    sides = [_of(side, int) for side in shape]
    flat = np.frombuffer(_of(content, bytes), np.uint8)
    if min(sides, default=0) < 0:
        raise ValueError(f"its data have the shape {sides}")
    return flat.reshape(sides, order="F" if is_fortran else "C")
