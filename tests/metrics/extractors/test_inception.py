"""The two Inception networks: a made graph, and Keras' own with random weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import digest


def levels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def kernel():
    return np.random.default_rng(0).normal(size=(1, 1, 3, 2048)).astype(np.float32)


@pytest.fixture(scope="module")
def made_graph(kernel, tmp_path_factory):
    """Of the names and the fixed batch of one of the real file, and an old operation.

    The real one reads a JPEG file, resizes, and uses the normalisation that later
    versions took out.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        contents = v1.placeholder(tf.string, [], name="DecodeJpeg/contents")
        image = tf.cast(tf.io.decode_jpeg(contents, 3), tf.float32)
        image = tf.expand_dims(image, 0, name="ExpandDims")
        resized = v1.image.resize_bilinear(image, (16, 16))
        resized = tf.reshape(resized, [-1, 16, 16, 3])
        ones, zeros = tf.ones([3], name="ones"), tf.zeros([3], name="zeros")
        normal = tf.identity(resized, name="normal")
        maps = tf.nn.conv2d(normal, kernel, 1, "VALID")
        tf.nn.avg_pool2d(maps, 16, 1, "VALID", name="pool_3")
    definition = graph.as_graph_def(add_shapes=True)
    definition.versions.producer = 8
    (node,) = (node for node in definition.node if node.name == "normal")
    node.op = "BatchNormWithGlobalNormalization"
    node.input.extend([zeros.op.name, ones.op.name, zeros.op.name, ones.op.name])
    node.attr["variance_epsilon"].f = 0.0
    node.attr["scale_after_normalization"].b = False
    path = tmp_path_factory.mktemp("graph") / "classify_image_graph_def.pb"
    path.write_bytes(definition.SerializeToString())
    return path


def test_the_graph_of_2015_is_given_grey_levels(made_graph, kernel):
    pixels = levels(5, 16, 16, 3)
    extractor = extractors.get(f"inception_2015:{made_graph}")
    expected = pixels.mean((1, 2)) @ kernel[0, 0]
    np.testing.assert_allclose(extractor(pixels), expected, rtol=1e-4, atol=1e-2)
    # Of another size, in two batches, grey, floating.
    grey = np.full((3, 8, 9, 1), 0.5, np.float32)
    small = extractors.Inception2015(made_graph, batch_size=2)
    expected = np.full((3, 3), 127.5) @ kernel[0, 0]
    np.testing.assert_allclose(small(grey), expected, rtol=1e-4, atol=1e-2)


def test_only_the_graph_of_2015_gives_the_fid(made_graph):
    extractor = extractors.get(f"inception_2015:{made_graph}")
    assert (extractor.distance_name, extractor.kernel_name) == ("FID", "KID")
    record = extractor.record()
    assert record["sha256"] == digest(made_graph)
    assert record["num_features"] == 2048 and record["range"] == [0.0, 255.0]


def test_another_graph_is_an_error(made_graph, tmp_path):
    path = tmp_path / "graph.pb"
    with tf.Graph().as_default() as graph:
        tf.compat.v1.placeholder(tf.float32, name="ExpandDims")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(ValueError, match=r"no tensors \['pool_3:0'\].*of 2015"):
        extractors.Inception2015(path)
    path.write_bytes(b"no graph at all")
    with pytest.raises(ValueError, match="not a frozen graph"):
        extractors.Inception2015(path)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(
        include_top=False, weights=None, pooling="avg"
    )


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "own.weights.h5"
    network.save_weights(path)
    yield path
    path.unlink()  # 88 MB


def test_inception_v3_is_that_of_keras_with_its_preprocessing(network, weights):
    pixels = levels(2, 30, 40, 3)
    extractor = extractors.get(f"inception_v3:{weights}")
    resized = tf.image.resize(pixels, (299, 299))
    inputs = keras.applications.inception_v3.preprocess_input(resized)
    expected = network(inputs, training=False)
    # Convolutions in float32, compiled and not.
    np.testing.assert_allclose(extractor(pixels), expected, rtol=1e-3, atol=1e-5)
    assert extractor.distance_name == "frechet[inception_v3]"
    assert extractor.kernel_name == "kernel[inception_v3]"
    record = extractor.record()
    assert record["sha256"] == digest(weights)
    assert record["input_size"] == [299, 299] and record["range"] == [-1.0, 1.0]
    assert record["resize"] == "bilinear, antialiased"


@pytest.fixture
def small(monkeypatch):
    """In the place of InceptionV3, which takes seconds to build."""

    def make(**options):
        layers = [keras.Input([8, 8, 3]), keras.layers.Conv2D(2, 3)]
        return keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D()])

    monkeypatch.setattr(keras.applications, "InceptionV3", make)


def test_weights_of_another_network_are_an_error(tmp_path, small):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input([3]), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(ValueError, match="does not hold the weights of keras.app"):
        extractors.InceptionV3(path)
    path.write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match="does not hold the weights of keras.app"):
        extractors.InceptionV3(path)


def test_weights_that_keras_leaves_out_are_an_error(tmp_path, monkeypatch, small):
    (tmp_path / "some.h5").touch()
    monkeypatch.setattr(keras.Model, "load_weights", lambda self, path: None)
    with pytest.raises(ValueError, match="some are missing"):
        extractors.InceptionV3(tmp_path / "some.h5")
