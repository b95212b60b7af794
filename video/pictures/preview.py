"""Films of what a video model predicts, while it is trained."""

import pathlib

from tfsigmavae.callbacks import Preview
from tfsigmavae.math import to_unit_range
from tfsigmavae.typing import Array, Batch, PathLike
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.pictures.animation import write_animation
from tfsigmavae_video.pictures.panels import prediction_frames
from tfsigmavae_video.pictures.prediction import prediction_rows


class VideoPreview(Preview):
    """Draws the futures that a video model predicts, every so many steps.

        FOLDER/step_000500.gif    truth, reconstruction, samples and their mean

    The number is that of the training step, as the optimizer counts. Clips and noise
    are the same each time, so that what changes is the model. One picture costs a
    forward pass over the clips and `num_samples` futures of each, and the drawing: a
    CPU second for four clips of 12 frames of 64 x 64 pixels. The graph that predicts is
    that of `predict_frames`, traced once. No noise of the model is used up: training
    with previews is, to the bit, training without.

    Args:
        folder: where to write; made if missing.
        clips: `[N, T, H, W, C]`, uint8 or floating in [0, 1]; the first `num_context`
            frames are given to the model, a column each clip. Four clips are plenty.
        every: int, steps between pictures; 0 for none during training.
        num_samples: int, futures of each clip. Defaults to `3`.
        seed: int, of the futures. Defaults to `0`.
        actions: `[N, T - 1 or more, action_size]` for a model with actions. Defaults to
            `None`.
        fps: frames per second. Defaults to `6`.
        scale: int, enlargement. Defaults to `2`.
        hold: float, seconds for which the last frame is shown. Defaults to `1`.

    Raises:
        ValueError: if `every` is not an integer, or negative.

    Example:
        >>> preview = VideoPreview("samples", test_clips[:4], every=500)
        >>> model.fit(train, callbacks=[preview])
    """

    def __init__(
        self,
        folder: PathLike,
        clips: Array,
        every: int,
        num_samples: int = 3,
        seed: int = 0,
        actions: Array | None = None,
        fps: float = 6,
        scale: int = 2,
        hold: float = 1.0,
    ):
        super().__init__(folder, every)
        self.clips = clips
        self.num_samples = num_samples
        self.seed = seed
        self.actions = actions
        self.fps = fps
        self.scale = scale
        self.hold = hold

    @property
    def inputs(self) -> Batch:
        if self.actions is None:
            return self.clips
        return {"frames": self.clips, "actions": self.actions}

    def draw(self, step: int) -> dict[str, pathlib.Path]:
        return {"prediction": self.write(self.model, f"step_{step:06d}.gif")}

    def write(self, model: VideoModel, name: str) -> pathlib.Path:
        """Writes one picture.

        Args:
            model: a `VideoModel`.
            name: file name in the folder; its suffix says the format.

        Returns:
            The path.

        Raises:
            DivergedError: if a pixel is not finite.
        """
        clips = to_unit_range(self.clips, "clips")
        rows = prediction_rows(
            model,
            clips,
            clips.shape[1] - model.num_context,  # pyright: ignore[reportOptionalOperand]
            self.num_samples,
            self.seed,
            self.actions,
        )
        frames = prediction_frames(rows, model.num_context, self.scale)
        # The best palette takes more time than all else together.
        return write_animation(
            self.folder / name, frames, self.fps, palette="fast", hold=self.hold
        )
