"""Calibrated VAEs and stochastic video prediction in Keras 3.

import tfsigmavae as sv

sv.decoders    p(x | z) whose sigma is learned or solved for
sv.layers      distribution layers and building blocks
sv.data        image data sets; sv.pictures for grids of them
sv.evaluation  figures of image models, one call; sv.calibration of any model
sv.video       SVG-LP, video data, GIFs

Importing it registers the image models, decoders and layers with Keras, which finds
them when it loads a model. What needs Pillow or imageio is imported when first used:
data, pictures, what writes runs, and video, whose models are registered by that.
"""

import importlib
from typing import TYPE_CHECKING

from tfsigmavae.backend import check_keras

check_keras()  # before anything imports Keras

# ruff: noqa: E402
from tfsigmavae import (
    decoders,
    distributions,
    layers,
    losses,
    math,
    metrics,
    models,
    schedules,
)
from tfsigmavae.checkpoints import (
    DivergedError,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from tfsigmavae.export import export_saved_model
from tfsigmavae.losses import NegativeLogLikelihood
from tfsigmavae.models import (
    ConvVAE,
    ElboTerms,
    HierarchicalVAE,
    ImageVAE,
    VariationalModel,
)
from tfsigmavae.schedules import ConstantThenLinear
from tfsigmavae.version import __version__

if TYPE_CHECKING:  # what `__getattr__` gives
    from tfsigmavae import (
        calibration,
        callbacks,
        data,
        evaluation,
        images,
        pictures,
        runs,
    )
    from tfsigmavae import video as video
    from tfsigmavae.callbacks import (
        KLAnnealing,
        StopOnInterrupt,
        TrainingCheckpoint,
    )
    from tfsigmavae.runs import RunFolder

__all__ = [
    "ConstantThenLinear",
    "ConvVAE",
    "DivergedError",
    "ElboTerms",
    "HierarchicalVAE",
    "ImageVAE",
    "KLAnnealing",
    "NegativeLogLikelihood",
    "RunFolder",
    "StopOnInterrupt",
    "TrainingCheckpoint",
    "VariationalModel",
    "__version__",
    "calibration",
    "callbacks",
    "data",
    "decoders",
    "distributions",
    "evaluation",
    "export_saved_model",
    "has_checkpoint",
    "images",
    "layers",
    "load_checkpoint",
    "losses",
    "math",
    "metrics",
    "models",
    "pictures",
    "runs",
    "save_checkpoint",
    "schedules",
]


# Modules that need Pillow, or imageio as video does, or come after training. But for
# video none of them registers anything with Keras.
_MODULES = (
    "calibration",
    "callbacks",
    "data",
    "evaluation",
    "images",
    "pictures",
    "runs",
    "video",
)
_MODULE_OF = {
    "KLAnnealing": "callbacks",
    "RunFolder": "runs",
    "StopOnInterrupt": "callbacks",
    "TrainingCheckpoint": "callbacks",
}


if not TYPE_CHECKING:  # to which every name would exist

    def __getattr__(name):
        if name in _MODULES:
            return importlib.import_module(f"tfsigmavae.{name}")
        if name in _MODULE_OF:
            module = importlib.import_module(f"tfsigmavae.{_MODULE_OF[name]}")
            globals()[name] = getattr(module, name)
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*__all__, "video"})
