"""A wrongly configured Keras, or a missing extra, is named with its way out."""

import json
import os
import subprocess
import sys

import pytest

from tfsigmavae import backend

# Runs the check as `import tfsigmavae` does, without the seconds that TensorFlow takes.
CHECK_ALONE = f"import runpy; runpy.run_path({backend.__file__!r})['check_keras']()"


def _import_package(tmp_path, env=None, keras_json=None, code="import tfsigmavae"):
    if keras_json is not None:
        (tmp_path / "keras.json").write_text(json.dumps(keras_json))
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    environment.update(env or {})
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_another_backend_in_the_environment_is_refused(tmp_path, name):
    result = _import_package(tmp_path, env={"KERAS_BACKEND": name})
    last_line = result.stderr.strip().splitlines()[-1]
    assert result.returncode != 0
    assert last_line.startswith("ImportError: tfsigmavae needs the Keras backend")
    assert f"got '{name}'" in last_line
    assert "KERAS_BACKEND=tensorflow" in last_line and "keras.json" in last_line


def test_another_backend_in_keras_json_is_refused(tmp_path):
    result = _import_package(tmp_path, keras_json={"backend": "jax"})
    assert result.returncode != 0
    assert "ImportError: tfsigmavae needs the Keras backend" in result.stderr
    assert "got 'jax'" in result.stderr


def test_channels_first_in_keras_json_is_refused(tmp_path):
    result = _import_package(
        tmp_path, keras_json={"image_data_format": "channels_first"}
    )
    last_line = result.stderr.strip().splitlines()[-1]
    assert result.returncode != 0
    assert last_line.startswith("ImportError: tfsigmavae needs the Keras image data")
    assert "got 'channels_first'" in last_line and "keras.json" in last_line


def test_environment_wins_over_keras_json(tmp_path):
    result = _import_package(
        tmp_path,
        env={"KERAS_BACKEND": "tensorflow"},
        keras_json={"backend": "jax"},
        code=CHECK_ALONE,
    )
    assert result.returncode == 0, result.stderr


def test_unreadable_keras_json_is_left_to_keras(tmp_path):
    (tmp_path / "keras.json").write_text("{not json")
    result = _import_package(tmp_path, code=CHECK_ALONE)
    assert result.returncode == 0, result.stderr


def test_settings_of_an_imported_keras_win_over_keras_json(tmp_path):
    result = _import_package(
        tmp_path,
        keras_json={"image_data_format": "channels_first"},
        code="import keras; keras.config.set_image_data_format('channels_last'); "
        + CHECK_ALONE,
    )
    assert result.returncode == 0, result.stderr


def test_require_returns_the_module():
    assert backend.require("json", "datasets") is json


def test_require_names_the_pip_command():
    with pytest.raises(ImportError) as caught:
        backend.require("no_such_module_anywhere", "datasets")
    assert 'pip install "tfsigmavae[datasets]"' in str(caught.value)
    assert "no_such_module_anywhere" in str(caught.value)


def test_require_does_not_hide_a_broken_install(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import something_it_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_it_needs"):
        backend.require("half_installed", "datasets")
