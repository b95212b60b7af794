"""What a number means: the protocol by which an image model is scored."""

import dataclasses

from tfsigmavae.checks import check_at_least, check_choice


@dataclasses.dataclass(frozen=True)
class ImageProtocol:
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
        >>> dataclasses.replace(PROTOCOLS["images"], num_images=1000)
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

    def as_dict(self) -> dict:
        """Every field, as JSON values, and which differ from the preset's."""
        return dataclasses.asdict(self) | {"modified": self.modified()}

    def modified(self) -> dict:
        """Fields that are not those of the preset of this name: name -> value."""
        preset = PROTOCOLS.get(self.name)
        if preset is None:
            return {}
        own, others = dataclasses.asdict(self), dataclasses.asdict(preset)
        return {name: value for name, value in own.items() if value != others[name]}


def get(protocol, **changes) -> ImageProtocol:
    """A protocol by its name, with some fields changed.

    Args:
        protocol: name of a preset, or an `ImageProtocol`.
        **changes: fields, see `ImageProtocol`; `None` leaves the field alone.

    Returns:
        `ImageProtocol`, which knows what was changed.

    Raises:
        TypeError: if there is no such field.
        ValueError: if there is no such preset, or a field is out of range.
    """
    if not isinstance(protocol, ImageProtocol):
        check_choice("protocol", protocol, PROTOCOLS)
        protocol = PROTOCOLS[protocol]
    changes = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(protocol, **changes)


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
