"""How good predictions are."""

from tfsigmavae_video.evaluation.actions import evaluate_actions
from tfsigmavae_video.evaluation.scores import evaluate_prediction

__all__ = ["evaluate_actions", "evaluate_prediction"]
