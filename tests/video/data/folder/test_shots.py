"""Cuts are found where videos are spliced, and nowhere else."""

import numpy as np
import pytest

from tfsigmavae_video.data.folder.shots import find_cuts, find_shots
from tfsigmavae_video.data.video_files import open_video

REACH = 4


def scene(seed, length, drift=0.0):
    """A smooth picture 16 high and wide, that moves `drift` pixels a frame."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=[4, 4])
    y, x = np.mgrid[:16, :16] / 16.0
    frames = []
    for time in range(length):
        moved = x + drift * time / 16.0
        picture = sum(
            waves[i, j] * np.cos(np.pi * (i * y + j * moved + i * j))
            for i in range(4)
            for j in range(4)
        )
        frames.append(128 + 40 * picture / np.std(waves) / 2)
    noise = rng.normal(0.0, 2.0, [length, 16, 16])
    return np.clip(np.array(frames) + noise, 0, 255).astype(np.uint8)[..., None]


def cuts_by_definition(frames):
    """The formula of `find_cuts`, number by number."""
    frames = frames.astype(float)

    def distance(i, j):
        return np.abs(frames[i] - frames[j]).mean()

    cuts = []
    for t in range(1, len(frames)):
        before = range(max(0, t - REACH), t)
        behind = range(t, min(len(frames), t + REACH))
        across = min(distance(i, j) for i in before for j in behind)
        near = range(max(1, t - REACH), min(len(frames), t + REACH + 1))
        motion = max([distance(k - 1, k) for k in near if k != t], default=0.0)
        if across >= max(10.0, 2.1 * motion):
            cuts.append(t)
    return cuts


@pytest.mark.parametrize("drift", [0.0, 0.25, 0.5])
def test_spliced_scenes_are_cut_where_they_meet(drift):
    lengths = [20, 9, 30, 12]
    frames = np.concatenate([scene(n, t, drift) for n, t in enumerate(lengths)])
    assert find_cuts(frames) == np.cumsum(lengths)[:-1].tolist()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_flashes_are_no_cuts(length):
    frames = scene(0, 40)
    frames[15 : 15 + length] = 255
    frames[30 : 30 + length] //= 4
    assert find_cuts(frames) == []


def test_motion_fades_and_noise_are_no_cuts():
    assert find_cuts(scene(0, 40, drift=4.0)) == []
    one, other = scene(1, 20).astype(float), scene(2, 20).astype(float)
    share = np.linspace(0.0, 1.0, 20)[:, None, None, None]
    assert find_cuts(((1 - share) * one + share * other).astype(np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 256, [40, 16, 16, 1], dtype=np.uint8)
    assert find_cuts(noise) == []


@pytest.mark.parametrize("length", range(1, 12))
def test_cuts_are_those_of_the_formula(length):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        base = np.repeat(rng.integers(0, 256, [4, 1, 2, 2, 1]), 3, axis=1)
        frames = base.reshape([12, 2, 2, 1])[:length]
        frames = frames + rng.integers(0, 9, frames.shape)
        frames = np.clip(frames, 0, 255).astype(np.uint8)
        assert find_cuts(frames) == cuts_by_definition(frames)


def test_real_clips_are_cut_where_they_are_spliced(shared_data, tmp_path):
    """Cars pass close by in `bikes`, which has five cuts of its own."""
    with np.load(shared_data("clips64.npz")) as clips:
        spliced = np.concatenate(
            [clips["bikes"], clips["carphone_pristine"], clips["bigbuckbunny"]]
        )
    np.save(tmp_path / "spliced.npy", spliced)
    with open_video(tmp_path / "spliced.npy") as video:
        shots = find_shots(video)
    starts, ends = zip(*shots, strict=True)
    assert starts == (0, 30, 76, 137, 187, 242, 250, 370)
    assert ends == (*starts[1:], len(spliced))
