"""The clips that a protocol names, in parts of a fixed size."""

import hashlib
import json

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae_video.data import batches

# Futures in memory at a time, and clips at most.
_MOST_FUTURES, _MOST_CLIPS = 128, 16


class EvaluatedClips:
    """Parts of the clips of a source: the same ones whichever part is asked first.

    Args:
        source: `ClipSource`.
        protocol: `Protocol` with a number for `num_context`.

    Attributes:
        num_clips: clips in all.
        num_parts: parts in all.
        part_size: clips of a part, but for a smaller last one.
    """

    def __init__(self, source, protocol):
        self.source = source
        self.protocol = protocol
        self.num_clips = min(protocol.num_clips, len(source))
        fitting = max(1, _MOST_FUTURES // protocol.num_samples)
        self.part_size = min(_MOST_CLIPS, fitting, self.num_clips)
        self.num_parts = -(-self.num_clips // self.part_size)
        self._dataset(0)  # what is wrong with the clips is found now

    def parts(self, first=0):
        """Yields (number of its first clip, frames, actions or `None`) of each part.

        Frames are uint8 `[B, num_context + num_predicted, H, W, C]`.
        """
        check_at_least("first", first, 0)
        dataset = self._dataset(first).take(self.num_parts - first)
        for part, clips in enumerate(dataset, first):
            number = part * self.part_size
            clips = clips if isinstance(clips, dict) else {"frames": clips}
            clips = {k: v[: self.num_clips - number] for k, v in clips.items()}
            yield number, clips["frames"], clips.get("actions")

    def fingerprint(self) -> str:
        """SHA-256 of what the clips are made from; where no file tells, of themselves.

        Two sources without files are otherwise told apart by their shapes only.
        """
        facts = json.dumps(self.source.fingerprint(), sort_keys=True)
        digest = hashlib.sha256(facts.encode())
        for _, *arrays in self.parts() if not self.source.files else ():
            for array in arrays:
                digest.update(b"" if array is None else array.numpy().tobytes())
        return digest.hexdigest()

    def replaced(self, first, count) -> np.ndarray:
        """Whether another clip was read in the place of each clip, bool `[count]`."""
        names = getattr(self.source, "clip_names", [])[first : first + count]
        replaced = getattr(self.source, "replaced", ())
        return np.array([name in replaced for name in names] or [False] * count)

    def clip(self, number):
        """Frames `[1, ...]` and actions of one clip."""
        first, frames, actions = next(self.parts(number // self.part_size))
        at = slice(number - first, number - first + 1)
        return frames[at], None if actions is None else actions[at]

    def _dataset(self, first):
        protocol = self.protocol
        return batches(
            self.source,
            protocol.num_context + protocol.num_predicted,
            self.part_size,
            windows=protocol.windows,
            seed=protocol.seed,
            start_step=first,
        )
