"""What tells one model from another in a record of results."""

import hashlib
import json

import numpy as np


def model_record(model) -> dict:
    """Class, decoder, size and digest of a model.

    Args:
        model: a `VariationalModel`.

    Returns:
        dict of JSON values; `sha256` is that of configuration and weights, so that it
        is the same for a model that was saved and loaded, or made again by the same
        code: names, which Keras counts up, are left out.
    """
    config = _without_names(model.get_config())
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return {
        "class": type(model).__name__,
        "decoder": type(model.decoder).__name__,
        "beta": model.beta,
        "parameters": model.count_params(),
        "sha256": digest.hexdigest(),
    }


def _without_names(config):
    if isinstance(config, dict):
        kept = {key: value for key, value in config.items() if key != "name"}
        return {key: _without_names(value) for key, value in kept.items()}
    if isinstance(config, (list, tuple)):
        return [_without_names(value) for value in config]
    return config


def check_weights(model):
    """Raises a `ValueError` if a weight of the model is not finite."""
    for weight in model.weights:
        values = weight.numpy()
        if (
            values.dtype.kind not in "iub"
            and not np.isfinite(values.astype(np.float32)).all()
        ):
            raise ValueError(
                f"The weight '{weight.path}' of the {type(model).__name__} is not "
                "finite: its training diverged. Train again, with a smaller learning "
                "rate for example; there is nothing to evaluate."
            )
