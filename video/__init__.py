"""Stochastic video prediction; imported as `tfsigmavae_video`."""
