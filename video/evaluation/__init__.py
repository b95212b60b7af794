"""How good predictions are."""

from tfsigmavae_video.evaluation.scores import evaluate_prediction

__all__ = ["evaluate_prediction"]
