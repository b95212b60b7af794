"""I3D by small SavedModels of its shapes."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import digest


class Network(tf.Module):
    """The mean colour of a clip, 400 numbers made of it."""

    def __init__(self, num_features=400):
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal([3, num_features], [0, 1]))

    def __call__(self, clips):
        return tf.reduce_mean(clips, [1, 2, 3]) @ self.kernel


def save(path, shape=(None, None, 224, 224, 3), num_features=400):
    network = Network(num_features)
    signature = tf.function(
        lambda rgb_frames: {"default": network(rgb_frames)},
        input_signature=[tf.TensorSpec(shape, tf.float32, name="rgb_frames")],
    )
    tf.saved_model.save(network, path, signatures={"default": signature})
    return network


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("i3d") / "network"
    return path, save(path)


def clips(num, *frame):
    shape = (num, 2, *frame)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def numpy_features(network, pixels):
    """Of frames twice as small: rows and columns 0, 1/2, 1, ... of TensorFlow 1."""
    values = pixels / 255.0 * 2.0 - 1.0
    for axis in (2, 3):
        following = np.concatenate(
            [values.take(range(1, values.shape[axis]), axis), values.take([-1], axis)],
            axis,
        )
        pair = np.stack([values, (values + following) / 2], axis + 1)
        shape = [*values.shape]
        shape[axis] *= 2
        values = pair.reshape(shape)
    return values.mean((1, 2, 3)) @ network.kernel.numpy()


def test_frames_are_resized_as_by_the_authors(saved):
    path, network = saved
    pixels = clips(3, 112, 112, 3)
    # Brighter to the right: where a pixel lies shows in the mean.
    pixels = np.minimum(pixels, np.linspace(0, 255, 112)[:, None]).astype(np.uint8)
    extractor = extractors.get(f"i3d:{path}")
    features = extractor(pixels)
    np.testing.assert_allclose(features, numpy_features(network, pixels), atol=1e-4)
    assert features.shape == (3, 400)


def test_it_gives_the_fvd_and_says_what_it_is(saved):
    extractor = extractors.get(f"i3d:{saved[0]}")
    assert (extractor.distance_name, extractor.kernel_name) == ("FVD", "KVD")
    assert extractor.per == "clip" and extractor.num_features == 400
    record = extractor.record()
    assert record["sha256"] == digest(saved[0]) and record["name"] == "i3d"
    assert record["input_size"] == [224, 224] and record["range"] == [-1.0, 1.0]


def test_a_fixed_batch_is_filled_up(tmp_path):
    network = save(tmp_path / "fixed", (2, None, 224, 224, 3))
    pixels = clips(3, 112, 112, 1)
    extractor = extractors.I3D(tmp_path / "fixed")
    assert extractor.batch_size == 2
    expected = numpy_features(network, pixels.repeat(3, -1))
    np.testing.assert_allclose(extractor(pixels), expected, atol=1e-4)


def test_a_fixed_number_of_frames_is_checked(tmp_path):
    save(tmp_path / "fixed", (None, 3, 224, 224, 3))
    with pytest.raises(ValueError, match="clips of 3 frames, got 2"):
        extractors.I3D(tmp_path / "fixed")(clips(1, 8, 8, 3))


def test_a_module_of_tensorflow_1_with_a_second_graph_for_training(tmp_path):
    """Tags as those of the published one: none, and "train"."""
    v1, path = tf.compat.v1, tmp_path / "hub"
    builder = v1.saved_model.Builder(str(path))
    for tags in ([], ["train"]):
        with tf.Graph().as_default(), v1.Session() as session:
            pixels = v1.placeholder(tf.float32, [None, None, 224, 224, 3])
            kernel = v1.get_variable(
                "kernel", [3, 400], initializer=v1.ones_initializer
            )
            output = tf.reduce_mean(pixels, [1, 2, 3]) @ kernel
            signature = v1.saved_model.predict_signature_def(
                {"rgb_frames": pixels}, {"default": output}
            )
            session.run(v1.global_variables_initializer())
            if tags:
                builder.add_meta_graph(tags, {"default": signature})
            else:
                builder.add_meta_graph_and_variables(
                    session, tags, {"default": signature}
                )
    builder.save()
    features = extractors.I3D(path)(np.ones((1, 2, 8, 8, 3), np.float32))
    np.testing.assert_allclose(features, np.full((1, 400), 3.0), rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"num_features": 10}, {"shape": (None, None, 64, 64, 3)}, {"shape": (None, 3)}],
)
def test_another_network_is_an_error_when_it_is_opened(tmp_path, options, monkeypatch):
    if options.get("shape") == (None, 3):
        monkeypatch.setattr(Network, "__call__", lambda self, x: x @ self.kernel)
    save(tmp_path / "other", **options)
    with pytest.raises(
        ValueError, match=r"float input \[N, T, 224, 224, 3\].*\[N, 400"
    ):
        extractors.I3D(tmp_path / "other")


def test_a_folder_that_is_no_saved_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no 'saved_model.pb'"):
        extractors.I3D(tmp_path)
