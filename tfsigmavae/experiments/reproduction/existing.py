"""Whether what an output folder holds belongs to the runs that are asked for."""

from tfsigmavae.experiments.image_experiment import ImageExperiment
from tfsigmavae.files import read_json


def check_existing(files, plan) -> None:
    """Refuses runs and feature networks of other options, before anything runs.

    Names alone do not tell: those of two presets are the same.

    Args:
        files: `Files`.
        plan: what `plan.json` is to hold.

    Raises:
        ValueError: naming the first difference and the way out.
    """
    for name, run in plan["runs"].items():
        folder = files.run(name)
        present = {path.name for path in folder.glob("[!.]*")}
        # Options alone are of an attempt that failed at once.
        if "config.json" in present and len(present) > 1:
            saved = read_json(folder / "config.json")
            earlier = ImageExperiment(**run["options"]).earlier_defaults()
            _compare(files, f"run {name}", earlier | saved, run["options"])
    saved = read_json(files.plan)["studies"] if files.plan.is_file() else {}
    for key, study in plan["studies"].items():
        if key in saved and files.features_record(key).is_file():
            _compare(
                files, f"study {key}", _of_features(saved[key]), _of_features(study)
            )


def _of_features(study):
    return {**study["options"], "num_samples": study["num_samples"]}


def _compare(files, what, saved, wanted):
    changed = [
        f"{key} {saved.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted(saved.keys() | wanted.keys())
        if saved.get(key) != wanted.get(key)
    ]
    if changed:
        raise ValueError(
            f"`output` '{files.output}' holds a {what} with other options "
            f"({', '.join(changed)}). Choose another --output, or the same options."
        )
