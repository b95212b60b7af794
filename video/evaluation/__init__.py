"""How good predictions are."""

from tfsigmavae_video.evaluation.actions import evaluate_actions
from tfsigmavae_video.evaluation.frame_metrics import METRICS, Metric
from tfsigmavae_video.evaluation.protocol import PROTOCOLS, Protocol
from tfsigmavae_video.evaluation.protocol_evaluation import evaluate
from tfsigmavae_video.evaluation.scores import evaluate_prediction

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "Metric",
    "Protocol",
    "evaluate",
    "evaluate_actions",
    "evaluate_prediction",
]


def __dir__():
    return list(__all__)
