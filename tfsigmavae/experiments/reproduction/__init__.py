"""The paper's comparison of decoders, run again and judged by its own figures."""

from tfsigmavae.experiments.reproduction.runner import dry_run, reproduce

__all__ = ["dry_run", "reproduce"]
