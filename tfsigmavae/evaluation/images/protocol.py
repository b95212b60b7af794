"""What a number means: the protocol by which an image model is scored."""

import dataclasses
from typing import Any

from tfsigmavae.checks import check_at_least
from tfsigmavae.evaluation.named_protocol import NamedProtocol


@dataclasses.dataclass(frozen=True)
class ImageProtocol(NamedProtocol):
    """All that decides a score of images, but for the model and the data; frozen.

    Two numbers may stand in one table if their protocols are equal.

    Args:
        name: what the protocol is called.
        num_images: test images, the first ones, at most; `None` for all.
        num_samples: images drawn from the prior, for distances of features; `None` for
            as many as there are test images, but 10,000 at most.
        importance_samples: K of the importance-weighted bound; 0 for none.
        calibration_images: test images, the first ones, whose posterior samples are
            checked for calibration; 0 for none.
        extractor: network whose features are compared, as
            `tfsigmavae.metrics.extractors.get` takes it; `None` for what the caller
            gives, or nothing.
        num_shown: samples in the picture of them.
        batch_size: images scored at a time; noise is that of a batch.
        seed: of all noise.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> ImageProtocol.get("images", num_images=1000).modified()
        {}
    """

    name: str
    num_images: int | None = None
    num_samples: int | None = None
    importance_samples: int = 16
    calibration_images: int = 1000
    extractor: str | None = None
    num_shown: int = 36
    batch_size: int = 100
    seed: int = 0

    def __post_init__(self):
        least = {"num_images": 1, "num_samples": 4, "importance_samples": 0}
        least |= {"calibration_images": 0, "num_shown": 1, "batch_size": 1, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), value)

    @classmethod
    def presets(cls) -> Any:
        return PROTOCOLS


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        ImageProtocol("images"),
        # What every training run ends with: a glance, of some seconds.
        ImageProtocol(
            "glance", num_images=1000, importance_samples=0, calibration_images=200
        ),
        # Whether everything runs, in seconds.
        ImageProtocol(
            "smoke",
            num_images=20,
            num_samples=20,
            importance_samples=2,
            calibration_images=20,
            num_shown=9,
            batch_size=10,
        ),
    )
}
