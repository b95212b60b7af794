"""What a command says in words: with which options it runs, and what it has made."""

import pathlib
import shlex
import sys
import textwrap

# File or folder in a run's summary or folder -> what it is.
_MADE = {
    "report": "what was measured, one page: open it in a browser",
    "gif": "sampled futures beside what happened",
    "samples": "what the model samples",
    "reconstructions": "originals and what the model makes of them",
}
_IN_THE_FOLDER = {
    "history.png": "the curves of training",
    "samples": "pictures from during training",
    "model.keras": "the model, for keras.models.load_model",
}
# Command -> how to go on with a run.
_NEXT = {
    "predict": "tfsigmavae predict --model {output} --data {data}",
    "export": "tfsigmavae export --model {output} --output export/1",
}


def tell_options(options):
    """All options of a run, nested ones in brackets."""
    shown = ", ".join(f"{name} {_value(value)}" for name, value in options.items())
    indent = {"initial_indent": "  ", "subsequent_indent": "  "}
    lines = textwrap.wrap(shown, 88, break_on_hyphens=False, **indent)
    print("Options:", *lines, sep="\n", file=sys.stderr)


def tell_run(summary, output, data, command):
    """What a run made and what comes next; nothing of a dry run, which keeps nothing.

    Args:
        summary: dict of the run.
        output: its folder, or `None`.
        data: what it was trained on.
        command: how to go on, "predict" or "export".
    """
    if "report" not in summary:
        return
    output = pathlib.Path(output)
    made = {summary[key]: text for key, text in _MADE.items() if key in summary}
    made |= {
        str(output / name): text
        for name, text in _IN_THE_FOLDER.items()
        if (output / name).exists()
    }
    words = {"output": shlex.quote(str(output)), "data": shlex.quote(str(data))}
    tell_made(made, [_NEXT[command].format(**words)])


def tell_made(made, commands=()):
    """Paths with what they are, and the commands that may follow."""
    width = max(map(len, made))
    rows = [f"  {path:{width}}  {text}" for path, text in made.items()]
    print("Made:", *rows, sep="\n", file=sys.stderr)
    if commands:
        print("Next:", *(f"  {c}" for c in commands), sep="\n", file=sys.stderr)


def _value(value):
    if isinstance(value, dict):
        inside = ", ".join(f"{name}={_value(each)}" for name, each in value.items())
        return f"({inside})" if inside else "none"
    return "none" if value is None else str(value)
