"""How flags are read: whole names only, and mistakes are told in a line or two."""

import argparse
import ast
import difflib
import json
import pathlib
import re
import shutil
import sys


class Parser(argparse.ArgumentParser):
    """A parser of a command.

    Args:
        command: its words after `tfsigmavae`.
        description: docstring of its module.
        **kwargs: see `argparse.ArgumentParser`.
    """

    # Of flags that the parser does not know; for more words on where they belong.
    on_unknown = ""
    # Argument of the Python interface -> flag, where the names differ.
    named = {}

    def __init__(self, command, description, **kwargs):
        super().__init__(
            prog=f"tfsigmavae {command}",
            description=description,
            formatter_class=_Formatter,
            allow_abbrev=False,
            **kwargs,
        )

    def parse_args(self, args=None, namespace=None):
        # Before the flag that is missing, the one that may have been meant by it.
        for word in sys.argv[1:] if args is None else args:
            flag = word.partition("=")[0]
            near = closest(flag, self._option_string_actions)
            if flag.startswith("--") and near not in (None, flag):
                self._unknown(flag, near)
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flag = unknown[0].partition("=")[0]
            if not flag.startswith("-"):
                self.error(f"'{flag}' belongs to no flag.{self.on_unknown}")
            self._unknown(flag)
        _read.append(self)
        return known

    def _unknown(self, flag, near=None):
        told = f" Did you mean {near}?" if near else ""
        self.error(f"there is no {flag}.{told}{self.on_unknown}")

    def error(self, message):
        if choice := re.search(
            r"invalid choice: '(.+?)' \(choose from (.+)\)", message
        ):
            near = closest(choice[1], re.findall(r"[\w.-]+", choice[2]))
            message += f". Did you mean {near}?" if near else ""
        end = "" if message[-1] in ".?!" else "."
        self.exit(2, f"error: {message}{end}\n{self.prog} --help explains.\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Flags to the left, what they are to the right."""

    def __init__(self, prog):
        width = min(shutil.get_terminal_size().columns - 2, 100)
        super().__init__(prog, max_help_position=30, width=width)


class _Silent(argparse.ArgumentParser):
    """What is wrong is told later, by the parser that knows all flags."""

    def error(self, message):
        raise ValueError(message)


# The parsers that have read flags.
_read: list[Parser] = []


def with_flags(message):
    """A message of the Python interface, its `arguments` as flags where they are."""

    def named(argument):
        flag = "--" + argument[1].replace("_", "-")
        for parser in reversed(_read):
            if argument[1] in parser.named:
                return parser.named[argument[1]]
            if flag in parser._option_string_actions:
                return flag
        return argument[0]

    return re.sub(r"`(\w+)`", named, message)


def closest(word, words):
    """The one of `words` that is most like a misspelt one, or `None`."""
    return next(iter(difflib.get_close_matches(word, list(words), 1, 0.7)), None)


def early(argv, *flags):
    """Values of some flags, before the others are known: name -> value or `None`."""
    parser = _Silent(add_help=False, allow_abbrev=False)
    for flag in flags:
        parser.add_argument(flag)
    try:
        return vars(parser.parse_known_args(argv)[0])
    except ValueError:
        return dict.fromkeys(flag[2:] for flag in flags)


def add_model(parser):
    """The flags of commands that open a model."""
    add = parser.add_argument
    add("--model", type=existing, required=True, help="a run folder or its model.keras")
    add(
        "--import",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE.py",
        dest="modules",
        help="files or modules that define and register classes of your own",
    )


def existing(text):
    """A path that is there."""
    if not pathlib.Path(text).exists():
        raise argparse.ArgumentTypeError(_missing(text))
    return text


def _missing(text):
    path = pathlib.Path(text)
    parent = path.parent
    names = [p.name for p in parent.iterdir()] if parent.is_dir() else []
    if not parent.is_dir():
        return f"there is no '{text}', nor a folder '{parent}'"
    near = closest(path.name, names)
    told = f"; did you mean '{parent / near}'?" if near else ""
    return f"there is no '{text}'{told}"


def frame_size(text):
    """`64` or `48x80` as (height, width)."""
    if not re.fullmatch(r"\d+(x\d+)?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not like 64, or like 48x80 (HEIGHTxWIDTH)"
        )
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def option(text):
    """`NAME=VALUE` -> (name, value), the value as JSON or Python writes it."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    for read in (json.loads, ast.literal_eval):  # true as well as True
        try:
            return name, read(value)
        except (ValueError, SyntaxError):
            continue
    return name, value  # a word
