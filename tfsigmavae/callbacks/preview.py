"""Pictures of what a model makes, while it is trained."""

import abc
import functools
import pathlib
from typing import Any

import numpy as np

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checkpoints import DivergedError
from tfsigmavae.checks import check_at_least
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.pictures import labelled_grid, write_png
from tfsigmavae.typing import Array, Logs, PathLike

# Screen pixels of an image, about, and images in a row.
_TILE = 64
_NUM_COLUMNS = 8


def check_finite(*pixels: Any) -> None:
    """Raises a `DivergedError` if a pixel is not finite."""
    if not all(np.isfinite(array).all() for array in pixels):
        raise DivergedError(
            "Training has diverged: `model` draws pixels that are not finite. "
            "Lower the learning rate."
        )


class Preview(StepCallback, abc.ABC):
    """Base of the previews: pictures every so many steps, numbered by the step.

    A subclass writes `draw` and, for `TensorBoardLog`, `inputs`. No noise of the model
    may be used up: training with previews is, to the bit, training without.

    Args:
        folder: where to write; made if missing.
        every: int, steps between pictures; 0 for none during training.

    Raises:
        ValueError: if `every` is not an integer, or negative.
    """

    def __init__(self, folder: PathLike, every: int):
        super().__init__()
        check_at_least("every", every, 0)
        self.folder = pathlib.Path(folder)
        self.every = every
        self.latest = {}  # name -> path of the last pictures

    @abc.abstractmethod
    def draw(self, step: int) -> dict:
        """Writes the pictures of `self.model` at a step: name -> path."""

    @property
    @abc.abstractmethod
    def inputs(self) -> Any:
        """The examples that are shown, as `elbo_terms` of the model takes them."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        before = self.step
        super().on_train_batch_end(batch, logs)
        if self.every and self.step // self.every > before // self.every:
            self.latest = self.draw(self.step)


class ImagePreview(Preview):
    """Draws what an image model samples and reconstructs, every so many steps.

        FOLDER/samples-000500.png           from the prior, the same latents each time
        FOLDER/reconstructions-000500.png   rows of images, and below each row theirs

    Small images are enlarged by repeating pixels; labels say what a row shows.

    The number is that of the training step, as the optimizer counts. No noise of the
    model is used up: training with previews is, to the bit, training without.

    Args:
        folder: where to write; made if missing.
        images: `[N, H, W, C]` to reconstruct, uint8 or floating in [0, 1]; fields of
            real numbers cannot be drawn.
        every: int, steps between pictures; 0 for none during training.
        num_samples: int, samples in the grid. Defaults to `64`.
        seed: int, of the samples. Defaults to `0`.

    Raises:
        ValueError: if `every` is not an integer, or negative.

    Example:
        >>> model.fit(train, callbacks=[ImagePreview("samples", test[:32], every=500)])
    """

    def __init__(
        self,
        folder: PathLike,
        images: Array,
        every: int,
        num_samples: int = 64,
        seed: int = 0,
    ):
        super().__init__(folder, every)
        self.images = images
        self.num_samples = num_samples
        self.seed = seed

    @property
    def inputs(self) -> Array:
        return self.images

    def draw(self, step: int) -> dict[str, pathlib.Path]:
        paths = self.write(self.model, f"-{step:06d}")
        return dict(zip(("samples", "reconstructions"), paths, strict=True))

    def write(self, model: ImageVAE, suffix: str = "") -> list[pathlib.Path]:
        """Writes `samples{suffix}.png` and `reconstructions{suffix}.png`.

        Args:
            model: an `ImageVAE`.
            suffix: str. Defaults to none.

        Returns:
            The paths.

        Raises:
            DivergedError: if a pixel is not finite.
        """
        images = np.asarray(model.to_images(self.images))
        rows = {"original": images, "reconstruction": model.reconstruct(images)}
        samples = model.sample(self.num_samples, seed=self.seed)
        check_finite(samples, *rows.values())
        scale = max(1, round(_TILE / images.shape[1]))
        grid = functools.partial(labelled_grid, scale=scale, num_columns=_NUM_COLUMNS)
        pictures = {
            "samples": grid({"": samples}, title="samples"),
            "reconstructions": grid(rows),
        }
        return [
            write_png(self.folder / f"{name}{suffix}.png", picture)
            for name, picture in pictures.items()
        ]
