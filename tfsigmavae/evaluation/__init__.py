"""Evaluation of models: what image and video models have in common."""
