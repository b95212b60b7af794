"""One page that shows what an evaluation or a training run has found."""

from tfsigmavae.evaluation.report.page import write_report
from tfsigmavae.evaluation.report.picture import Picture, read_picture

__all__ = ["Picture", "read_picture", "write_report"]
