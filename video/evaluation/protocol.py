"""What a number means: the protocol by which predictions are scored."""

import dataclasses
from typing import Any

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.evaluation.named_protocol import NamedProtocol
from tfsigmavae_video.data.batching import WINDOWS, Windows

# Selection of the best sample for each metric by itself.
EACH = "each"


@dataclasses.dataclass(frozen=True)
class Protocol(NamedProtocol):
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
        metrics: names of rows of `METRICS`, or text with commas between them; empty
            for all of them.
        noise_samples: futures of a clip whose pixels are drawn as well, for calibration
            and CRPS, as far as there are so many; what they estimate does not depend on
            their number. Fewer than two are no ensemble: 0 for none.
        importance_samples: K of the importance-weighted bound; 0 for no likelihood.
        extractor: kind of network whose features are compared, as
            `tfsigmavae.metrics.extractors.get` names it (`"i3d"`), which the caller
            must then give; `None` for whatever the caller gives, or nothing.
        feature_samples: futures of a clip whose features are taken, as far as there are
            so many. Each is one repeat of as many futures as there are clips (256 x 1);
            all together are told as well (256 x 100).
        feature_context: whether clips given to a network of clips begin with the given
            frames. A network of single frames sees predicted ones only.
        seed: of futures, noise and random windows.

    Raises:
        ValueError: if a number or name is out of range.

    Example:
        >>> Protocol.get("svg-2-28", num_samples=10).modified()
        {'num_samples': 10}
    """

    name: str
    num_context: int | None = None
    num_predicted: int = 28
    num_clips: int = 256
    windows: Windows = "first"
    num_samples: int = 100
    selection: str = EACH
    metrics: tuple = ()
    noise_samples: int = 20
    importance_samples: int = 16
    extractor: str | None = None
    feature_samples: int = 1
    feature_context: bool = True
    seed: int = 0

    open_fields = ("num_context", "metrics", "extractor")

    def __post_init__(self):
        names = self.metrics
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        object.__setattr__(self, "metrics", tuple(names))
        check_choice("windows", self.windows, WINDOWS)
        least = {"num_predicted": 1, "num_clips": 1, "num_samples": 1}
        least |= {"noise_samples": 0, "importance_samples": 0, "feature_samples": 1}
        least |= {"seed": 0}
        if self.num_context is not None:
            least["num_context"] = 1
        for name, value in least.items():
            check_at_least(name, getattr(self, name), value)

    @classmethod
    def presets(cls) -> Any:
        return PROTOCOLS


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


# The protocol by which a run evaluates itself.
RUN = "run"


def run_protocol(options) -> Protocol:
    """How a run is evaluated by its own options.

    Args:
        options: mapping of option -> value of a `VideoExperiment`, as in `config.json`.
    """
    return Protocol(
        RUN,
        num_context=options["num_context"],
        num_predicted=options["eval_frames"],
        num_clips=options["num_eval_clips"],
        num_samples=options["num_samples"],
        noise_samples=min(20, options["num_samples"]),
        importance_samples=4,
        seed=options["seed"],
    )
