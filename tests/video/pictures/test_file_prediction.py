"""The future of a video file: where it begins, how it is read, what is written."""

import numpy as np
import pytest
from drifting_model import DriftingModel
from PIL import Image

from tfsigmavae.files import write_json
from tfsigmavae.video import ArrayClipSource, playing_fps, predict_file, write_animation
from tfsigmavae_video.pictures import file_prediction

SHAPE = (16, 16, 3)
FPS = 20


@pytest.fixture(scope="module")
def model():
    return DriftingModel(SHAPE, num_context=2)


@pytest.fixture
def video(tmp_path):
    """Frame t is of the grey level 10 t."""
    frames = np.broadcast_to(
        np.arange(12, dtype=np.uint8)[:, None, None, None] * 10, [12, *SHAPE]
    )
    return write_animation(tmp_path / "clip.gif", frames, FPS)


@pytest.fixture
def shown(monkeypatch):
    """The grey levels of the clip that is drawn, and how fast."""
    told = {}

    def write(model, clips, output, num_frames, *others, fps, **options):
        told.update(levels=np.asarray(clips)[0, :, 0, 0, 0].tolist(), fps=fps)

    monkeypatch.setattr(file_prediction, "write_prediction", write)
    return told


@pytest.mark.parametrize(
    "options, levels, fps",
    [
        ({}, range(0, 50, 10), FPS),
        ({"start": 7}, range(70, 120, 10), FPS),
        ({"start": 9}, range(90, 120, 10), FPS),  # the truth ends before
        ({"start": "end"}, [100, 110], FPS),
        ({"stride": 2, "start": 1}, range(20, 120, 20), FPS / 2),
        ({"fps": 5}, [0, 40, 80], 5),
    ],
)
def test_context_begins_where_it_is_asked_for(
    model, video, shown, options, levels, fps
):
    predict_file(model, video, num_frames=3, **options)
    assert shown["levels"] == list(levels)
    assert shown["fps"] == pytest.approx(fps)


@pytest.mark.parametrize("start", [-1, 11, "ende"])
def test_a_start_without_context_is_told_the_last_one(model, video, start):
    with pytest.raises(ValueError, match="'end' or from 0 to 10.*2 of the 12"):
        predict_file(model, video, start=start)


def test_the_video_itself_is_left_alone(model, video):
    before = video.read_bytes()
    drawn = predict_file(model, video, video.parent, num_frames=2, num_samples=2)
    assert [path.name for path in drawn] == [
        "clip-predicted.gif",
        "clip-predicted.png",
    ]
    assert video.read_bytes() == before
    with Image.open(drawn[0]) as animation:
        assert animation.n_frames == 4 and animation.info["duration"] == 1000 / FPS


@pytest.mark.parametrize("key", ["data_options", "converted_with"])
def test_a_run_tells_how_its_videos_were_read(model, video, shown, tmp_path, key):
    run = tmp_path / "run"
    run.mkdir()
    model.save(run / "model.keras")
    options = {"stride": 3, "fit": "stretch", "clip_frames": 4, "test_share": 0.5}
    write_json(run / "config.json", {key: options})
    for path in (run, str(run / "model.keras")):
        predict_file(path, video, num_frames=2)
        assert shown["levels"] == [0, 30, 60, 90]
    predict_file(run, video, num_frames=2, stride=1)
    assert shown["levels"] == [0, 10, 20, 30]
    with pytest.raises(FileNotFoundError, match="There is no model.*run folder"):
        predict_file(tmp_path, video)


class Timed(ArrayClipSource):
    def __init__(self, fps):
        super().__init__([3, 4], {"frames": (SHAPE, "uint8")}, [], {})
        self.fps = fps

    def read_arrays(self, number, start, num_frames):
        raise NotImplementedError


def test_a_film_plays_as_fast_as_it_can():
    assert playing_fps(Timed(None)) == playing_fps(Timed(np.full(2, np.nan))) == 6
    assert playing_fps(Timed(np.array([np.nan, 12.5]))) == 12.5
    assert playing_fps(Timed(np.array([60.0, 60.0]))) == 50
    assert playing_fps(Timed(np.array([60.0, 60.0])), "mp4") == 60
