"""A distribution that is also a tensor: both sides, and odd uses of either."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution

tfd = tfp.distributions


def _loc(distribution):
    return distribution.loc


def _wrapped(loc=(0.0, 1.0), scale=2.0):
    return CoercibleDistribution(tfd.Normal(tf.constant(loc), scale), _loc)


def test_distribution_attributes_are_those_of_the_inner_one():
    wrapped = _wrapped()
    inner = wrapped.distribution
    np.testing.assert_array_equal(wrapped.log_prob([3.0, 3.0]), inner.log_prob(3.0))
    draw = wrapped.sample(4, seed=(1, 2))
    np.testing.assert_array_equal(draw, inner.sample(4, seed=(1, 2)))
    np.testing.assert_array_equal(wrapped.mean(), [0.0, 1.0])
    np.testing.assert_array_equal(wrapped.stddev(), [2.0, 2.0])
    assert wrapped.batch_shape == [2] and wrapped.event_shape == []


def test_is_a_tensor_for_tensorflow_and_keras():
    wrapped = _wrapped()
    assert tf.is_tensor(wrapped) and keras.ops.is_tensor(wrapped)
    assert wrapped.shape == [2] and wrapped.get_shape() == [2]
    assert wrapped.dtype == tf.float32 and wrapped.ndim == 1 and len(wrapped) == 2
    assert keras.ops.shape(wrapped) == (2,)


def test_the_sample_is_drawn_once():
    wrapped = CoercibleDistribution(tfd.Normal(tf.zeros([100]), 1.0))
    first = tf.convert_to_tensor(wrapped)
    for again in (wrapped.numpy(), np.asarray(wrapped), tf.identity(wrapped)):
        np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(wrapped - first, np.zeros(100))
    assert np.any(wrapped.sample() != first)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 2.0,
        lambda x: 2.0 + x,
        lambda x: x - 2.0,
        lambda x: 2.0 - x,
        lambda x: x * [3.0, 4.0],
        lambda x: [3.0, 4.0] * x,
        lambda x: x / 2.0,
        lambda x: 2.0 / (x + 1.0),
        lambda x: 2.0 / x[1:],
        lambda x: x // 0.3,
        lambda x: 0.3 // x[1:],
        lambda x: x % 0.3,
        lambda x: 0.3 % x[1:],
        lambda x: x**2,
        lambda x: 2.0**x,
        lambda x: -x,
        lambda x: abs(x),
        lambda x: x < 0.5,
        lambda x: x <= 0.0,
        lambda x: x > 0.5,
        lambda x: 0.5 >= x,
        lambda x: x[0],
        lambda x: x[None, ::-1],
        lambda x: tf.ones([2]) - x,
        lambda x: np.ones([2], np.float32) - x,
        lambda x: tf.Variable([1.0, 1.0]) - x,
        lambda x: keras.Variable([1.0, 1.0]) - x,
        lambda x: tf.cast(x, tf.float16),
        lambda x: tf.stack([x, x]),
        lambda x: tf.where(x > 0.0, x, 5.0),
        lambda x: tf.reshape(x, [2, 1]),
        lambda x: keras.ops.exp(x),
        lambda x: keras.ops.mean(x),
        lambda x: keras.ops.cast(x, "float16"),
        lambda x: np.exp(x),
        lambda x: np.asarray(x, np.float64),
        lambda x: list(x)[1],
        lambda x: np.mean(x),
        lambda x: np.var(x, axis=0),
        lambda x: np.stack([x, x], axis=1),
        lambda x: np.where(x > 0.5, x, 3.0),
        lambda x: tf.expand_dims(x, -1) + 1.0,
        lambda x: tf.squeeze(x) + 1.0,
        lambda x: keras.ops.expand_dims(x, 0) * 2.0,
    ],
)
def test_arithmetic_is_that_of_the_tensor(function):
    expected = function(tf.constant([0.0, 1.0]))
    result = function(_wrapped())
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == expected.dtype


def test_it_has_the_operators_of_a_tensor():
    missing = {
        name
        for name in tf.Tensor.OVERLOADABLE_OPERATORS - {"__div__", "__rdiv__", "__ne__"}
        if getattr(CoercibleDistribution, name) is getattr(object, name, None)
    }
    assert not missing


@pytest.mark.parametrize("value", [3.0, [0.5, 1.5, -1.5]])
def test_rounding_is_to_the_nearest_even(value):
    np.testing.assert_array_equal(round(_wrapped(value)), np.round(value))


@pytest.mark.parametrize("convert", [int, float, complex, bool, "{:.3f}".format])
def test_conversions_of_a_scalar(convert):
    value = tf.constant(2.25)
    assert convert(_wrapped(2.25)) == convert(value)
    with pytest.raises((TypeError, ValueError)):
        convert(_wrapped([1.0, 2.0]))


def test_an_integer_is_an_index():
    category = CoercibleDistribution(tfd.Categorical([0.0, 0.0, 9.0]), lambda d: 2)
    assert [10, 11, 12][category] == 12
    with pytest.raises((TypeError, AttributeError)):  # as of a tensor
        [1, 2][_wrapped(1.0)]


class _Truths(tfd.Bernoulli):
    """Of the dtype bool, as some distributions of users are."""

    def _mean(self):
        return tf.constant([True, True, False, False])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, other: x & other,
        lambda x, other: x | other,
        lambda x, other: x ^ other,
        lambda x, other: other & x,
        lambda x, other: other | x,
        lambda x, other: other ^ x,
        lambda x, other: ~x,
        lambda x, other: (x & True) | (False ^ x),
    ],
)
@pytest.mark.parametrize("convert", [np.asarray, tf.constant])
def test_boolean_operators(function, convert):
    truths = [True, True, False, False]
    wrapped = CoercibleDistribution(_Truths(0.0), tfd.Distribution.mean)
    other = convert([True, False, True, False])
    result = function(wrapped, other)
    np.testing.assert_array_equal(result, function(np.array(truths), np.array(other)))
    assert tf.as_dtype(result.dtype) == tf.bool


def test_two_wrapped_operands():
    matrix = CoercibleDistribution(tfd.Normal([[1.0, 2.0], [3.0, 4.0]], 1.0), _loc)
    np.testing.assert_array_equal(matrix @ matrix, [[7.0, 10.0], [15.0, 22.0]])
    np.testing.assert_array_equal(matrix - matrix, np.zeros([2, 2]))
    np.testing.assert_array_equal(tf.eye(2) @ matrix, matrix)


def test_equality_and_hash_are_identity():
    first, second = _wrapped(), _wrapped()
    assert first == first and first != second and first != 1.0
    assert {first: 1, second: 2}[first] == 1


def test_truth_of_a_vector_is_refused_and_of_a_scalar_is_its_value():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(_wrapped())
    assert bool(_wrapped(1.0)) and not bool(_wrapped(0.0))


def test_unknown_attributes_are_attribute_errors():
    wrapped = _wrapped()
    assert not hasattr(wrapped, "no_such_thing")
    # Keras asks for these to decide whether a tensor comes out of its own graph.
    assert not hasattr(wrapped, "_keras_mask")
    assert not hasattr(wrapped, "_keras_history")
    assert not hasattr(wrapped, "__no_such_dunder__")


def test_half_made_objects_do_not_recurse():
    empty = CoercibleDistribution.__new__(CoercibleDistribution)
    with pytest.raises(AttributeError):
        empty.sample  # noqa: B018


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_keep_value_and_distribution(duplicate):
    original = CoercibleDistribution(tfd.Normal(tf.zeros([3]), 1.0))
    twin = duplicate(original)
    assert isinstance(twin, CoercibleDistribution)
    np.testing.assert_array_equal(twin, original)
    np.testing.assert_array_equal(twin.log_prob(1.0), original.log_prob(1.0))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_tf_function_takes_and_returns_its_tensor(jit_compile):
    add_one = tf.function(
        lambda x: tf.convert_to_tensor(x) + 1.0, jit_compile=jit_compile
    )
    np.testing.assert_array_equal(add_one(_wrapped()), [1.0, 2.0])

    @tf.function(jit_compile=jit_compile)
    def make():
        return _wrapped()

    result = make()
    assert not isinstance(result, CoercibleDistribution)
    np.testing.assert_array_equal(result, [0.0, 1.0])


def test_control_flow_and_structures():
    wrapped = _wrapped()
    double = tf.cond(tf.constant(False), lambda: wrapped, lambda: 2 * wrapped)
    np.testing.assert_array_equal(double, [0.0, 2.0])
    assert tf.nest.map_structure(lambda x: x, {"a": wrapped})["a"] is wrapped
    batches = tf.data.Dataset.from_tensor_slices(wrapped)
    assert [float(x) for x in batches] == [0.0, 1.0]


def test_gradient_flows_through_the_sample():
    loc, scale = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        wrapped = CoercibleDistribution(tfd.Normal(loc, scale))
        value = 3.0 * wrapped
    noise = (wrapped - loc) / scale
    gradients = tape.gradient(value, [loc, scale])
    np.testing.assert_allclose(gradients, [3.0, 3.0 * noise], rtol=1e-6)


def test_kl_divergence_takes_it_on_either_side():
    a, b = tfd.Normal([0.0, 1.0], 2.0), tfd.Normal(0.0, 1.0)
    expected = tfd.kl_divergence(a, b)
    wrapped_a = CoercibleDistribution(a)
    wrapped_b = CoercibleDistribution(b)
    for result in (
        tfd.kl_divergence(wrapped_a, b),
        tfd.kl_divergence(a, wrapped_b),
        tfd.kl_divergence(wrapped_a, wrapped_b),
        wrapped_a.kl_divergence(b),
        a.kl_divergence(wrapped_b),
    ):
        np.testing.assert_array_equal(result, expected)


def test_it_counts_as_a_distribution():
    wrapped = _wrapped()
    assert isinstance(wrapped, tfd.Distribution)
    assert not isinstance(wrapped, tfd.Normal)
    assert isinstance(wrapped.tensor_distribution, tfd.Normal)
    assert not isinstance(tf.zeros([2]), tfd.Distribution)


def test_one_wrapped_twice_is_wrapped_once():
    wrapped = _wrapped()
    again = CoercibleDistribution(wrapped, tfd.Distribution.stddev)
    assert again.distribution is wrapped.distribution
    np.testing.assert_array_equal(again, [2.0, 2.0])


@pytest.mark.parametrize(
    "build",
    [
        lambda d: tfd.Independent(d, 1),
        lambda d: tfd.Sample(d, [2]),
        lambda d: tfd.BatchReshape(d, [2, 1]),
        lambda d: tfd.BatchBroadcast(d, [2]),
        lambda d: tfd.Masked(d, [True, False]),
        lambda d: tfd.TransformedDistribution(d, tfp.bijectors.Exp()),
        lambda d: tfp.bijectors.Exp()(d),
        lambda d: tfd.QuantizedDistribution(d),
        lambda d: tfd.MixtureSameFamily(tfd.Categorical([0.0, 1.0]), d),
        lambda d: tfd.Normal(d, 1.0),
    ],
)
def test_tfp_builds_on_it(build):
    # TFP asks `isinstance(..., Distribution)` here and there.
    wrapped = _wrapped()
    ours = build(wrapped)
    plain = wrapped.distribution
    if isinstance(ours, tfd.Normal):
        plain = tf.constant([0.0, 1.0])  # a parameter: the tensor
    expected = build(plain)
    assert ours.batch_shape == expected.batch_shape
    np.testing.assert_array_equal(
        ours.sample(3, seed=[1, 2]), expected.sample(3, seed=[1, 2])
    )
    value = expected.sample(seed=[1, 3])
    np.testing.assert_array_equal(ours.log_prob(value), expected.log_prob(value))


@pytest.mark.parametrize("kind", [list, dict])
def test_joint_distributions_take_it(kind):
    wrapped = CoercibleDistribution(tfd.Normal([0.0, 1.0], 2.0, name="z"))
    if kind is list:
        joint = tfd.JointDistributionSequential([wrapped, lambda z: tfd.Normal(z, 1.0)])
        value = [tf.ones([2]), tf.zeros([2])]
    else:
        joint = tfd.JointDistributionNamed(
            {"z": wrapped, "x": lambda z: tfd.Normal(z, 1.0)}
        )
        value = {"z": tf.ones([2]), "x": tf.zeros([2])}
    expected = wrapped.log_prob(1.0) + tfd.Normal(1.0, 1.0).log_prob(0.0)
    np.testing.assert_allclose(joint.log_prob(value), expected, rtol=1e-6)


def test_a_cast_tensor_is_still_a_distribution():
    wrapped = _wrapped()
    for cast in (tf.cast(wrapped, tf.float64), keras.ops.cast(wrapped, "float64")):
        assert isinstance(cast, CoercibleDistribution) and cast.dtype == tf.float64
        assert tf.convert_to_tensor(cast).dtype == tf.float64
        log_prob = cast.log_prob(tf.constant([1.0, 2.0], tf.float64))
        np.testing.assert_array_equal(log_prob, wrapped.log_prob([1.0, 2.0]))
    assert wrapped.dtype == tf.float32


@pytest.mark.parametrize("name", ["log_prob", "mean", "sample", "event_shape"])
def test_a_reshaped_tensor_says_why_it_is_no_distribution(name):
    reshaped = tf.expand_dims(_wrapped(), -1)
    assert tf.is_tensor(reshaped) and reshaped.shape == [2, 1]
    assert not isinstance(reshaped, tfd.Distribution)
    with pytest.raises(AttributeError, match="batch shape .*NegativeLogLikelihood"):
        getattr(reshaped, name)
    assert not hasattr(reshaped, "_keras_mask") and not hasattr(reshaped, "nonsense")


def test_static_and_free_shapes_in_a_graph():
    shapes = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def call(loc):
        wrapped = CoercibleDistribution(tfd.Normal(loc, 1.0), _loc)
        shapes.append(wrapped.shape.as_list())
        return tf.shape(wrapped)

    np.testing.assert_array_equal(call(tf.zeros([5, 3])), [5, 3])
    assert shapes == [[None, 3]]


@pytest.mark.parametrize("value", [tf.zeros([2]), 1.0, None, tfd.Normal])
def test_anything_but_a_distribution_is_refused(value):
    with pytest.raises(TypeError, match="must be a tfd.Distribution"):
        CoercibleDistribution(value)


def test_repr_names_both():
    assert "CoercibleDistribution" in repr(_wrapped())
    assert "Normal" in repr(_wrapped())


def test_a_joint_distribution_stands_for_its_last_variable():
    joint = tfd.JointDistributionSequential(
        [tfd.Normal([1.0, 2.0], 1e-6), lambda loc: tfd.Normal(loc + 5.0, 1e-6)]
    )
    wrapped = CoercibleDistribution(joint)
    np.testing.assert_allclose(wrapped, [6.0, 7.0], atol=1e-3)
    assert wrapped.dtype == tf.float32 and wrapped.shape == [2]
    assert len(wrapped.sample()) == 2
    first = CoercibleDistribution(joint, lambda d: d.sample()[0])
    np.testing.assert_allclose(first, [1.0, 2.0], atol=1e-3)


def test_a_joint_distribution_of_names_needs_to_be_told_which():
    joint = tfd.JointDistributionNamed(
        {"z": tfd.Normal(1.0, 1e-6), "x": lambda z: tfd.Normal(z, 1.0)}
    )
    with pytest.raises(TypeError, match="needs a `convert_to_tensor_fn` that picks"):
        CoercibleDistribution(joint)
    named = CoercibleDistribution(joint, lambda d: d.sample()["z"])
    np.testing.assert_allclose(named, 1.0, atol=1e-3)
