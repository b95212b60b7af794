"""The weight of the KL term, read by compiled steps and changed between them."""

import tensorflow as tf


class KLWeight:
    """`beta`, and the share of it that training steps use.

    Both are variables that a compiled step reads: a new value holds from the next step
    on, and nothing is compiled again. Neither Keras nor a checkpoint of TensorFlow
    finds them in this plain object, so no saved file holds them: `beta` is an option of
    the model, and the share follows from the training step.

    Args:
        dtype: of the likelihood.
    """

    def __init__(self, dtype):
        with tf.init_scope():
            self.beta = tf.Variable(1.0, trainable=False, dtype=dtype, name="beta")  # pyright: ignore[reportArgumentType]
            self.share = tf.Variable(1.0, trainable=False, dtype=dtype, name="share")  # pyright: ignore[reportArgumentType]

    def __call__(self, training):
        """A scalar tensor: times the share in training, `beta` in evaluation."""
        beta = tf.convert_to_tensor(self.beta)
        return self.share * beta if training else beta
