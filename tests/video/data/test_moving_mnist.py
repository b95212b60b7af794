"""Stochastic Moving MNIST against a loop that is written after the rules alone."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from tfsigmavae_video.data import batches, load_clips
from tfsigmavae_video.data.moving_mnist import MovingMnistSource


def moving(root, split="train", frame_shape=(64, 64, 1), **options):
    return load_clips(root, split, frame_shape=frame_shape, **options)


def write_idx(path, images):
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *images.shape)
    content = header + images.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(0)
    write_idx(
        folder / "train-images-idx3-ubyte", rng.integers(0, 256, [5, 28, 28], np.uint8)
    )
    # White squares: what overlaps must not grow brighter than white.
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.full([3, 28, 28], 255, np.uint8))
    return folder


def paths_of(source, number, num_frames):
    """Where the corners of a clip's digits are, `[digits, frames, 2]`."""
    paths = []
    for rng in source._generators(number):
        rng.integers(len(source._digits))
        paths.append(source._corners(rng, num_frames))
    return np.array(paths)


def draw_naively(digits, split, number, num_frames, speed=4, turns=False, num_digits=2):
    """The rules of the fact sheet, one digit, frame and pixel row at a time."""
    video = np.zeros([num_frames, 64, 64])
    for place in range(num_digits):
        rng = np.random.default_rng([0, split, number, place])
        picture = Image.fromarray(digits[rng.integers(len(digits))])
        digit = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)) / 255

        def uniform(low, high, rng=rng):
            return int(rng.integers(low, high + 1))

        sy, sx = uniform(0, 31), uniform(0, 31)
        dy, dx = rng.integers(-speed, speed, 2, endpoint=True).tolist()
        for t in range(num_frames):
            if sy < 0:
                sy = 0
                dy, dx = (-dy, dx) if turns else (uniform(1, speed), None)
                dx = uniform(-speed, speed) if dx is None else dx
            elif sy >= 32:
                sy = 31
                dy, dx = (-dy, dx) if turns else (-uniform(1, speed), None)
                dx = uniform(-speed, speed) if dx is None else dx
            if sx < 0:
                sx = 0
                dx, dy = (-dx, dy) if turns else (uniform(1, speed), None)
                dy = uniform(-speed, speed) if dy is None else dy
            elif sx >= 32:
                sx = 31
                dx, dy = (-dx, dy) if turns else (-uniform(1, speed), None)
                dy = uniform(-speed, speed) if dy is None else dy
            for row in range(32):
                video[t, sy + row, sx : sx + 32] += digit[row]
            sy, sx = sy + dy, sx + dx
    return np.minimum(video, 1.0)


@pytest.mark.parametrize("turns", [False, True])
def test_clips_are_those_of_the_rules(root, turns):
    source = moving(root, deterministic=turns)
    assert type(source) is MovingMnistSource
    raw = (root / "train-images-idx3-ubyte").read_bytes()[16:]
    digits = np.frombuffer(raw, np.uint8).reshape([5, 28, 28])
    for number in (0, 1, 999_999):
        clip = source(number, 0, 60)["frames"].numpy()
        wanted = draw_naively(digits, 0, number, 60, turns=turns)
        # Both are whole grey levels; the other is divided by 255.
        np.testing.assert_allclose(clip[..., 0] / 255, wanted, atol=1e-9)


def test_a_window_is_a_part_of_the_clip(root):
    source = moving(root, num_digits=3)
    whole = source(7, 0, 40)["frames"].numpy()
    np.testing.assert_array_equal(source(7, 25, 10)["frames"], whole[25:35])
    np.testing.assert_array_equal(source(7, 0, 5)["frames"], whole[:5])


def test_splits_seeds_and_numbers_are_other_clips(root):
    def first(split="train", number=0, **options):
        return paths_of(moving(root, split, **options), number, 30).tolist()

    paths = [first(), first("test"), first(number=1), first(seed=1)]
    assert len({str(path) for path in paths}) == 4
    assert first() == paths[0]
    lengths = [len(moving(root, split)) for split in ("train", "test")]
    assert lengths == [1_000_000, 5_000]
    few = moving(root, "test", num_clips=3, num_frames=12)
    assert few.num_frames.tolist() == [12] * 3


def test_overlaps_are_at_most_white_and_nothing_leaves_the_frame(root):
    source = moving(root, "test", num_digits=4)
    clip = source(0, 0, 50)["frames"].numpy()
    assert set(np.unique(clip)) == {0, 255}
    alone = moving(root, "test", num_digits=1)
    for number in range(20):
        clip = alone(number, 0, 50)["frames"].numpy()
        # A whole digit in each frame.
        assert (clip.sum((1, 2, 3)) == 255 * 32 * 32).all()


def test_starts_and_velocities_are_uniform(root):
    source = moving(root, num_digits=1, num_frames=2)
    paths = np.array([paths_of(source, n, 2)[0] for n in range(4_000)])
    starts = paths[:, 0]
    inside = ((starts >= 4) & (starts < 28)).all(1)  # no wall yet
    speeds = (paths[:, 1] - starts)[inside]
    for axis in (0, 1):
        counts = np.bincount(starts[:, axis], minlength=32)
        # 125 expected of each, standard deviation 11: five of them.
        assert counts.size == 32 and np.all(abs(counts - 125) < 55)
        counts = np.bincount(speeds[:, axis] + 4, minlength=9)
        # About 250 expected of each, standard deviation 15.
        assert counts.size == 9
        assert np.all(abs(counts - len(speeds) / 9) < 75)
    both = np.corrcoef(speeds.T)[0, 1]
    assert abs(both) < 5 / len(speeds) ** 0.5


def test_after_a_wall_the_velocity_is_drawn_anew(root):
    source = moving(root, num_digits=1)
    paths = np.array([paths_of(source, n, 40)[0] for n in range(1_500)])
    before, last, now, after = (
        paths[:, :-3],
        paths[:, 1:-2],
        paths[:, 2:-1],
        paths[:, 3:],
    )
    ahead = last + (last - before)  # where it would go, had it not met a wall lately
    free = ((last > 0) & (last < 31)).all(-1)
    goes_on = free & ((ahead >= 0) & (ahead < 32)).all(-1)
    np.testing.assert_array_equal(now[goes_on], ahead[goes_on])
    hits = free & (ahead[..., 0] < 0) & (ahead[..., 1] >= 0) & (ahead[..., 1] < 32)
    assert np.all(now[hits][:, 0] == 0)
    hits &= (now[..., 1] >= 4) & (now[..., 1] < 28)  # no other wall next
    away, along = (after - now)[hits].T
    num = len(away)
    for counts, values in (
        (np.bincount(away, minlength=5), range(1, 5)),
        (np.bincount(along + 4, minlength=9), range(9)),
    ):
        expected = num / len(values)
        assert counts.sum() == counts[list(values)].sum() and num > 300
        assert np.all(abs(counts[list(values)] - expected) < 5 * expected**0.5)


def test_batches_resume_exactly(root):
    source = moving(root, frame_shape=(40, 48, 1), num_clips=10)
    options = {"shuffle": True, "repeat": True, "seed": 3}
    whole = [np.array(b) for b in batches(source, 5, 4, **options).take(3)]
    (last,) = batches(source, 5, 4, start_step=2, **options).take(1)
    assert last.shape == (4, 5, 40, 48, 1)
    np.testing.assert_array_equal(last, whole[2])
    assert np.any(whole[0] != whole[1])


def test_real_clothes_move(shared_data):
    folder = shared_data("t10k-images-idx3-ubyte.gz").parent
    source = moving(folder, "test")
    clip = source(0, 0, 30)["frames"].numpy()
    assert clip.shape == (30, 64, 64, 1) and 5 < clip.mean() < 120


def test_digits_of_the_other_split_are_not_taken(root, tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").symlink_to(
        root / "t10k-images-idx3-ubyte.gz"
    )
    assert len(moving(tmp_path, "test")) == 5_000
    with pytest.raises(FileNotFoundError, match="'train' of .*train-images.*download"):
        moving(tmp_path, "train")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"frame_shape": (64, 64, 3)}, r"must be \(height, width, 1\), larger than a"),
        ({"frame_shape": (32, 64, 1)}, "digit of 32 pixels"),
        ({"with_actions": True}, "no actions"),
        ({"num_digits": 0}, "`num_digits` must be an int >= 1"),
        ({"max_speed": 0.5}, "`max_speed`"),
        ({"num_clips": 0}, "`num_clips`"),
        ({"seed": -1}, "`seed`"),
        ({"split": "val"}, "Unknown split"),
    ],
)
def test_wrong_options_are_errors(root, options, message):
    with pytest.raises(ValueError, match=message):
        moving(root, **options)
