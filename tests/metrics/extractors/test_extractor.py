"""What all extractors do, by a small one: checks, grey, batches, names, digests."""

import hashlib
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import Extractor, digest, resized


class Brightness(Extractor):
    """The mean of each channel, and the numbers of images it was given at once."""

    def __init__(self, **options):
        super().__init__("brightness", **options)
        self.batches = []

    def extract(self, pixels):
        assert pixels.dtype == tf.float32
        self.batches.append(len(pixels))
        return tf.reduce_mean(pixels, range(1, pixels.shape.rank - 1))


def levels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_batches_are_bounded_and_change_nothing():
    pixels = levels(7, 4, 5, 3)
    extractor = Brightness(batch_size=3)
    features = extractor(pixels)
    assert features.shape == (7, 3) and features.dtype == np.float32
    np.testing.assert_allclose(features, pixels.mean((1, 2)) / 255.0, atol=1e-6)
    assert extractor.batches == [3, 3, 1]


def test_uint8_and_floats_and_tensors_are_alike():
    pixels = levels(2, 4, 5, 3)
    floats = pixels / np.float32(255)
    expected = Brightness()(pixels)
    for same in (floats, floats.astype(np.float64), tf.constant(pixels), list(pixels)):
        np.testing.assert_allclose(Brightness()(same), expected, atol=1e-6)


def test_grey_is_repeated():
    pixels = levels(2, 4, 5, 1)
    features = Brightness()(pixels)
    np.testing.assert_array_equal(features, Brightness()(pixels.repeat(3, -1)))


def test_clips():
    pixels = levels(2, 3, 4, 5, 1)
    features = Brightness(per="clip", batch_size=1)(pixels)
    expected = pixels.mean((1, 2, 3)).repeat(3, -1) / 255.0
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_the_number_of_features_is_known_after_a_call_and_stays():
    extractor = Brightness()
    assert extractor.record()["num_features"] is None
    extractor(levels(2, 4, 5, 3))
    assert extractor.num_features == extractor.record()["num_features"] == 3


def test_names_and_record():
    extractor = Brightness(num_features=3, sha256="abc", input_size=(8, 9))
    assert extractor.distance_name == "frechet[brightness]"
    assert extractor.kernel_name == "kernel[brightness]"
    record = extractor.record()
    assert json.loads(json.dumps(record)) == record == {
        "name": "brightness",
        "per": "image",
        "num_features": 3,
        "sha256": "abc",
        "input_size": [8, 9],
        "range": [0.0, 1.0],
        "resize": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        ({}, (4, 5, 3), r"\[N, H, W, C\].*'brightness', got shape \(4, 5, 3\).*None"),
        ({}, (2, 3, 4, 5, 3), r"\[N, H, W, C\].*reshape\(-1, H, W, C\)"),
        ({"per": "clip"}, (2, 4, 5, 3), r"\[N, T, H, W, C\]"),
        ({}, (0, 4, 5, 3), "N >= 1"),
        ({}, (2, 4, 5, 4), r"C 1 or 3, got shape \(2, 4, 5, 4\)"),
        ({"num_features": 5}, (2, 4, 5, 3), r"features \[2, 5\].*got shape \(2, 3\)"),
        ({"per": "pixel"}, (2, 4, 5, 3), "`per` 'pixel'.*image.*clip"),
        ({"batch_size": 0}, (2, 4, 5, 3), "`batch_size` must be an int >= 1"),
    ],
)
def test_what_does_not_fit_is_an_error(options, shape, words):
    with pytest.raises(ValueError, match=words):
        Brightness(**options)(levels(*shape))


def test_other_dtypes_and_ranges_are_an_error():
    with pytest.raises(TypeError, match="uint8"):
        Brightness()(np.zeros((2, 4, 5, 3), np.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[0, 1\]"):
        Brightness()(levels(2, 4, 5, 3).astype(np.float32))


def test_frames_keep_their_leading_axes_when_resized():
    """Twice as large: pixel centres at quarters, weights 3/4 and 1/4."""
    frames = tf.constant([0.0, 1.0], shape=[1, 1, 1, 2, 1])
    wider = resized(frames, (1, 4), antialias=False)
    np.testing.assert_allclose(wider[0, 0, 0, :, 0], [0.0, 0.25, 0.75, 1.0], atol=1e-6)
    assert resized(frames, (1, 2), antialias=False) is frames
    # Shrunk to one pixel: all of them count.
    wide = tf.constant([1.0, 0.0, 0.0, 1.0], shape=[1, 1, 4, 1])
    one = resized(wide, (1, 1), antialias=True)
    assert 0.2 < float(tf.squeeze(one)) < 0.8


def test_digests_are_those_of_sha256sum(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b" / "c.txt").write_text("two")
    one, two = (hashlib.sha256(text).hexdigest() for text in (b"one", b"two"))
    assert digest(tmp_path / "a.txt") == one
    lines = f"{one}  a.txt\n{two}  b/c.txt\n"
    assert digest(tmp_path) == hashlib.sha256(lines.encode()).hexdigest()


def test_any_callable_is_an_extractor():
    def brightness(pixels):
        return tf.reduce_mean(pixels, [1, 2])

    pixels = levels(3, 4, 5, 1)
    extractor = extractors.get(brightness)
    assert extractor.distance_name == "frechet[brightness]"
    assert extractor.record()["sha256"] is None
    np.testing.assert_array_equal(extractor(pixels), Brightness()(pixels))
    assert extractors.get(brightness, "other").name == "other"
    assert extractors.get(extractor) is extractor
    grey = extractors.Function(brightness, channels=None)
    assert grey(pixels).shape == (3, 1)


def test_a_keras_model_is_a_callable_with_a_name():
    model = keras.Sequential(
        [keras.Input([4, 5, 3]), keras.layers.Flatten()], name="flat"
    )
    extractor = extractors.get(model)
    pixels = levels(3, 4, 5, 3)
    np.testing.assert_allclose(extractor(pixels), pixels.reshape(3, -1) / 255, 1e-6)
    assert extractor.name == "flat" and extractor.num_features == 60


def test_features_with_rows_and_columns_are_an_error():
    extractor = extractors.get(lambda pixels: pixels, "same")
    with pytest.raises(ValueError, match="averaged over them first"):
        extractor(levels(2, 4, 5, 3))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("fid", "Unknown extractor 'fid'.*inception_2015:PATH.pb.*FID"),
        ("i3d", "Unknown extractor 'i3d'"),
        ("inception_2015:", "Unknown extractor"),
        (pathlib.Path("network.onnx"), "Unknown extractor 'network.onnx'"),
        (3, "Unknown extractor 3"),
        (lambda pixels: pixels, "Give `name`"),
    ],
)
def test_what_is_no_extractor_is_an_error(spec, words):
    with pytest.raises(ValueError, match=words):
        extractors.get(spec)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("a.tflite", "no 'a.tflite'.*`.tflite` file"),
        ("i3d:nowhere", "no 'nowhere'.*SavedModel.*kinetics"),
        ("inception_2015:a.pb", "no 'a.pb'.*inception-2015-12-05.tgz"),
        ("inception_v3:a.h5", r"no 'a.h5'.*include_top=False\)` downloads"),
        ("inception_v3", "no '.*inception_v3_weights.*notop.h5'.*Keras cache"),
    ],
)
def test_a_missing_file_is_an_error_that_says_how_to_get_it(
    spec, words, monkeypatch, tmp_path
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=words):
        extractors.get(spec)


def test_a_function_that_cannot_be_called_or_a_name_too_many_is_an_error():
    with pytest.raises(TypeError, match="must be callable, got 3"):
        extractors.Function(3)
    with pytest.raises(ValueError, match="`channels` must be 3 or None, got 1"):
        extractors.Function(len, channels=1)
    with pytest.raises(ValueError, match="`name` is for callables.*'inception_v3'"):
        extractors.get("inception_v3", "mine")
