"""Bayesian layers of another package before ours, as the page on moving over has it."""

import pathlib
import re

import keras
import numpy as np
import pytest

from tfsigmavae import layers as tfpl

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "migrating_from_tfp_layers.md"


def test_its_layers_and_ours_train_in_one_model():
    pytest.importorskip("keras_proba")
    program = re.search(
        r"```python\n(import keras_proba\n.*?)```", PAGE.read_text(), re.DOTALL
    )[1]
    x = np.linspace(-1, 1, 64, dtype="float32")[:, np.newaxis]
    names = {"keras": keras, "tfpl": tfpl, "x": x, "y": 2 * x + 1}
    exec(compile(program, PAGE.name, "exec"), names)
    model = names["bayesian"]
    assert len(model.losses) == 1  # the KL of its weights
    losses = model.fit(x, 2 * x + 1, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    first, second = model(x).mean(), model(x).mean()
    assert np.any(first != second)
