"""A toy source: one .npy file a clip, different lengths, every frame known."""

import numpy as np
import tensorflow as tf

from tfsigmavae_video.data import ArrayClipSource

LENGTHS = (5, 3, 9, 4, 3, 6)


class NpyClips(ArrayClipSource):
    def __init__(self, files, split="train", with_times=False, view=None):
        self._clips = [np.load(file) for file in files]
        fields = {"frames": (self._clips[0].shape[1:], tf.uint8)}
        fields |= {"times": ([1], tf.float32)} if with_times else {}
        lengths = [len(clip) for clip in self._clips]
        super().__init__(lengths, fields, files, view or {}, name="toys")

    def read_arrays(self, number, start, num_frames):
        times = np.arange(start, start + num_frames, dtype=np.float32)[:, None]
        clip = {"frames": self._clips[number][start : start + num_frames]}
        return clip | ({"times": times} if "times" in self.fields else {})


def write_clips(folder, lengths=LENGTHS):
    """Files of `[length, 1, 2, 1]` clips; clip c has the value 20 c + t at time t."""
    files = [folder / f"clip_{number}.npy" for number in range(len(lengths))]
    for number, (file, length) in enumerate(zip(files, lengths, strict=True)):
        values = 20 * number + np.arange(length, dtype=np.uint8)
        np.save(file, np.broadcast_to(values[:, None, None, None], [length, 1, 2, 1]))
    return files
