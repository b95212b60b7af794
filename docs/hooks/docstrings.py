"""An extension of griffe: how the docstrings of this package are read.

They are Google's style with two titles more, "Call arguments:" and "Example:", and
what a function returns is told in a sentence, with no type before it.
"""

import re

import griffe

TITLES = {
    r"^Call arguments:$": "Other Args: Call arguments:",
    r"^Example:$": "Examples: Example:",
    r"^Example: (.+)$": r"Examples: Example:\n    \1\n",
}
RETURNS = re.compile(r"^(Returns|Yields):\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)


def _as_text(section):
    """A title in bold, and below it what was indented."""
    title, body = section.groups()
    return f"**{title}:**\n\n" + re.sub(r"^ {4}", "", body, flags=re.MULTILINE)


def _show_functions(module):
    """Of a function and the module of its name, such as `psnr`, shows the function."""
    exported = {str(name) for name in module.exports or ()}
    for name, member in list(module.members.items()):
        if member.is_alias or not member.is_module:
            continue
        _show_functions(member)
        found = member.members.get(name) if name in exported else None
        if found and not found.is_alias and found.is_function:
            module.members[name] = griffe.Alias(name, found, parent=module)


class Titles(griffe.Extension):
    """Gives sections the titles that griffe knows; drops the words of packages."""

    def on_package(self, *, pkg, **kwargs):
        pkg.docstring = None
        _show_functions(pkg)

    def on_object(self, *, obj, **kwargs):
        if obj.is_module:  # a page of the reference has words of its own
            obj.docstring = None
        if obj.docstring is None:
            return
        text = RETURNS.sub(_as_text, obj.docstring.value + "\n")
        for title, known in TITLES.items():
            text = re.sub(title, known, text, flags=re.MULTILINE)
        obj.docstring.value = text.rstrip("\n")
