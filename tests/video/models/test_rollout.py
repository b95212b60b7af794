"""The exported model: served without this package, it does what Python does."""

import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from export_archive import write_instead
from fresh_process import run, run_python
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae import export_saved_model

# A served model is loaded where nothing but TensorFlow is.
SERVE = """
    import sys
    import numpy as np
    import tensorflow as tf
    folder = sys.argv[1]
    data = np.load(folder + "/inputs.npz")
    clips, actions = data["clips"], data["actions"]
    plain = tf.saved_model.load(folder + "/plain")
    acting = tf.saved_model.load(folder + "/acting")
    outputs = {
        "positional": plain.predict_video(clips[:, :2], 3, 2, 7),
        "signature": plain.signatures["predict_video"](
            context=tf.constant(clips[:, :2]), num_frames=tf.constant(3),
            num_samples=tf.constant(2), seed=tf.constant(7),
        )["output_0"],
        "longer": plain.predict_video(clips[:1, :4], 1, 5, 8),
        "other_seed": plain.predict_video(clips[:, :2], 3, 2, 8),
        "reconstruct": plain.reconstruct(clips),
        "reconstruct_short": plain.reconstruct(clips[:1, :3]),
        "acting": acting.predict_video(clips[:, :2], 3, 2, 7, actions),
        "acting_reconstruct": acting.reconstruct(clips, actions),
    }
    np.savez(folder + "/outputs.npz", **outputs)
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"tensorflow_probability", "tfsigmavae", "tfsigmavae_video"}
"""


@pytest.fixture(scope="module")
def plain():
    return randomise_weights(tiny_model())


@pytest.fixture(scope="module")
def served(plain, tmp_path_factory):
    """Folder of two exported models, what Python gives, what serving gives."""
    folder = tmp_path_factory.mktemp("served")
    acting = randomise_weights(tiny_model(action_size=2, network="vgg"))
    clips = random_clips(num_frames=6) / np.float32(255)
    actions = np.random.default_rng(0).normal(size=[2, 5, 2]).astype(np.float32)
    assert export_saved_model(plain, folder / "plain") == folder / "plain"
    export_saved_model(acting, folder / "acting")
    np.savez(folder / "inputs.npz", clips=clips, actions=actions)
    run_python(SERVE, folder, cwd=folder)
    frames = plain.predict_frames(clips[:, :2], 3, 2, seed=7)
    expected = {
        "positional": frames,
        "signature": frames,
        "longer": plain.predict_frames(clips[:1, :4], 1, 5, seed=8),
        "other_seed": plain.predict_frames(clips[:, :2], 3, 2, seed=8),
        "reconstruct": plain.reconstruct(clips),
        "reconstruct_short": plain.reconstruct(clips[:1, :3]),
        "acting": acting.predict_frames(clips[:, :2], 3, 2, 7, actions),
        "acting_reconstruct": acting.reconstruct(clips, actions),
    }
    with np.load(folder / "outputs.npz") as outputs:
        return folder, expected, dict(outputs)


@pytest.mark.parametrize(
    "name",
    [
        "positional",
        "signature",
        "longer",
        "other_seed",
        "reconstruct",
        "reconstruct_short",
        "acting",
        "acting_reconstruct",
    ],
)
def test_served_frames_equal_those_of_python(served, name):
    _, expected, outputs = served
    np.testing.assert_allclose(outputs[name], expected[name], atol=1e-6)


def test_served_seeds_differ(served):
    outputs = served[2]
    assert np.abs(outputs["positional"] - outputs["other_seed"]).max() > 1e-3


def test_saved_model_cli_shows_readable_names(served):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    folder = str(served[0] / "acting")
    text = run([*command, "show", "--dir", folder, "--all"]).stdout
    for endpoint, inputs in (
        ("predict_video", ["context", "num_frames", "num_samples", "seed", "actions"]),
        ("reconstruct", ["clips", "actions"]),
    ):
        section = text.partition(f"signature_def['{endpoint}']")[2]
        section = section.partition("signature_def[")[0].partition("Concrete")[0]
        for name in inputs:
            assert f"inputs['{name}']" in section, (endpoint, name)


def test_existing_path_is_refused(plain, tmp_path):
    path = tmp_path / "taken"
    path.mkdir()
    (path / "precious").write_text("text")
    with pytest.raises(FileExistsError, match="taken.*exists"):
        export_saved_model(plain, path)
    assert [file.name for file in path.iterdir()] == ["precious"]


def test_failed_export_leaves_nothing(plain, tmp_path, monkeypatch):
    def fail(folder):
        (folder / "half").mkdir(parents=True)
        raise OSError("disk full")

    endpoint = (tf.identity, [tf.TensorSpec([None], tf.float32, "values")])
    monkeypatch.setattr(plain, "export_endpoints", lambda: {"same": endpoint})
    write_instead(monkeypatch, fail)
    with pytest.raises(OSError, match="disk full"):
        export_saved_model(plain, tmp_path / "deep" / "1")
    assert not [path for path in tmp_path.rglob("*") if path.name != "deep"]


def test_export_leaves_only_the_model(served):
    folder = served[0]
    assert {path.name for path in folder.iterdir()} == {
        "acting",
        "plain",
        "inputs.npz",
        "outputs.npz",
    }
    assert (folder / "plain" / "saved_model.pb").is_file()


def test_exported_folder_is_readable_like_any_other(served):
    # A server often runs as another user.
    mode = (served[0] / "plain").stat().st_mode & 0o777
    probe = served[0] / "probe"
    probe.mkdir()
    expected = probe.stat().st_mode & 0o777
    probe.rmdir()
    assert mode == expected


def test_endpoints_are_json_friendly(plain):
    names = {
        name: [spec.name for spec in signature]
        for name, (_, signature) in plain.export_endpoints().items()
    }
    assert json.loads(json.dumps(names)) == {
        "predict_video": ["context", "num_frames", "num_samples", "seed"],
        "reconstruct": ["clips"],
    }


@pytest.fixture(scope="module")
def predict_video(plain):
    function, signature = plain.export_endpoints()["predict_video"]
    return tf.function(function, input_signature=signature)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"context": np.full([1, 2, 8, 8, 3], 255.0)}, "must lie in"),
        ({"context": np.zeros([1, 1, 8, 8, 3])}, "at least 2 frames"),
    ],
)
def test_served_model_refuses_what_python_refuses(predict_video, change, message):
    inputs = {
        "context": np.zeros([1, 2, 8, 8, 3]),
        "num_frames": 2,
        "num_samples": 1,
        "seed": 0,
    } | change
    inputs["context"] = tf.constant(inputs["context"], tf.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        predict_video(**inputs)


def test_other_keras_models_are_told_how_to_export(tmp_path):
    with pytest.raises(TypeError, match="model.export"):
        export_saved_model(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "x")
