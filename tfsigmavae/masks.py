"""Masks of Keras: which steps of a sequence count, and which are padding."""


def mask_of(tensor):
    """The mask that Keras keeps with a tensor: bool `[B, T]`, or `None`.

    True where a step counts. Layers such as `Masking` and `Embedding(mask_zero=True)`
    make it, and layers with `supports_masking` pass it on.
    """
    return getattr(tensor, "_keras_mask", None)


def keep_mask(source, tensor):
    """Gives `tensor`, made step by step of `source`, with the mask of that."""
    mask = mask_of(source)
    if mask is not None:
        tensor._keras_mask = mask
    return tensor
