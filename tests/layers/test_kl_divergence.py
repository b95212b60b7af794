"""KL divergences in nats per example, in every mode, against closed forms."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import (
    DistributionLambda,
    DistributionLayer,
    IndependentNormal,
    KLDivergenceAddLoss,
    KLDivergenceRegularizer,
    MultivariateNormalTriL,
    OneHotCategorical,
    VariableLayer,
)

tfd = tfp.distributions
B, K = 6, 3
PARAMS = np.random.default_rng(0).normal(size=(B, 2 * K)).astype(np.float32)
KINDS = [KLDivergenceRegularizer, KLDivergenceAddLoss]


def _prior(loc=0.5, scale=2.0):
    return tfd.Independent(tfd.Normal(tf.fill([K], loc), scale), 1)


@keras.saving.register_keras_serializable(package="tests")
def registered_prior():
    return _prior()


@keras.saving.register_keras_serializable(package="tests")
def ten_points(distribution):
    return distribution.sample(10, seed=[1, 2])


def _closed_form(params=PARAMS, loc=0.5, scale=2.0):
    """KL of each example in float64, summed over the latent."""
    mean, raw = np.split(params.astype(np.float64), 2, axis=-1)
    stddev = np.logaddexp(0.0, raw)
    ratio = (stddev**2 + (mean - loc) ** 2) / scale**2
    return np.sum(np.log(scale / stddev) + 0.5 * ratio - 0.5, axis=-1)


def _estimate(distribution, points, prior=None):
    """Log ratio at the test points, shape `[..., B]`."""
    log_ratio = distribution.log_prob(points) - (prior or _prior()).log_prob(points)
    return np.float64(log_ratio)


def _with_kl(kind, *arguments, layer=None, convert="sample", **options):
    """A function from parameters to the distribution, that has a `losses`."""
    layer = layer or (lambda **kwargs: IndependentNormal([K], convert, **kwargs))
    if kind is KLDivergenceRegularizer:
        return layer(activity_regularizer=kind(*arguments, **options))
    return keras.Sequential([layer(), kind(*arguments, **options)])


def _kl(model, params=PARAMS):
    distribution = model(params)
    assert isinstance(distribution, CoercibleDistribution)
    (loss,) = model.losses
    assert loss.shape == () and loss.dtype == tf.float32
    return distribution, float(loss)


def _five_samples(distribution):
    return distribution.sample(5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("convert", ["sample", "mean", _five_samples])
def test_exact_kl_is_the_mean_over_the_batch(kind, convert):
    model = _with_kl(kind, _prior(), use_exact_kl=True, convert=convert)
    for _ in range(2):  # a call takes the place of the one before
        _, kl = _kl(model)
        np.testing.assert_allclose(kl, _closed_form().mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("convert", ["sample", "mean", _five_samples])
@pytest.mark.parametrize("axis", ["default", None, (), 0, -1, [0]])
def test_monte_carlo_kl_is_the_mean_over_the_batch(kind, convert, axis):
    options = {} if axis == "default" else {"test_points_reduce_axis": axis}
    distribution, kl = _kl(_with_kl(kind, _prior(), convert=convert, **options))
    points = tf.convert_to_tensor(distribution)
    assert points.shape[-2:] == [B, K]
    np.testing.assert_allclose(kl, _estimate(distribution, points).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_many_samples_come_near_the_exact_kl(kind):
    model = _with_kl(kind, _prior(), convert=lambda d: d.sample(4000, seed=1))
    _, kl = _kl(model)
    # Four standard errors of 4000 draws of 6 examples, with a deviation near 1.
    np.testing.assert_allclose(kl, _closed_form().mean(), atol=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_test_points_may_be_others_than_the_sample(kind):
    model = _with_kl(kind, _prior(), convert="mean", test_points_fn=ten_points)
    distribution, kl = _kl(model)
    points = distribution.sample(10, seed=[1, 2])
    np.testing.assert_allclose(kl, _estimate(distribution, points).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("convert", ["sample", _five_samples])
def test_time_is_summed_as_the_latent_is(kind, exact, convert):
    """Batch shape [B, T]: nats of the whole sequence."""
    params = PARAMS.reshape(2, 3, 2 * K)
    model = _with_kl(kind, _prior(), use_exact_kl=exact, convert=convert)
    distribution, kl = _kl(model, params)
    expected = _closed_form(params)
    if not exact:
        expected = _estimate(distribution, tf.convert_to_tensor(distribution))
    np.testing.assert_allclose(kl, expected.sum(-1).mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_averaged_where_its_axis_is_named(kind):
    params = PARAMS.reshape(2, 3, 2 * K)
    model = _with_kl(kind, _prior(), test_points_reduce_axis=-1)
    distribution, kl = _kl(model, params)
    expected = _estimate(distribution, tf.convert_to_tensor(distribution))
    np.testing.assert_allclose(kl, expected.mean(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False])
def test_a_distribution_without_a_batch_counts_once(kind, exact):
    """The posterior of a weight: no axis of its sample is one of examples."""
    model = _with_kl(kind, _prior(), use_exact_kl=exact)
    distribution, kl = _kl(model, PARAMS[0])
    expected = _closed_form(PARAMS[0])
    if not exact:
        expected = _estimate(distribution, tf.convert_to_tensor(distribution))
    np.testing.assert_allclose(kl, expected, rtol=1e-5)


@pytest.mark.parametrize("exact", [True, False])
def test_scalar_events_are_summed_over_further_axes(exact):
    """Batch shape [B, K] of scalars counts like an event of K."""
    prior = tfd.Normal(0.5, 2.0)
    model = keras.Sequential(
        [
            DistributionLambda(
                lambda t: tfd.Normal(t[..., :K], tf.nn.softplus(t[..., K:]))
            ),
            KLDivergenceAddLoss(prior, use_exact_kl=exact),
        ]
    )
    distribution, kl = _kl(model)
    expected = _closed_form()
    if not exact:
        points = tf.convert_to_tensor(distribution)
        expected = _estimate(distribution, points, prior).sum(-1)
    np.testing.assert_allclose(kl, expected.mean(), rtol=1e-5)


def test_discrete_distributions():
    logits = PARAMS[:, :K]
    model = keras.Sequential(
        [
            OneHotCategorical(K),
            KLDivergenceAddLoss(
                tfd.OneHotCategorical(logits=tf.zeros([K])), use_exact_kl=True
            ),
        ]
    )
    _, kl = _kl(model, logits)
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        kl, np.sum(probs * np.log(K * probs), -1).mean(), rtol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    "weight", [0.7, tf.constant(0.7), tf.Variable(0.7), np.ones(B)]
)
def test_weight_multiplies_each_example(kind, exact, weight):
    if isinstance(weight, np.ndarray):
        weight = np.linspace(0.0, 1.0, B)
    model = _with_kl(kind, _prior(), weight=weight, use_exact_kl=exact)
    distribution, kl = _kl(model)
    expected = _closed_form()
    if not exact:
        expected = _estimate(distribution, tf.convert_to_tensor(distribution))
    expected = np.mean(np.asarray(weight) * expected)
    np.testing.assert_allclose(kl, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [tf.Variable, keras.Variable])
def test_a_variable_weight_can_be_annealed(kind, make):
    beta = make(0.0, trainable=False)
    model = _with_kl(kind, _prior(), use_exact_kl=True, weight=beta)
    step = tf.function(lambda: (model(PARAMS), model.losses)[1])
    for value in (0.0, 0.5, 2.0):
        beta.assign(value)
        expected = value * _closed_form().mean()
        np.testing.assert_allclose(step(), [expected], rtol=1e-5)
    assert len(model.weights) == len(model.non_trainable_weights) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_variable_weight_trains_unless_told_otherwise(kind):
    model = _with_kl(kind, _prior(), weight=tf.Variable(0.9))
    model(PARAMS)
    assert len(model.trainable_weights) == 1


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("kind", KINDS)
def test_fit_adds_it_to_the_loss(kind):
    inputs = keras.Input([2 * K])
    model = keras.Model(inputs, _with_kl(kind, _prior(), use_exact_kl=True)(inputs))
    model.compile(
        keras.optimizers.SGD(0.0),
        loss=lambda y, rv: -rv.log_prob(y),
        jit_compile=False,
    )
    target = np.zeros([B, K])
    expected = _closed_form().mean() - np.mean(model(PARAMS).log_prob(target))
    history = model.fit(PARAMS, target, batch_size=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history, [expected], rtol=1e-5)
    evaluated = model.evaluate(PARAMS, target, batch_size=3, verbose=0)
    np.testing.assert_allclose(evaluated, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False])
def test_gradients_reach_both_distributions(kind, exact):
    loc = tf.Variable(tf.fill([K], 0.5))
    prior = tfd.Independent(tfd.Normal(loc, 2.0), 1)
    model = _with_kl(
        kind, prior, use_exact_kl=exact, convert=lambda d: d.sample(2000, seed=1)
    )
    params = tf.constant(PARAMS)
    with tf.GradientTape() as tape:
        tape.watch(params)
        model(params)
        (loss,) = model.losses
    to_params, to_prior = tape.gradient(loss, [params, loc])
    mean = np.split(PARAMS.astype(np.float64), 2, axis=-1)[0]
    expected = (mean - 0.5) / 2.0**2 / B
    # Exact, or near four standard errors of 2000 draws.
    tolerance = 1e-6 if exact else 0.02
    np.testing.assert_allclose(to_params[:, :K], expected, atol=tolerance)
    np.testing.assert_allclose(to_prior, -expected.sum(0), atol=6 * tolerance)


def _functional_prior():
    inputs = keras.Input([5])
    return keras.Model(inputs, IndependentNormal([K])(VariableLayer([2 * K])(inputs)))


def _trainable_priors():
    loc = tf.Variable(tf.zeros([K]))
    scale = tfp.util.TransformedVariable(1.0, tfp.bijectors.Exp())
    closed_over = tf.Variable(tf.zeros([K]))
    return {
        "variables": (tfd.Independent(tfd.Normal(loc, scale), 1), 2),
        "function": (lambda: tfd.MultivariateNormalDiag(closed_over), 1),
        "sequential": (
            keras.Sequential([VariableLayer([2 * K]), IndependentNormal([K])]),
            1,
        ),
        "functional": (_functional_prior(), 1),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["variables", "function", "sequential", "functional"])
def test_a_prior_is_tracked_and_trains(kind, name):
    prior, num_weights = _trainable_priors()[name]
    model = _with_kl(kind, prior)
    model(PARAMS)
    assert len(model.weights) == len(model.trainable_weights) == num_weights
    optimizer = keras.optimizers.SGD(0.1)
    before = model.get_weights()

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            model(PARAMS)
            loss = tf.add_n(model.losses)
        gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
        optimizer.apply(gradients, model.trainable_weights)
        return loss

    optimizer.build(model.trainable_weights)
    step()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.any(old != new)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_inside_a_subclassed_model_is_tracked(kind):
    loc = tf.Variable(tf.zeros([K]))

    class Encoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2 * K)
            self.posterior = _with_kl(kind, tfd.MultivariateNormalDiag(loc))

        def call(self, inputs):
            return self.posterior(self.dense(inputs))

    inputs = keras.Input([4])
    model = keras.Model(inputs, Encoder()(inputs))
    assert len(model.trainable_weights) == 3
    assert [weight.value is loc for weight in model.trainable_weights].count(True) == 1
    model(tf.zeros([2, 4]))
    assert len(model.losses) == 1


def test_a_prior_of_two_layers_is_one_weight():
    """As two weights, it would take two steps at once."""
    prior = tfd.MultivariateNormalDiag(tf.Variable(tf.zeros([K])))
    inputs = keras.Input([2 * K])
    first = _with_kl(KLDivergenceRegularizer, prior)(inputs)
    model = keras.Model(inputs, KLDivergenceAddLoss(prior)(first))
    assert len(model.weights) == 1
    assert len({id(weight) for layer in model.layers for weight in layer.weights}) == 1


def test_the_output_is_the_distribution_itself():
    distribution = IndependentNormal([K])(PARAMS)
    assert KLDivergenceAddLoss(_prior())(distribution) is distribution
    output = KLDivergenceAddLoss(_prior())(IndependentNormal([K])(keras.Input([6])))
    assert output.shape == (None, K)


def test_other_float_policies_keep_the_distribution():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = _with_kl(KLDivergenceAddLoss, _prior(), use_exact_kl=True)
        _, kl = _kl(model)
    finally:
        keras.config.set_dtype_policy("float32")
    # Keras rounds the inputs of the model to the 8 bits of bfloat16.
    np.testing.assert_allclose(kl, _closed_form().mean(), rtol=5e-3)
    assert KLDivergenceAddLoss(_prior(), dtype="bfloat16").compute_dtype == "float32"


def _round_trip(thing):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(thing)))
    return keras.saving.deserialize_keras_object(config)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "prior",
    [
        _prior(),
        registered_prior,
        keras.Sequential(
            [VariableLayer([9], initializer="ones"), MultivariateNormalTriL(3)]
        ),
    ],
)
def test_all_arguments_are_in_the_configuration(kind, prior):
    regularizer = kind(prior, False, (0, -1), ten_points, 0.3)
    twin = _round_trip(regularizer)
    ours, theirs = regularizer.get_config(), twin.get_config()
    for config in (ours, theirs):
        if isinstance(prior, keras.Model):
            config.pop("distribution_b")  # holds the identity of the object
    assert ours == theirs
    distribution = IndependentNormal([K], "mean")(PARAMS)
    twin(distribution), regularizer(distribution)
    if kind is KLDivergenceRegularizer:
        np.testing.assert_array_equal(twin(distribution), regularizer(distribution))
    else:
        assert twin.losses == regularizer.losses


def test_an_unused_default_stays_one():
    twin = _round_trip(KLDivergenceRegularizer(_prior()))
    assert twin.test_points_fn is tf.convert_to_tensor
    assert twin.weight is None and twin.test_points_reduce_axis == ()


def test_trained_priors_and_weights_are_saved(tmp_path):
    """With one prior in two places: loaded, it is one prior again."""
    prior = keras.Sequential([VariableLayer([9]), MultivariateNormalTriL(K)])
    inputs = keras.Input([9])
    posterior = MultivariateNormalTriL(
        K, "mean", activity_regularizer=KLDivergenceRegularizer(prior, True)
    )(inputs)
    beta = tf.Variable(0.5, trainable=False)
    output = KLDivergenceAddLoss(prior, weight=beta)(posterior)
    model = keras.Model(inputs, KLDivergenceAddLoss(_prior())(output))
    prior.set_weights([np.linspace(-1.0, 1.0, 9)])
    beta.assign(0.25)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    params = np.random.default_rng(1).normal(size=[4, 9]).astype(np.float32)
    losses = []
    for one in (model, reloaded):
        one(params)
        losses.append([float(loss) for loss in one.losses])
        assert len(one.trainable_weights) == len(one.non_trainable_weights) == 1
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([_prior], "`distribution_b` cannot be saved"),
        ([_prior(), False, (), _five_samples], "`test_points_fn` cannot be"),
        ([tfd.Normal(tf.Variable(0.0), 1.0)], "holds variables. Use a Keras model"),
    ],
)
def test_what_cannot_be_saved_says_so(kind, arguments, name):
    with pytest.raises(ValueError, match=name):
        kind(*arguments).get_config()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "prior", [3.0, None, "normal", lambda: 3.0, keras.Sequential([VariableLayer([2])])]
)
def test_what_is_no_prior_is_refused_at_once(kind, prior):
    with pytest.raises(TypeError, match="`distribution_b` must be a tfd.Distribution"):
        kind(prior)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exact", [True, False])
def test_a_prior_of_another_event_is_refused(kind, exact):
    # [B, K] - [B] log probabilities may broadcast in silence.
    model = _with_kl(kind, tfd.Normal(tf.zeros([K]), 1.0), use_exact_kl=exact)
    with pytest.raises(ValueError, match=r"event shape .*\(3,\), got \(\)"):
        model(PARAMS)


def test_a_plain_tensor_is_refused():
    with pytest.raises(TypeError, match="needs the output of a distribution layer"):
        KLDivergenceAddLoss(_prior())(tf.zeros([B, K]))


def test_families_without_a_closed_form_say_so():
    model = _with_kl(
        KLDivergenceAddLoss,
        tfd.MultivariateNormalDiag(tf.zeros([K])),
        use_exact_kl=True,
    )
    with pytest.raises(TypeError, match="No KL.*a prior of the same kind"):
        model(PARAMS)
    regularizer = KLDivergenceRegularizer(
        tfd.MultivariateNormalDiag(tf.zeros([K])), use_exact_kl=True
    )
    layer = IndependentNormal([K], activity_regularizer=regularizer)
    with pytest.raises(TypeError, match="No KL"):  # which knows no input else
        keras.Sequential([keras.Input(PARAMS.shape[1:]), layer])


def test_other_regularizers_are_left_to_keras():
    layer = IndependentNormal([K], "mean", activity_regularizer="l2")
    assert isinstance(layer.activity_regularizer, keras.regularizers.L2)
    layer(PARAMS)
    (loss,) = layer.losses
    plain = keras.layers.Identity(activity_regularizer="l2")
    plain(PARAMS[:, :K])
    np.testing.assert_allclose(loss, plain.losses[0], rtol=1e-6)
    assert _round_trip(layer).get_config() == layer.get_config()


@keras.saving.register_keras_serializable(package="tests")
class OwnLayer(DistributionLayer):
    def call(self, loc):
        return self.coercible(tfd.MultivariateNormalDiag(loc))


def test_layers_of_users_have_it_too():
    regularizer = KLDivergenceRegularizer(
        tfd.MultivariateNormalDiag(tf.zeros([K])), use_exact_kl=True
    )
    layer = OwnLayer(activity_regularizer=regularizer)
    loc = PARAMS[:, :K]
    layer(loc)
    expected = 0.5 * np.sum(loc**2, -1).mean()
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)
    twin = _round_trip(layer)
    twin(loc)
    np.testing.assert_allclose(twin.losses, [expected], rtol=1e-5)
