"""Image data sets as uint8 arrays, and batches of them.

from tfsigmavae.data import images

train = images.load("fashion_mnist", "train")                  # [60000, 28, 28, 1]
test = images.load("photos.zip", "test", size=64, crop="square")
dataset = images.batches(train, batch_size=128, shuffle=True, repeat=True)
"""

from tfsigmavae.data.images.batching import batches
from tfsigmavae.data.images.loading import load

__all__ = ["batches", "load"]


def __dir__():
    return list(__all__)
