"""Calibrated VAEs and stochastic video prediction in Keras 3.

import tfsigmavae as sv

sv.decoders    p(x | z) whose sigma is learned or solved for
sv.layers      distribution layers and building blocks
sv.data        image data sets; sv.pictures for grids of them
sv.video       SVG-LP, video data, GIFs (loaded when first used)
"""

import importlib

from tfsigmavae.backend import check_keras

check_keras()  # before anything imports Keras

# ruff: noqa: E402
from tfsigmavae import (
    data,
    decoders,
    distributions,
    images,
    layers,
    math,
    metrics,
    pictures,
)
from tfsigmavae.callbacks import StopOnInterrupt, TrainingCheckpoint
from tfsigmavae.checkpoint import (
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
from tfsigmavae.run_folder import RunFolder
from tfsigmavae.schedules import ConstantThenLinear
from tfsigmavae.version import __version__

__all__ = [
    "ConstantThenLinear",
    "ConvVAE",
    "DivergedError",
    "ElboTerms",
    "HierarchicalVAE",
    "ImageVAE",
    "NegativeLogLikelihood",
    "RunFolder",
    "StopOnInterrupt",
    "TrainingCheckpoint",
    "VariationalModel",
    "__version__",
    "data",
    "decoders",
    "distributions",
    "export_saved_model",
    "has_checkpoint",
    "images",
    "layers",
    "load_checkpoint",
    "math",
    "metrics",
    "pictures",
    "save_checkpoint",
]


def __getattr__(name):
    if name == "video":
        return importlib.import_module("tfsigmavae.video")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
