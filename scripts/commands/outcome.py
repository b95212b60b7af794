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


def tell_options(options, headings):
    """All options of a run, nested ones in brackets.

    Args:
        options: dict of the run.
        headings: heading -> names of options; those of none come last.
    """
    told = {name for names in headings.values() for name in names}
    rest = [name for name in options if name not in told]
    print("Options (--help explains them):", file=sys.stderr)
    for heading, names in [*headings.items(), ("other", rest)]:
        shown = [f"{n} {_value(options[n])}" for n in names if n in options]
        indent = {"initial_indent": f"  {heading}: ", "subsequent_indent": "    "}
        text = ", ".join(shown)
        lines = textwrap.wrap(text, 88, break_on_hyphens=False, **indent)
        print(*lines, sep="\n", end="\n" * bool(lines), file=sys.stderr)


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
