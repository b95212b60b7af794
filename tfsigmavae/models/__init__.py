"""Keras models trained on the evidence lower bound."""

from tfsigmavae.models.variational_model import ElboTerms, VariationalModel

__all__ = ["ElboTerms", "VariationalModel"]
