"""Every decoder as a layer of Keras: shapes, builds, summaries, freezing, weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import ConvVAE, decoders
from tfsigmavae.losses import NegativeLogLikelihood

# Whoever adds a decoder under a name has it tested here.
each_decoder = pytest.mark.parametrize("name", decoders.names())
CONVERSIONS = ("mean", "sample", "mode", "stddev", "variance", "logits")
# Static shapes before the channels of params.
FRAMES = [(None, 4, 6), (None, None, None), (2, 4, None)]


def _pixels(*shape):
    levels = np.random.default_rng(0).integers(0, 256, shape)
    return (levels / 255.0).astype(np.float32)


def _params(decoder, *shape, channels=3):
    size = decoder.params_size(channels)
    raw = np.random.default_rng(1).normal(size=(*shape, size))
    return decoder.activate(tf.constant(raw, tf.float32))


def _converted(name, conversion, **options):
    """The decoder, and the shape of an image's tensor; skips what it does not have."""
    decoder = decoders.get(name, convert_to_tensor_fn=conversion, **options)
    try:
        value = decoder(_params(decoder, 2, 4, 6))
    except (NotImplementedError, AttributeError):
        pytest.skip(f"{name} has no {conversion}")
    fresh = decoders.get(name, convert_to_tensor_fn=conversion, **options)
    return fresh, tuple(value.shape[3:])


@each_decoder
@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_static_shapes_are_those_of_the_values(name, conversion):
    decoder, last = _converted(name, conversion)
    size = decoder.params_size(3)
    for leading in FRAMES:
        shape, expected = (*leading, size), (*leading, *last)
        assert decoder.compute_output_shape(shape) == expected
        assert decoder(keras.Input(batch_shape=shape)).shape == expected


@each_decoder
@pytest.mark.parametrize("leading", FRAMES)
def test_log_likelihoods_have_the_static_shape_of_the_batch(name, leading):
    decoder = decoders.get(name)

    def traced(params, pixels):
        distribution = decoder(params)
        assert tuple(distribution.log_prob(pixels).shape) == leading[:1]
        if decoder.measure is not None:
            assert tuple(distribution.log_mass(pixels).shape) == leading[:1]

    specs = [
        tf.TensorSpec([*leading, channels]) for channels in (decoder.params_size(3), 3)
    ]
    tf.function(traced).get_concrete_function(*specs)


@each_decoder
@pytest.mark.parametrize("conversion", ["mean", "sample"])
def test_layers_that_need_a_static_shape_can_follow(name, conversion):
    decoder, _ = _converted(name, conversion)
    inputs = keras.Input([4, 6, decoder.params_size(3)])
    flat = keras.layers.Flatten()(decoder(inputs))
    assert keras.Model(inputs, keras.layers.Dense(2)(flat))(
        _params(decoder, 5, 4, 6)
    ).shape == (5, 2)
    free = keras.Input([None, None, decoder.params_size(3)])
    convolved = keras.layers.Conv2D(2, 2, strides=2)(decoder(free))
    assert convolved.shape == (None, None, None, 2)
    assert keras.Model(free, convolved)(_params(decoder, 2, 4, 6)).shape == (2, 2, 3, 2)


@each_decoder
def test_shapes_go_by_position_and_by_the_names_of_build(name):
    size = decoders.get(name).params_size(3)
    shape, expected = (None, 4, 6, size), (None, 4, 6, 3)
    for shapes in ({"params_shape": shape}, {"input_shape": shape}):
        assert decoders.get(name).compute_output_shape(**shapes) == expected
        shapes = {**shapes, "target_shape": (None, 4, 6, 3)}
        assert decoders.get(name).compute_output_shape(**shapes) == expected
    assert decoders.get(name).compute_output_shape(list(shape)) == expected


@each_decoder
@pytest.mark.parametrize("with_target", [False, True])
def test_builds_again_from_its_own_build_configuration(name, with_target):
    decoder = decoders.get(name)
    size = decoder.params_size(3)
    if with_target:
        decoder(keras.Input([4, 6, size]), keras.Input([4, 6, 3]))
    else:
        decoder.build((None, 4, 6, size))
    twin = decoders.get(name)
    twin.build_from_config(decoder.get_build_config())
    assert twin.built and len(twin.weights) == len(decoder.weights)
    for ours, theirs in zip(decoder.weights, twin.weights, strict=True):
        assert ours.shape == theirs.shape
    assert decoder.compute_output_shape(**decoder._build_shapes_dict) == (
        None,
        4,
        6,
        3,
    )


class Wrapped(keras.Model):
    """A decoder in a subclassed model, fitted to the inputs."""

    def __init__(self, decoder, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(decoder.params_size(3))
        self.decoder = decoder

    def call(self, images, training=False):
        params = self.decoder.activate(self.hidden(images))
        return self.decoder(params, target=images, training=training)


def _sequential(decoder):
    """Without a target."""
    return keras.Sequential([keras.layers.Dense(decoder.params_size(3)), decoder])


def _functional(decoder, with_target=True):
    image = keras.Input([4, 6, 3])
    raw = keras.layers.Dense(decoder.params_size(3))(image)
    return keras.Model(image, decoder(raw, image if with_target else None))


def _nested(decoder):
    return keras.Sequential([keras.Input([4, 6, 3]), _functional(decoder)])


@each_decoder
@pytest.mark.parametrize(
    "make",
    [
        Wrapped,
        _sequential,
        _functional,
        lambda decoder: _functional(decoder, with_target=False),
        _nested,
    ],
    ids=["subclassed", "sequential", "functional", "without_target", "nested"],
)
def test_summary_shows_the_output_of_the_decoder(name, make):
    model = make(decoders.get(name, name="pixels"))
    model(_pixels(2, 4, 6, 3))
    lines = []
    model.summary(line_length=120, print_fn=lines.append, expand_nested=True)
    of_decoder = [line for line in "\n".join(lines).splitlines() if "pixels (" in line]
    assert of_decoder and all("4, 6, 3)" in line for line in of_decoder)


@pytest.mark.parametrize("name", [n for n in decoders.names() if "optimal" in n])
def test_summary_of_a_vae_whose_decoder_is_only_built(name):
    lines = []
    ConvVAE((8, 8, 1), 2, (4, 4), decoder=name).summary(print_fn=lines.append)
    of_decoder = [line for line in "\n".join(lines).splitlines() if "sigma" in line]
    assert of_decoder and all("(None, 8, 8, 1)" in line for line in of_decoder)


def test_custom_decoder_may_name_its_shapes_as_keras_does():
    class Shifted(decoders.FixedSigma):
        def build(self, input_shape):
            self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")

        def distribution(self, params, target, training):
            return self.normal(params + self.shift, 1.0)

    model = keras.Sequential([Shifted(name="pixels")])
    model.build((None, 4, 6, 3))
    lines = []
    model.summary(print_fn=lines.append)
    assert "(None, 4, 6, 3)" in "".join(lines)


@pytest.mark.parametrize("name", ["categorical", "student_t"])
def test_a_free_number_of_channels_is_refused(name):
    decoder = decoders.get(name)
    with pytest.raises(ValueError, match="must have a known number of channels"):
        decoder(keras.Input([4, None]))


@each_decoder
def test_trains_by_the_loss_of_keras_in_each_kind_of_model(name):
    images = _pixels(2, 4, 6, 3)
    for make in (Wrapped, _functional, _nested):
        model = make(decoders.get(name))
        model.compile("sgd", NegativeLogLikelihood(), run_eagerly=True)
        assert np.isfinite(model.train_on_batch(images, images))


def _state(layer):
    return [np.asarray(weight) for weight in layer.weights]


def _same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@each_decoder
def test_frozen_decoder_keeps_its_weights_and_does_not_follow_the_batch(name):
    images = _pixels(2, 4, 6, 3)
    decoder = decoders.get(name)
    model = Wrapped(decoder)

    def train():
        model.compile("sgd", NegativeLogLikelihood(), run_eagerly=True)
        model.train_on_batch(images, images)
        return _state(decoder)

    before = train()
    for freeze in (decoder, model):
        freeze.trainable = False
        params = _params(decoder, 2, 4, 6)
        frozen = decoder(params, images, training=True)
        expected = decoder(params).log_prob(images)
        np.testing.assert_array_equal(frozen.log_prob(images), expected)
        model(images, training=True)
        assert _same(_state(decoder), before)
        assert not decoder.trainable_variables
        freeze.trainable = True
    assert len(before) == 0 or not _same(train(), before)


@each_decoder
def test_decoder_may_be_born_frozen(name):
    images = _pixels(2, 4, 6, 3)
    decoder = decoders.get(name)
    frozen = type(decoder).from_config({**decoder.get_config(), "trainable": False})
    assert frozen.get_config()["trainable"] is False
    params = _params(decoder, 2, 4, 6)
    log_prob = frozen(params, images, training=True).log_prob(images)
    np.testing.assert_array_equal(log_prob, frozen(params).log_prob(images))
    before = _state(frozen)
    frozen.trainable = True
    frozen(params, images, training=True)
    assert _same(_state(frozen), before) != decoder.fits_target


@each_decoder
def test_weights_leave_the_likelihood_of_what_does_not_fit_alone(name):
    decoder, images = decoders.get(name), _pixels(2, 4, 6, 3)
    params = _params(decoder, 2, 4, 6)
    plain = decoder(params, images, training=True).log_prob(images)
    for weights in ([2.0, 2.0], np.array([1, 1]), tf.ones([2, 4], tf.float64)):
        weighted = decoder(params, images, training=True, sample_weight=weights)
        # Equal weights weigh nothing, also where sigma is fitted.
        np.testing.assert_allclose(weighted.log_prob(images), plain, rtol=1e-5)
    if not decoder.fits_target:
        weighted = decoder(params, images, training=True, sample_weight=[0.0, 3.0])
        np.testing.assert_array_equal(weighted.log_prob(images), plain)


@each_decoder
def test_weights_that_match_nothing_are_refused(name):
    decoder = decoders.get(name)
    params, images = _params(decoder, 2, 4, 6), _pixels(2, 4, 6, 3)
    for weights in (
        1.0,
        [1.0],
        [1.0, 2.0, 3.0],
        np.ones([2, 3]),
        np.ones([2, 4, 6, 3]),
    ):
        with pytest.raises(
            ValueError, match="`sample_weight` must have the first axes"
        ):
            decoder(params, images, training=True, sample_weight=weights)
    for weights in ([1.0, -1.0], [np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="`sample_weight` must be finite and not"):
            decoder(params, images, training=True, sample_weight=weights)
