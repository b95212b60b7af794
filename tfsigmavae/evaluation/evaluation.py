"""What an evaluation gives."""

import dataclasses


@dataclasses.dataclass
class Evaluation:
    """Figures of a model, and pictures that go with them.

    Args:
        metrics: dict of JSON values, the content of `metrics.json`: `protocol`,
            `model`, `data`, `scores` (metric -> source -> mean and standard error; of
            video also for each predicted frame), `distances`, `likelihood`, `rates`,
            `surprise`, `calibration` and `environment`.
        pictures: list of `tfsigmavae.evaluation.report.Picture`. Defaults to none.
        values: what the means are of, a value for each example: `scores` (metric ->
            source -> `[N]`, of video averages over time; NaN where a score is not
            defined) and `likelihood` (name -> `[N]`). Defaults to none.
    """

    metrics: dict = dataclasses.field(repr=False)  # hundreds of kB
    pictures: list = dataclasses.field(default_factory=list, repr=False)
    values: dict = dataclasses.field(default_factory=dict, repr=False)
