"""Lambdas in layers: cloned and copied freely, saved as Keras saves its own."""

import copy
import json
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae import layers as tfpl

tfd = tfp.distributions
X = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
SCALE = 2.0


def _prior():
    return tfd.MultivariateNormalDiag(tf.zeros([3]))


def _scaled(factor):
    return tfpl.DistributionLambda(lambda t: tfd.Normal(factor * t, SCALE))


LAYERS = {
    "make_distribution_fn": lambda: [
        tfpl.DistributionLambda(lambda t: tfd.Normal(t, SCALE))
    ],
    "closure": lambda: [_scaled(3.0)],
    "array in closure": lambda: [_scaled(np.arange(6, dtype=np.float32))],
    "default argument": lambda: [
        tfpl.DistributionLambda(lambda t, scale=0.5: tfd.Normal(t, scale))
    ],
    "convert_to_tensor_fn": lambda: [
        tfpl.IndependentNormal([3], lambda d: d.mean() + SCALE)
    ],
    "component_layer": lambda: [
        tfpl.MixtureSameFamily(
            2, lambda t: tfd.Normal(t[..., 0], tf.exp(t[..., 1])), "mean"
        )
    ],
    "test_points_fn": lambda: [
        tfpl.IndependentNormal([3], "mean"),
        tfpl.KLDivergenceAddLoss(_prior(), test_points_fn=lambda d: d.mean() + SCALE),
    ],
    "distribution_b": lambda: [
        tfpl.IndependentNormal([3], "mean"),
        tfpl.KLDivergenceAddLoss(lambda: _prior()),
    ],
}


@pytest.fixture(params=LAYERS)
def model(request):
    return keras.Sequential([keras.Input([6]), *LAYERS[request.param]()])


def _check_same(twin, model):
    assert twin is not model
    ours, theirs = twin(X), model(X)
    np.testing.assert_array_equal(ours.mean(), theirs.mean())
    np.testing.assert_array_equal(ours.stddev(), theirs.stddev())
    np.testing.assert_array_equal(twin.losses, model.losses)
    if twin.layers[0].convert_to_tensor_fn != "sample":
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("duplicate", [keras.models.clone_model, copy.deepcopy])
def test_models_with_lambdas_are_duplicated(model, duplicate):
    _check_same(duplicate(model), model)


def test_layers_with_lambdas_are_duplicated(model):
    twins = [copy.deepcopy(layer) for layer in model.layers]
    _check_same(keras.Sequential([keras.Input([6]), *twins]), model)


def test_they_are_saved_and_load_unsafely(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    with pytest.raises((TypeError, ValueError), match="`safe_mode=False`"):
        keras.models.load_model(path)
    _check_same(keras.models.load_model(path, safe_mode=False), model)


def test_a_file_tells_what_keras_own_lambda_tells():
    function = lambda t: tfd.Normal(t, SCALE)  # noqa: E731
    config = tfpl.DistributionLambda(function).get_config()["make_distribution_fn"]
    keras_config = keras.layers.Lambda(function).get_config()["function"]
    assert dict(config) == {**keras_config, "module": __name__}
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize(
    "held", [tf.Variable(2.0), tf.constant(2.0), keras.layers.Dense(6), tfd.Normal]
)
def test_what_a_lambda_cannot_take_along_is_named(held, tmp_path):
    def layer():
        return tfpl.DistributionLambda(
            lambda t: tfd.Normal(t, 1.0 if callable(held) else held)
        )

    model = keras.Sequential([keras.Input([6]), layer()])
    _check_same(keras.models.clone_model(model), model)
    with pytest.raises(ValueError, match=f"takes .'{type(held).__name__}'.* named fun"):
        model.save(tmp_path / "model.keras")


def test_another_process_finds_the_names_around_a_lambda(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, keras, tensorflow as tf, tensorflow_probability as tfp\n"
        "from tfsigmavae.layers import DistributionLambda\n"
        "def model():\n"
        "    layer = DistributionLambda(lambda t: tfp.distributions.Normal(t, 2.0))\n"
        "    return keras.Sequential([keras.Input([1]), layer])\n"
        "if sys.argv[1] == 'save':\n"
        "    model().save('model.keras')\n"
        "else:\n"
        "    loaded = keras.models.load_model('model.keras', safe_mode=False)\n"
        "    print('stddev', float(loaded(tf.zeros([1, 1])).stddev()[0, 0]))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [program.name, "save"])
    runpy.run_path(program.name, run_name="__main__")
    command = [sys.executable, program.name, "load"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stddev 2.0" in done.stdout
