"""TFLite networks: small ones made here, and MobileNet on real clips."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.metrics import extractors, feature_distance, frechet_distance
from tfsigmavae.metrics.extractors.extractor import digest

# Of TensorFlow, on its interpreter and its converter.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs"),
]

EMBEDDING = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"


def write(path, function, shape):
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="module")
def floating(tmp_path_factory):
    path = tmp_path_factory.mktemp("lite") / "colours.tflite"
    return write(path, lambda x: tf.reduce_mean(x, [1, 2]), [1, 4, 6, 3])


def levels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_a_floating_network_is_given_its_range(floating):
    pixels = levels(5, 4, 6, 3)
    means = pixels.mean((1, 2)) / 255.0
    extractor = extractors.get(floating)
    np.testing.assert_allclose(extractor(pixels), 2.0 * means - 1.0, atol=1e-5)
    unit = extractors.TFLite(floating, "unit", (0.0, 1.0), batch_size=2)
    np.testing.assert_allclose(unit(pixels), means, atol=1e-5)
    assert extractor.record() == {
        "name": "colours",
        "per": "image",
        "num_features": 3,
        "sha256": digest(floating),
        "input_size": [4, 6],
        "range": [-1.0, 1.0],
        "resize": "bilinear, antialiased",
    }
    assert unit.record()["range"] == [0.0, 1.0]
    assert extractors.get(str(floating), "mine").distance_name == "frechet[mine]"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """The same network in signed bytes, made for pixels in [0, 1]: zero is -128."""
    path = tmp_path_factory.mktemp("lite") / "signed.tflite"
    function = tf.function(lambda x: tf.reduce_mean(x, [1, 2]))
    concrete = function.get_concrete_function(tf.TensorSpec([1, 4, 6, 3]))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    white = np.ones((1, 4, 6, 3), np.float32)
    converter.representative_dataset = lambda: iter([[white], [0 * white]])
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    path.write_bytes(converter.convert())
    return path


def test_a_network_of_signed_bytes_is_given_grey_levels_less_128(signed):
    pixels = levels(5, 4, 6, 3)
    extractor = extractors.get(signed)
    assert extractor.record()["range"] == [-128.0, 127.0]
    # Steps of 1 / 255, rounded twice.
    expected = pixels.mean((1, 2)) / 255.0
    np.testing.assert_allclose(extractor(pixels), expected, atol=0.01)


def test_frames_are_resized(floating):
    pixels = levels(2, 16, 9, 3)
    small = tf.image.resize(pixels / 255.0, (4, 6), antialias=True)
    expected = 2.0 * np.mean(small, (1, 2)) - 1.0
    np.testing.assert_allclose(extractors.get(floating)(pixels), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [[1, 4, 6, 3], [2, 3]])
def test_another_network_is_an_error_when_it_is_opened(tmp_path, shape):
    path = write(tmp_path / "same.tflite", lambda x: x + 1.0, shape)
    with pytest.raises(ValueError, match=r"\[1, H, W, 3\].*it takes \[\["):
        extractors.get(path)
    path.write_bytes(b"no network at all, of any kind")
    with pytest.raises(ValueError, match="no network of TFLite"):
        extractors.get(path)


def plain_run(path, image):
    """One image by the interpreter alone: levels in, numbers out."""
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    details = interpreter.get_output_details()[0]
    scale, zero = details["quantization"]
    raw = interpreter.get_tensor(details["index"]).ravel().astype(np.float64)
    return (raw - zero) * scale


@pytest.mark.parametrize(
    ("name", "size", "num_features"),
    [("mobilenet_v1_0.25_128_quant.tflite", 128, 1001), (EMBEDDING, 224, 1024)],
)
def test_real_networks_of_8_bits(shared_data, name, size, num_features):
    path, pixels = shared_data(name), levels(2, size, size, 3)
    extractor = extractors.get(path)
    features = extractor(pixels)
    expected = [plain_run(path, image) for image in pixels]
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    np.testing.assert_array_equal(extractor(pixels / np.float32(255)), features)
    assert features.shape == (2, num_features) and len(np.unique(features)) > 9
    record = extractor.record()
    assert record["range"] == [0.0, 255.0] and record["input_size"] == [size, size]


@pytest.fixture
def real_frames(shared_data):
    with np.load(shared_data("clips64.npz")) as arrays:
        return np.concatenate([arrays[name][:48:6] for name in sorted(arrays)])


def blurred(frames, width):
    """A box of `width` pixels each way."""
    frames = tf.constant(frames / np.float32(255))
    return tf.nn.avg_pool2d(frames, width, 1, "SAME").numpy()


def noised(frames, deviation):
    noise = np.random.default_rng(1).normal(size=frames.shape) * deviation
    return np.clip(frames / 255.0 + noise, 0.0, 1.0)


@pytest.mark.filterwarnings("ignore::tfsigmavae.metrics.FewSamplesWarning")
def test_distances_of_real_frames_grow_with_what_is_done_to_them(
    shared_data, real_frames
):
    extractor = extractors.get(shared_data(EMBEDDING), "mobilenet_v1")
    assert extractor.distance_name == "frechet[mobilenet_v1]"
    features = extractor(real_frames)
    assert frechet_distance(features, extractor(real_frames)) < 1e-6
    for spoil, amounts in [(blurred, (3, 9)), (noised, (0.05, 0.3))]:
        pair = [spoil(real_frames, amount) for amount in amounts]
        near, far = (frechet_distance(extractor(rows), features) for rows in pair)
        assert 1.0 < near < 0.7 * far
    near, far = (feature_distance(extractor, x[:4], real_frames[:4]) for x in pair)
    assert np.all((0.0 < near) & (near < far))
