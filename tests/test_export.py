"""An export is there whole or not at all, and for everybody to read."""

import os

import numpy as np
import pytest
import tensorflow as tf
from export_archive import write_instead
from tiny_vae import TinyVAE

from tfsigmavae import ConvVAE, export_saved_model


@pytest.fixture
def model(monkeypatch):
    """A model with one endpoint, which takes no time to trace."""
    endpoint = (tf.identity, [tf.TensorSpec([None], tf.float32, "values")])
    monkeypatch.setattr(TinyVAE, "export_endpoints", lambda _: {"same": endpoint})
    made = TinyVAE(seed=1)
    made(tf.zeros([1, 4, 4, 1]))
    return made


@pytest.fixture
def while_writing(monkeypatch):
    """`while_writing(action)`: `action(folder)` stands in for Keras' writing."""

    def replace(action):
        def write(folder):
            folder.mkdir()
            action(folder)
            (folder / "mine").touch()

        write_instead(monkeypatch, write)

    return replace


def test_an_export_can_be_read_by_others(model, tmp_path):
    """A server often runs as another user."""
    previous = os.umask(0o022)
    try:
        path = export_saved_model(model, tmp_path / "deep" / "1")
    finally:
        os.umask(previous)
    for found in (path, *path.rglob("*")):
        wanted = 0o755 if found.is_dir() else 0o644
        assert found.stat().st_mode & wanted == wanted, found
    served = tf.saved_model.load(path)
    assert served.same(tf.constant([2.0])).numpy().tolist() == [2.0]
    assert [found.name for found in path.parent.iterdir()] == ["1"]


def test_every_weight_is_saved_once(tmp_path):
    model = ConvVAE((8, 8, 1), latent_size=2, widths=(3, 4))
    path = export_saved_model(model, tmp_path / "1")
    names = tf.train.list_variables(str(path / "variables" / "variables"))
    shapes = [shape for name, shape in names if name.endswith("VARIABLE_VALUE")]
    assert sorted(shapes) == sorted(list(v.shape) for v in model.variables)
    served = tf.saved_model.load(path)
    assert len(served.trainable_variables) == len(model.trainable_variables)
    for mine, other in zip(model.variables, served.variables, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_half_a_model_is_no_version(model, tmp_path, while_writing):
    """TensorFlow Serving takes every folder whose name is a number."""
    seen = []
    while_writing(lambda _: seen.extend(path.name for path in tmp_path.iterdir()))
    export_saved_model(model, tmp_path / "1")
    assert len(seen) == 1 and seen[0].startswith(".") and not seen[0].isdigit()
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["mine"]


def test_of_two_exports_at_once_the_second_is_refused(model, tmp_path, while_writing):
    path = tmp_path / "1"

    def other_is_first(_):
        path.mkdir()
        (path / "other").touch()

    while_writing(other_is_first)
    with pytest.raises(OSError):
        export_saved_model(model, path)
    assert [found.name for found in path.iterdir()] == ["other"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_that_was_never_called_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`fit` it, or call it"):
        export_saved_model(TinyVAE(seed=1), tmp_path / "1")
    assert not list(tmp_path.iterdir())
