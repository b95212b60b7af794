"""Keras callbacks of a training run."""

from tfsigmavae.callbacks.collapse_warning import CollapseWarning
from tfsigmavae.callbacks.evaluation_noise import EvaluationNoise
from tfsigmavae.callbacks.history_log import HistoryLog, read_history
from tfsigmavae.callbacks.history_plot import HistoryPlot
from tfsigmavae.callbacks.kl_annealing import KLAnnealing
from tfsigmavae.callbacks.preview import ImagePreview, Preview, check_finite
from tfsigmavae.callbacks.progress_line import ProgressLine
from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.callbacks.stop_on_interrupt import StopOnInterrupt
from tfsigmavae.callbacks.tensorboard_log import TensorBoardLog
from tfsigmavae.callbacks.training_checkpoint import TrainingCheckpoint

__all__ = [
    "CollapseWarning",
    "EvaluationNoise",
    "HistoryLog",
    "HistoryPlot",
    "ImagePreview",
    "KLAnnealing",
    "Preview",
    "ProgressLine",
    "StepCallback",
    "StopOnInterrupt",
    "TensorBoardLog",
    "TrainingCheckpoint",
    "check_finite",
    "read_history",
]


def __dir__():
    return list(__all__)
