"""What the flags of `train video` and `train images` have in common."""

import argparse
import textwrap

from tfsigmavae_commands import source
from tfsigmavae_commands.parsing import Parser, closest, early, option

# Heading -> rows of flag, default (its type is the flag's) or type, explanation.
COMMON = {
    "data": [],
    "model": [
        ("--decoder", "optimal_sigma", "p(x | z), see docs/decoders.md"),
        ("--beta", 1.0, "KL weight"),
        ("--precision", "float32", "dtype policy"),
    ],
    "training": [
        ("--decay-from", 1.0, "share of the steps after which the rate falls to 5 %%"),
        ("--warm-up-steps", 0, "steps over which the learning rate rises first"),
        ("--kl-ramp", 0.0, "share of the steps in which the KL weight rises to --beta"),
        ("--gradient-accumulation-steps", 1, "steps (of --steps) in one update"),
        ("--recalibration-steps", 100, "batches that set sigma at the end, 0 for none"),
        ("--seed", 0, "of weights, noise, order of the data, samples"),
    ],
    "evaluation and pictures": [
        ("--preview-every", int, "steps between pictures, 0: none (default: a tenth)"),
    ],
}
CHOICES = {"--precision": ["float32", "mixed_bfloat16", "mixed_float16"]}
OPTIONS = {
    "--model-options": "arguments of the network, listed below",
    "--decoder-options": "arguments of the decoder, e.g. sigma=0.1",
}
_HEADINGS = {
    "--model-options": "model",
    "--decoder-options": "model",
    "--data-options": "data",
    "--frame-shape": "data",  # of --frame-size and --channels
}
# How help calls the value of a flag.
_METAVARS = {int: "N", float: "X"}
# Constructor arguments of models that have flags of their own, or that data decide.
OWN = {"decoder", "beta", "seed", "num_context", "frame_shape", "image_shape"}
OWN |= {"action_size"}


def parser_of(
    command, description, own, choices, package, recipes, argv, options=OPTIONS
):
    """A parser with the flags of both commands and those of one.

    Args:
        command: its words after `tfsigmavae`.
        description: docstring of its module.
        own: as `COMMON`, with its headings.
        choices: flag -> allowed values.
        package: with the registry of models.
        recipes: preset name -> options.
        argv: list of str; the preset's options are the defaults that help shows.
        options: as `OPTIONS`, flags that take NAME=VALUE.
    """
    # Known before `--help` prints the defaults.
    recipe = recipes.get(early(argv, "--preset")["preset"], {})
    models = source.model_options(package, OWN)
    parser = Parser(
        command,
        description,
        usage=f"tfsigmavae {command} --preset NAME | --data DATA --output RUN [flags]",
        epilog=_explained(models, recipe),
    )
    parser.on_unknown = (
        " Arguments of model and decoder are given as --model-options NAME=VALUE and "
        "--decoder-options NAME=VALUE."
    )
    parser.models = models
    _add_run(parser, sorted(recipes))
    decoders = sorted(source.registry("tfsigmavae.decoders", "_BY_NAME"))
    choices = {"--model": sorted(models), "--decoder": decoders, **CHOICES, **choices}
    for heading, rows in COMMON.items():
        group = parser.add_argument_group(heading)
        for flag, default, text in [*own.get(heading, []), *rows]:
            _add(group, flag, default, text, choices.get(flag))
        for flag in options:
            if _HEADINGS[flag] == heading:
                _add_options(group, flag, options[flag])
    defaults = {k: v for k, v in recipe.items() if not isinstance(v, dict)}
    parser.set_defaults(**defaults)
    return parser


def parse(parser, argv, recipes, outputs, options=OPTIONS) -> dict:
    """Flags by name; explicit ones win over the preset's, option by option.

    `outputs` are the run folders of presets where `--output` is not given.
    """
    flags = vars(parser.parse_args(argv))
    recipe = recipes.get(flags["preset"], {})
    if flags["model"] != parser.get_default("model"):  # the preset's are of its own
        recipe = {key: recipe[key] for key in recipe if key != "model_options"}
    for flag in options:
        name = flag[2:].replace("-", "_")
        given = dict(flags[name])
        if len(given) < len(flags[name]):
            parser.error(f"{flag} gives an option twice: {flags[name]}.")
        flags[name] = recipe.get(name, {}) | given
    _check_model_options(parser, flags)
    if flags["warm_up_steps"] == recipe.get("warm_up_steps"):  # not asked for
        flags["warm_up_steps"] = min(flags["warm_up_steps"], flags["steps"])
    flags["output"] = flags["output"] or outputs.get(flags["preset"])
    if not flags["dry_run"] and not (flags["data"] and flags["output"]):
        parser.error("--data and --output are needed, or --preset, or --dry-run.")
    return flags


def _check_model_options(parser, flags):
    """Refuses unknown ones before anything is loaded; the model judges values."""
    known = parser.models[flags["model"]]
    for name in flags["model_options"]:
        if name not in known:
            near = closest(name, known)
            told = f"Did you mean {near}?" if near else f"It has {', '.join(known)}."
            parser.error(
                f"--model-options: model {flags['model']} has no {name}. {told}"
            )


def headings(own) -> dict:
    """Heading of help -> names of the options that stand below it.

    `own` is as that of `parser_of`.
    """
    flags = {
        heading: [row[0] for row in [*own.get(heading, []), *COMMON[heading]]]
        + [flag for flag, of in _HEADINGS.items() if of == heading]
        for heading in COMMON
    }
    return {
        heading: [flag[2:].replace("-", "_") for flag in names]
        for heading, names in flags.items()
    }


def run_options(flags) -> dict:
    """Takes out what is an argument of `Experiment.run` and no option of a run.

    The strategy is made, which has to come before anything is computed.
    """
    names = ("tensorboard", "accept_changed_data", "strategy", "data_service")
    options = {name: flags.pop(name) for name in names if name in flags}
    if options["strategy"] != "none":
        from tfsigmavae.runs.devices import make_strategy

        options["strategy"] = make_strategy(options["strategy"])
    else:
        options["strategy"] = None
    return options


def _add_run(parser, presets):
    """Which run it is, and how it is run."""
    add = parser.add_argument_group("run").add_argument
    words = f"data set with its recipe: {', '.join(presets)}"
    add("--preset", choices=presets, metavar="NAME", help=words)
    add("--output", metavar="RUN", help="run folder")
    add(
        "--dry-run",
        action="store_true",
        help="check flags and data, then two steps on noise; nothing is kept",
    )
    add("--tensorboard", action="store_true", help="write OUTPUT/logs")
    add(
        "--strategy",
        default="none",
        choices=(strategies := ["none", "mirrored", "multi_worker"]),
        metavar="NAME",
        help=f"one device, all GPUs, several machines: {', '.join(strategies)}",
    )
    add(
        "--accept-changed-data",
        action="store_true",
        help="resume although the data are not those that the run began with",
    )


def _add(group, flag, default, text, choices):
    is_type = isinstance(default, type)
    kind = default if is_type else type(default)
    how = {"type": kind, "choices": choices, "metavar": _METAVARS.get(kind)}
    if choices:
        how["metavar"] = "N" if kind is int else "NAME"
        text = f"{text}: {', '.join(map(str, choices))}"
    if kind is bool:
        how = {"action": argparse.BooleanOptionalAction}
    if not is_type:
        text, how["default"] = f"{text} (default: %(default)s)", default
    group.add_argument(flag, help=text, **how)


def _add_options(group, flag, text):
    kind = {"type": option, "nargs": "+", "action": "extend", "default": []}
    group.add_argument(flag, metavar="NAME=VALUE", help=text, **kind)


def _explained(models, recipe):
    rows = {f"of {name}, with their defaults": models[name] for name in models}
    if options := recipe.get("model_options"):
        rows["that the preset sets"] = options
    lines = []
    for title, options in rows.items():
        shown = ", ".join(f"{option}={value}" for option, value in options.items())
        lines.append(f"--model-options {title}:")
        lines += textwrap.wrap(shown, 78, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)
