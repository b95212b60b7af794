"""Which options a conversion was made with, and whether they are those asked for."""

import json

from tfsigmavae.files import read_json
from tfsigmavae_video.data.loading import option_defaults
from tfsigmavae_video.data.softmotion import DATASET


def defaults_of(data, num_frames):
    """Options that need not be given: naming them changes nothing."""
    if isinstance(data, dict):
        return {}
    try:
        found = option_defaults(data)
    except (FileNotFoundError, ValueError):
        return {}  # raised again on opening, which a complete data set does not need
    return _json_values(found | {"min_frames": num_frames})


def besides_defaults(options, defaults):
    """The options that differ from their defaults, as JSON values."""
    return {
        name: value
        for name, value in _json_values(options).items()
        if name not in defaults or defaults[name] != value
    }


def complete(output, chosen, defaults):
    """What a finished conversion says of itself, or `None` if there is none yet.

    Raises:
        FileExistsError: if it was made with other options, or is none.
    """
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return None
    if not (output / DATASET).is_file():
        raise FileExistsError(
            f"'{output}' exists and is no converted data set. Choose another `output`."
        )
    dataset = read_json(output / DATASET)
    was, asked = defaults | dataset["options"], defaults | chosen
    others = [
        f"{name} {was.get(name)!r}, and {asked.get(name)!r} is asked for"
        for name in {**chosen, **dataset["options"]}
        if was.get(name) != asked.get(name)
    ]
    if others:
        raise FileExistsError(
            f"'{output}' is a complete data set made with {'; '.join(others)}. Choose "
            "another `output`, or delete this one."
        )
    return dataset


def _json_values(values):
    return json.loads(json.dumps(values, default=str))
