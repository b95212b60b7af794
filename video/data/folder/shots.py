"""Where a video changes from one scene to another at once."""

import numpy as np

from tfsigmavae_video.data.video_files import Framing

_SIZE = 16  # pixels; a step of the camera moves less than one of them
_REACH = 4  # frames to both sides: flashes are shorter
_LEAST = 10.0  # grey levels
_RATIO = 2.5
_AT_ONCE = 256  # frames


def find_shots(video) -> list:
    """Decodes a whole video and finds its shots.

    Args:
        video: `VideoFile`.

    Returns:
        list of (first frame, end), one after another.

    Raises:
        VideoError: if a frame cannot be decoded.
    """
    # What lies behind the picture does not matter here.
    framing = Framing((_SIZE, _SIZE, 1), "stretch", alpha=(0, 0, 0))
    parts = [
        video.read(range(first, min(first + _AT_ONCE, video.num_frames)), framing)
        for first in range(0, video.num_frames, _AT_ONCE)
    ]
    cuts = find_cuts(np.concatenate(parts))
    return list(zip([0, *cuts], [*cuts, video.num_frames], strict=True))


def find_cuts(frames) -> list:
    """Numbers of the frames that begin a new scene.

    With d(i, j) the mean absolute difference of frames i and j in grey levels, frame t
    does if no one of the 4 frames before it is like one of the 4 frames from it on:

        min over i in t - 4 ... t - 1, j in t ... t + 3 of d(i, j)
            >= max(10, 2.5 * max over k of d(k - 1, k))

    where k goes over the 4 frames before and after t. So a flash is no cut, since the
    scene returns, nor is fast motion, which goes on; neither are slow fades.

    Args:
        frames: uint8 `[T, H, W, 1]`, small pictures.
    """
    frames = frames.reshape([len(frames), -1]).astype(np.int16)
    steps = _distances(frames, 1)
    # The nearest pair across t, for every t: pairs of all gaps, from all places.
    across = np.full(len(frames), np.inf)
    for gap in range(1, 2 * _REACH):
        distances = _distances(frames, gap)
        for before in range(max(1, gap - _REACH + 1), min(gap, _REACH) + 1):
            places = np.arange(len(distances)) + before
            across[places] = np.minimum(across[places], distances)
    across[:1] = 0.0
    motion = np.zeros(len(frames))
    for offset in range(1, _REACH + 1):
        motion[1 + offset :] = np.maximum(motion[1 + offset :], steps[:-offset])
        motion[1:-offset] = np.maximum(motion[1:-offset], steps[offset:])
    return np.flatnonzero(across >= np.maximum(_LEAST, _RATIO * motion)).tolist()


def _distances(frames, gap):
    """d(i, i + gap) for each i."""
    return np.abs(frames[gap:] - frames[:-gap]).mean(axis=1)
