"""The command `tfsigmavae`, or `python -m tfsigmavae_commands`."""

import importlib
import os
import sys

from tfsigmavae_commands import console, source
from tfsigmavae_commands.parsing import closest

# Words of the command -> module with `main(argv)`, and what it is for.
COMMANDS = {
    "demo": ("demo", "make data, train minutes on a CPU, draw what may come next"),
    "train video": ("train_video", "a video predictor, on your videos or a data set"),
    "train images": ("train_images", "a VAE, on your images or a data set"),
    "predict": ("predict", "draw futures of videos as a GIF"),
    "evaluate": ("evaluate", "score runs by a named protocol, one page to look at"),
    "export": ("export", "a SavedModel for TensorFlow Serving"),
    "data pushing": ("pushing", "write the simulated pushing data"),
    "data convert": ("convert", "turn videos into records that train fast"),
    "data download": ("download", "fetch a data set of the papers"),
    "reproduce": ("reproduce", "run the paper's comparison of decoders again"),
}


def main(argv=None):
    """Runs a command and ends the process with its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if sys.stderr is None:  # closed; what is said there must not go elsewhere
        sys.stderr = open(os.devnull, "w")
    for length in (1, 2):
        name = " ".join(argv[:length])
        if name in COMMANDS:
            _run(COMMANDS[name][0], argv[length:])
    console.run(lambda: _without_command(argv))


def _run(name, argv):
    module = importlib.import_module(f"tfsigmavae_commands.{name}")
    options = getattr(module, "CONSOLE", {})
    console.run(lambda: module.main(argv), **options)


def _without_command(argv):
    if argv[:1] == ["--version"]:
        print(source.names("tfsigmavae.version")["__version__"])
        return 0
    verb, *rest = argv or ["--help"]
    several = [name for name in COMMANDS if name.startswith(f"{verb} ")]
    if verb in ("-h", "--help", "help"):
        print(f"{_listed(COMMANDS)}\n\nEach explains itself: tfsigmavae COMMAND --help")
        return 0
    if several and (not rest or rest[0] in ("-h", "--help")):
        print(_listed(several))
        return 0 if rest else 2
    words = [verb, *(word for word in rest[:1] if not word.startswith("-"))]
    near = closest(" ".join(words), COMMANDS) or closest(verb, COMMANDS)
    told = f"Did you mean '{near}'?" if near else ""
    told = told or f"Choose from: {', '.join(several or COMMANDS)}."
    wrong = " ".join(words if several else words[:1])
    print(f"error: there is no command 'tfsigmavae {wrong}'. {told}", file=sys.stderr)
    return 2


def _listed(names):
    width = max(map(len, names))
    rows = [f"  tfsigmavae {name:{width}}  {COMMANDS[name][1]}" for name in names]
    return "\n".join(["usage:", *rows])


if __name__ == "__main__":
    main()
