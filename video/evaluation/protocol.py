"""What a number means: the protocol by which predictions are scored."""

import dataclasses

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae_video.data.batching import WINDOWS

# Selection of the best sample for each metric by itself.
EACH = "each"


@dataclasses.dataclass(frozen=True)
class Protocol:
    """All that decides a score, but for the model and the data; frozen.

    Two numbers may stand in one table if their protocols are equal. Published ones
    often leave out what is written here: docs/evaluation.md says which come near.

    Args:
        name: what the protocol is called.
        num_context: given frames; `None` for as many as the model was trained with.
        num_predicted: predicted frames T; only they are scored.
        num_clips: clips of the split, the first ones, at most.
        windows: which part of a longer clip: `"first"`, `"random"` (by `seed`) or
            `"last"`.
        num_samples: futures S of each clip.
        selection: how the best future of a clip is chosen: `"each"`, by each metric's
            own average over time, or the name of one metric, whose choice is scored by
            all others.
        metrics: names of rows of `METRICS`; empty for all of them.
        noise_samples: futures of a clip whose pixels are drawn as well, for calibration
            and CRPS; what they estimate does not depend on their number. Fewer than
            two are no ensemble: 0 for none.
        importance_samples: K of the importance-weighted bound; 0 for no likelihood.
        extractor: kind of network whose features are compared, as
            `tfsigmavae.metrics.extractors.get` names it (`"i3d"`), which the caller
            must then give; `None` for whatever the caller gives, or nothing.
        feature_samples: futures of a clip whose features are taken. Each is one repeat
            of as many futures as there are clips (256 x 1); all together are told as
            well (256 x 100).
        feature_context: whether clips given to a network of clips begin with the given
            frames. A network of single frames sees predicted ones only.
        seed: of futures, noise and random windows.

    Raises:
        ValueError: if a number or name is out of range.

    Example:
        >>> dataclasses.replace(PROTOCOLS["svg-2-28"], num_samples=10)
    """

    name: str
    num_context: int | None = None
    num_predicted: int = 28
    num_clips: int = 256
    windows: str = "first"
    num_samples: int = 100
    selection: str = EACH
    metrics: tuple = ()
    noise_samples: int = 20
    importance_samples: int = 16
    extractor: str | None = None
    feature_samples: int = 1
    feature_context: bool = True
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "metrics", tuple(self.metrics))
        check_choice("windows", self.windows, WINDOWS)
        least = {"num_predicted": 1, "num_clips": 1, "num_samples": 1}
        least |= {"noise_samples": 0, "importance_samples": 0, "feature_samples": 1}
        least |= {"seed": 0}
        if self.num_context is not None:
            least["num_context"] = 1
        for name, value in least.items():
            check_at_least(name, getattr(self, name), value)
        for name in ("noise_samples", "feature_samples"):
            if getattr(self, name) > self.num_samples:
                raise ValueError(
                    f"`{name}` must be at most `num_samples` ({self.num_samples}), got "
                    f"{getattr(self, name)}."
                )

    def as_dict(self) -> dict:
        """Every field, as JSON values, and which differ from the preset's."""
        fields = dataclasses.asdict(self) | {"metrics": list(self.metrics)}
        return fields | {"modified": self.modified()}

    def modified(self) -> dict:
        """Fields that are not those of the preset of this name: name -> value."""
        preset = PROTOCOLS.get(self.name)
        if preset is None:
            return {}
        own, others = dataclasses.asdict(self), dataclasses.asdict(preset)
        return {
            name: value for name, value in own.items() if not _same(others[name], value)
        }


def _same(preset, value):
    # `None` and () leave it to model and registry.
    return preset == value or preset is None or preset == ()


def get(protocol, **changes) -> Protocol:
    """A protocol by its name, with some fields changed.

    Where there are fewer futures than a preset draws, it takes features and noise of as
    many as there are.

    Args:
        protocol: name of a preset, or a `Protocol`.
        **changes: fields, see `Protocol`; `None` leaves the field alone.

    Returns:
        `Protocol`, which knows what was changed.

    Raises:
        TypeError: if there is no such field.
        ValueError: if there is no such preset, or a field is out of range.
    """
    if not isinstance(protocol, Protocol):
        check_choice("protocol", protocol, PROTOCOLS)
        protocol = PROTOCOLS[protocol]
    changes = {name: value for name, value in changes.items() if value is not None}
    most = changes.get("num_samples", protocol.num_samples)
    for name in ("noise_samples", "feature_samples"):
        if name not in changes and getattr(protocol, name) > most:
            changes[name] = most
    return dataclasses.replace(protocol, **changes)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        # SVG's own: the best sample by mean SSIM of uniform windows.
        Protocol("svg-2-28", num_context=2, selection="ssim_uniform"),
        # That of the paper of FVD: clips of 16 frames, the given ones included.
        Protocol(
            "fvd-2-14",
            num_context=2,
            num_predicted=14,
            extractor="i3d",
            feature_samples=100,
        ),
        # What papers on video generation call BAIR: one frame given.
        Protocol(
            "gen-1-15",
            num_context=1,
            num_predicted=15,
            extractor="i3d",
            feature_samples=100,
        ),
        Protocol("kth-10-30", num_context=10, num_predicted=30),
        # Whether everything runs, in seconds.
        Protocol(
            "smoke",
            num_predicted=5,
            num_clips=4,
            num_samples=4,
            noise_samples=4,
            importance_samples=2,
        ),
    )
}
