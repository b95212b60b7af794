"""The protocol of an evaluation in words, whole, and where those of several differ."""

from tfsigmavae.evaluation.report.blocks import Cell, Facts, Group, Note, Row, Table
from tfsigmavae.evaluation.report.numbers import flat, number, value_text

# Field -> how a sentence has it. Fields that are not here stand in the whole protocol.
_WORDS = {
    "num_context": "{} given frames",
    "num_predicted": "{} predicted frames",
    "num_frames": "{} frames a clip",
    "num_clips": "{} clips",
    "num_images": "{} images",
    "windows": "{} window of longer clips",
    "num_samples": "{} samples",
    "noise_samples": "{} of them with the decoder's noise",
    "selection": "best sample by {}",
    "importance_samples": "{} importance samples",
    "calibration_images": "calibration of {} images",
    "seed": "seed {}",
}


def in_words(run) -> str:
    """The protocol of a run as one sentence; empty where it has none."""
    protocol = run.part("protocol")
    if not protocol:
        return ""
    # As many as there were, where the protocol asks for more.
    count = run.part("data").get("clips")
    numbers = {
        name: count if name in ("num_clips", "num_images") and count else value
        for name, value in protocol.items()
    }
    if numbers.get("selection") == "each":
        numbers["selection"] = "each metric itself"
    parts = [
        words.format(_text(numbers[name]))
        for name, words in _WORDS.items()
        if numbers.get(name) is not None
    ]
    parts += _extractor(protocol)
    parts += _ssim(run)
    return f"Protocol {name_of(run)}: {'; '.join(parts)}."


def _text(value):
    return number(value) if isinstance(value, int) else value_text(value)


def _extractor(protocol):
    extractor = protocol.get("extractor")
    if isinstance(extractor, dict):
        extractor = extractor.get("name")
    return [f"features of {extractor}"] if extractor else []


def _ssim(run):
    """The conventions of SSIM, which are told by the metrics."""
    metrics = run.part("metrics").items()
    # The window comes first.
    return [
        f"{str(metric.get('label', name)).partition(',')[0]} "
        f"({metric['description'].partition(',')[0]})"
        for name, metric in metrics
        if "ssim" in name and metric.get("description")
    ]


def name_of(run) -> str:
    """Its name, and whether it was changed."""
    protocol = run.part("protocol")
    name = str(protocol.get("name", "without a name"))
    return f"{name} (modified)" if protocol.get("modified") else name


def blocks(runs) -> list:
    """Words, warnings and the whole of the protocols."""
    found = _notes(runs, in_words) + _notes(runs, _modification, "warning")
    found += _differences(runs)
    whole = [list(flat(run.part("protocol"))) for run in runs]
    rows = _once(whole)
    if rows is None:
        rows = [
            (f"{run.label}: {name}", text)
            for run, fields in zip(runs, whole, strict=True)
            for name, text in fields
        ]
    return [*found, Facts("The whole protocol", rows)] if rows else found


def _notes(runs, words, kind="text"):
    """What is to be said of each run; without its name where it holds for all."""
    texts = [words(run) for run in runs]
    if (text := _once(texts)) is not None:
        return [Note(text, kind)] if text else []
    told = zip(runs, texts, strict=True)
    return [Note(f"{run.label}: {text}", kind) for run, text in told if text]


def _once(values):
    """The value that all of them are; `None` where they differ."""
    first, *others = values
    return first if all(other == first for other in others) else None


def _modification(run):
    modified = run.part("protocol").get("modified")
    if not modified:
        return ""
    changes = ", ".join(f"{name} = {text}" for name, text in flat(modified))
    name = run.part("protocol").get("name")
    return (
        f"Protocol {name} was changed: {changes}. Its figures do not belong beside "
        f"those of {name}."
    )


def differing(runs) -> list[tuple[str, list[str]]]:
    """Fields of protocol and data that differ, with what each run has."""
    each = [
        dict(flat(run.part("protocol")))
        | {
            f"data.{name}": value_text(run.part("data")[name])
            for name in ("path", "split", "clips", "fingerprint")
            if name in run.part("data")
        }
        for run in runs
    ]
    # What was modified is a field of its own already.
    names = dict.fromkeys(name for fields in each for name in fields)
    names = [name for name in names if name.partition(".")[0] != "modified"]
    table = {name: [fields.get(name, "–") for fields in each] for name in names}
    if len(set(table.get("data.fingerprint", "–"))) == 1:
        table.pop("data.path", None)  # the same clips at another place
    return [(name, values) for name, values in table.items() if len(set(values)) > 1]


def _differences(runs):
    fields = differing(runs)
    if not fields:
        return []
    names = ", ".join(name for name, _ in fields)
    warning = f"The runs were not evaluated alike: they differ in {names}. Compare "
    warning += "their figures only as far as these fields allow."
    rows = [Row(name, [Cell(value) for value in values]) for name, values in fields]
    columns = [(run.label, "") for run in runs]
    table = Table("Fields of the protocols that differ", columns, [Group("", rows)])
    return [Note(warning, "warning"), table]
