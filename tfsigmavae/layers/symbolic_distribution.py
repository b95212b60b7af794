"""What stands for a distribution while a functional model is being put together."""

import keras


class SymbolicDistribution(keras.KerasTensor):
    """A symbolic tensor that says where the distribution is.

    Args:
        shape: shape of the tensor that will stand for the distribution.
        dtype: its dtype.
    """

    def __getattr__(self, name):
        # What begins so, Keras and Python ask for to find out what the object is.
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"There is no `{name}` yet: this is the symbolic output of a distribution "
            "layer, and the distribution exists only when the model is called. Ask "
            f"what the model returns, `model(x).{name}`, compute it in a loss or in a "
            "layer with a `compute_output_shape`, or let a tensor such as the mean "
            'stand for it: `convert_to_tensor_fn="mean"`.'
        )


def symbolic_distribution(spec):
    """The same shape and dtype, as a `SymbolicDistribution`."""
    return SymbolicDistribution(spec.shape, spec.dtype)
