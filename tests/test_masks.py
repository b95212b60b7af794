"""What is known of Keras' masks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.masks import batch_mask, joint_mask, mask_of

tfd = tfp.distributions
MASK = np.array([[True, False, True], [False, False, True]])


def _normal(shape, event_ndims=0):
    normal = tfd.Independent(tfd.Normal(tf.zeros(shape), 1.0), event_ndims)
    return CoercibleDistribution(normal)


def test_the_mask_is_that_of_keras():
    masked = keras.layers.Masking()(MASK[..., None].astype(np.float32))
    np.testing.assert_array_equal(mask_of(masked), MASK)
    assert mask_of(tf.zeros([2])) is None and mask_of(np.zeros([2])) is None
    assert mask_of(None) is None and mask_of(_normal([2])) is None


def test_masks_are_joined():
    assert joint_mask(None) is None and joint_mask([None, {"a": None}]) is None
    one = tf.constant(MASK)
    assert joint_mask([None, one]) is one
    np.testing.assert_array_equal(joint_mask([one, {"a": ~one}]), np.zeros([2, 3]))


@pytest.mark.parametrize(("shape", "rank"), [([2, 3], 2), ([2, 3, 4, 5], 4)])
@pytest.mark.parametrize("dtype", [bool, "float32"])
def test_a_mask_takes_the_rank_of_the_batch(shape, rank, dtype):
    rv = _normal(shape)
    assert batch_mask(rv) is None
    rv._keras_mask = tf.constant(MASK.astype(dtype))
    mask = batch_mask(rv)
    assert mask.dtype == tf.bool and mask.shape.rank == rank
    np.testing.assert_array_equal(tf.reshape(mask, [2, 3]), MASK)


def test_a_mask_within_an_event_is_refused():
    rv = _normal([2, 3], event_ndims=1)
    rv._keras_mask = tf.constant(MASK)
    with pytest.raises(ValueError, match=r"mask of shape \(2, 3\).*a batch axis"):
        batch_mask(rv)
