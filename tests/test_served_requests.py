"""A served model refuses bad requests by name, and lives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_svg_lp
import tiny_warp_vrnn
from fresh_process import ROOT, run_python
from soaking.served_requests import (
    IMAGE_LIMITS,
    VIDEO_LIMITS,
    answer,
    bad_answers,
    good_requests,
)

import tfsigmavae as sv
from tfsigmavae.serving import Limits, checked_endpoints

NAMES = ["conv_vae", "hierarchical_vae", "svg_lp", "warp_vrnn"]


def _models():
    yield sv.ConvVAE((8, 8, 1), latent_size=3, widths=(4, 4), seed=1)
    yield sv.HierarchicalVAE((8, 8, 1), levels=((2, 3), (4, 2)), width=4, seed=1)
    shape = {"frame_shape": (8, 8, 1), "action_size": 2}
    yield tiny_svg_lp.tiny_model(**shape)
    yield tiny_warp_vrnn.tiny_model(**shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    for name, model in zip(NAMES, _models(), strict=True):
        limits = VIDEO_LIMITS if hasattr(model, "frame_shape") else IMAGE_LIMITS
        sv.export_saved_model(model, folder / name, **limits)
        keras.utils.clear_session()
    return folder


@pytest.fixture(scope="module")
def load(folder):
    loaded = {}

    def load(name):
        if name not in loaded:
            loaded[name] = tf.saved_model.load(folder / name)
        return loaded[name]

    return load


@pytest.mark.parametrize("name", NAMES)
def test_every_bad_request_names_its_argument(name, load):
    number, wrong = bad_answers(load(name))
    assert number >= 20
    assert not wrong, wrong


def test_a_server_lives_through_all_of_them(folder):
    """It has nothing but TensorFlow: there is no Python of ours to catch them."""
    code = """
        import sys
        sys.path.insert(0, sys.argv[2])
        import tensorflow as tf
        from soaking.served_requests import bad_answers
        for name in sys.argv[3:]:
            number, wrong = bad_answers(tf.saved_model.load(f"{sys.argv[1]}/{name}"))
            assert number >= 20 and not wrong, wrong
        loaded = {name.partition(".")[0] for name in sys.modules}
        assert not loaded & {"tfsigmavae", "tfsigmavae_video"}
        print("alive")
    """
    here = ROOT / "scripts"
    assert run_python(code, folder, here, *NAMES).endswith("alive\n")


@pytest.mark.parametrize("name", NAMES)
def test_requests_at_the_limits_are_answered(name, load):
    served = load(name)
    good = good_requests(served)
    if "sample" in good:
        assert len(answer(served, "sample", good["sample"] | {"num": np.int32(5)})) == 5
        latents = np.repeat(good["decode"]["latents"], 2, axis=0)
        assert len(answer(served, "decode", {"latents": latents})) == 4
        return
    context = np.repeat(good["reconstruct"]["clips"], 2, axis=1)[:1]
    request = {
        "context": context,
        "num_frames": np.int32(8),
        "num_samples": np.int32(5),
        "seed": np.int32(-(2**31)),
        "actions": np.zeros([1, 15, 2], np.float32),
    }
    assert answer(served, "predict_video", request).shape == (5, 1, 8, 8, 8, 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_limits_can_be_asked_for(name, load):
    limits = load(name).signatures["limits"]()
    told = {key: int(value) for key, value in limits.items()}
    assert told == (IMAGE_LIMITS if name.endswith("vae") else VIDEO_LIMITS)


@pytest.mark.parametrize("name", NAMES)
def test_another_dtype_is_told_with_the_argument(name, load):
    """By TensorFlow, before the graph; the signature tells the dtype of each name."""
    served = load(name)
    for endpoint, inputs in good_requests(served).items():
        function = getattr(served, endpoint)
        for name, value in inputs.items():
            wrong = np.uint8 if value.dtype == np.float32 else np.float32
            changed = inputs | {name: tf.constant(value.astype(wrong))}
            with pytest.raises(TypeError, match=f"name='{name}'"):
                function(**changed)
            missing = {other: inputs[other] for other in inputs if other != name}
            with pytest.raises(TypeError, match=name):
                function(**missing)


@pytest.mark.parametrize("name", ["conv_vae", "svg_lp"])
def test_uint8_is_to_be_divided_by_255(name, load):
    """Arrays are cast by TensorFlow, so that it is their values that are refused."""
    inputs = good_requests(load(name))["reconstruct"]
    (pixels, value), *rest = inputs.items()
    value = (255 * value).astype(np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        load(name).reconstruct(value, *(other for _, other in rest))
    words = f"`{pixels}` must lie in [0, 1] when floating: divide 8-bit values by 255."
    assert words in str(error.value)


@pytest.mark.parametrize("name", IMAGE_LIMITS)
@pytest.mark.parametrize("value", [0, -1, 2.0, None, True])
def test_limits_are_whole_numbers(name, value, tmp_path):
    model = sv.ConvVAE((8, 8, 1), latent_size=3, widths=(4, 4))
    with pytest.raises(ValueError, match=f"`{name}` must be an int >= 1"):
        sv.export_saved_model(model, tmp_path / "1", **{name: value})
    assert not list(tmp_path.iterdir())


def test_limits_are_int32():
    with pytest.raises(ValueError, match="`max_frames` must be below"):
        Limits(2**31, 1, 1, 1)


def test_limits_at_their_ends_do_not_overflow():
    spec = [
        tf.TensorSpec([None, 2], tf.float32, "values"),
        tf.TensorSpec([], tf.int32, "num_frames"),
        tf.TensorSpec([], tf.int32, "num_samples"),
    ]
    most = 2**31 - 1
    endpoints = {"take": (lambda values, num_frames, num_samples: values, spec)}
    function, _ = checked_endpoints(endpoints, Limits(most, most, most, most))["take"]
    served = tf.function(function, input_signature=spec)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="at most 2147483647 bytes"
    ):
        served(tf.zeros([1, 2]), most, most)
    assert served(tf.zeros([1, 2]), most // 8, 1).shape == [1, 2]


def test_a_real_signature_is_left_as_it_was(load):
    """Clients read shapes, types and names from it."""
    _, inputs = load("svg_lp").signatures["predict_video"].structured_input_signature
    assert inputs["context"] == tf.TensorSpec([None, None, 8, 8, 1], name="context")
    assert inputs["num_frames"] == tf.TensorSpec([], tf.int32, name="num_frames")
    _, inputs = load("conv_vae").signatures["decode"].structured_input_signature
    assert inputs["latents"] == tf.TensorSpec([None, 3], name="latents")


def test_nothing_is_computed_before_all_inputs_are_right():
    """One that is right must not start what another, wrong, would have stopped."""
    seen = tf.Variable(0.0)

    def keep(value, other):
        return seen.assign(value) + other

    spec = [tf.TensorSpec([], tf.float32, name) for name in ("value", "other")]
    limits = Limits(**IMAGE_LIMITS)
    function, _ = checked_endpoints({"keep": (keep, spec)}, limits)["keep"]
    served = tf.function(function, input_signature=spec)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`other` must be finite"):
        served(1.0, np.nan)
    assert seen == 0.0
    assert served(1.0, 2.0) == 3.0
