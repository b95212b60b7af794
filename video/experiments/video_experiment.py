"""One training run of a video predictor from its options to summary, model and GIF."""

import dataclasses
import functools
import hashlib
import json
import pathlib
import typing
from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae.callbacks import EvaluationNoise
from tfsigmavae.checks import check_choice
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.experiments.experiment import Experiment
from tfsigmavae.files import read_json
from tfsigmavae.typing import PathLike
from tfsigmavae_video import models
from tfsigmavae_video.data import ClipSource, batches, first_clips, loading, softmotion
from tfsigmavae_video.data.batching import WINDOWS, Windows
from tfsigmavae_video.data.decoded_clips import check_cache
from tfsigmavae_video.data.file_contents import contents_digest
from tfsigmavae_video.evaluation import Protocol, evaluate, evaluate_actions
from tfsigmavae_video.evaluation.protocol import run_protocol
from tfsigmavae_video.evaluation.scores import prediction_summary
from tfsigmavae_video.experiments.curriculum import check_curriculum, evenly, stages_of
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.pictures import VideoPreview, playing_fps, write_prediction

# The window of SSIM.
_MIN_SIZE = 11
# Options of data that are options of the experiment themselves.
_TAKEN = ("frame_shape", "with_actions", "min_frames")


@dataclasses.dataclass(frozen=True)
class VideoExperiment(Experiment):
    """Options of a run; the defaults are the paper's recipe for BAIR.

    Args:
        data: data set folder or file, see `tfsigmavae.video.load_clips`; or clips of
            your own as {"train": `ClipSource`, "test": `ClipSource`}.
        data_options: dict of options of that kind of data, such as {"fps": 10}, but
            for those that are options of the experiment themselves.
        model: `"svg_lp"` for `SVGLP`, or a class derived from `VideoModel`.
        model_options, decoder, decoder_options, beta: see `Experiment`.
        steps: training steps.
        batch_size: clips per step.
        learning_rate, decay_from, warm_up_steps, kl_ramp: see `Experiment`.
        gradient_accumulation_steps, preview_every: see `Experiment`.
        precision, recalibration_steps: see `Experiment`.
        seed: of weights, noise, order of the data and samples.
        num_context: given frames.
        num_frames: frames to predict in training; likelihood is told of as many.
        curriculum: stages of training before that, pairs of (share of the steps, frames
            to predict): ((0.5, 4),) predicts 4 frames in the first half of the steps,
            then `num_frames`. A model that is fed its own predictions unrolls a chain
            as long as the clip: short clips first make cheap steps and steady
            gradients. Learning rate and KL ramp run over the whole. Defaults to none.
        eval_frames: frames to predict in evaluation and pictures.
        windows: `"first"` frames of each record, as the official code,
            `"random"` or `"last"`.
        cache: where to keep the decoded frames of training, `"memory"` or a folder, see
            `tfsigmavae.video.batches`; changes no result, so a resumed run may have
            another.
        frame_shape: (height, width, channels) of a frame.
        use_actions: bool, whether the model is given the actions.
        num_samples: futures per clip in evaluation.
        num_eval_clips: held-out clips in evaluation, at most.

    Raises:
        TypeError: if model or decoder have no such option.
        ValueError: if an option is out of range.

    Example:
        >>> options = {"network": "dcgan", "width": 16}
        >>> VideoExperiment("data/bair", model_options=options).run("runs/dcgan")

    Reference: Denton & Fergus, 2018; with sigma: Rybkin et al., 2021, section 5.
    """

    data: PathLike | dict[str, ClipSource]
    model: str | type = "svg_lp"
    data_options: dict = dataclasses.field(default_factory=dict)
    steps: int = 180_000
    batch_size: int = 100
    learning_rate: float = 2e-3
    num_context: int = 2
    num_frames: int = 10
    curriculum: tuple = ()
    eval_frames: int = 28
    windows: Windows = "first"
    cache: PathLike | None = None
    frame_shape: tuple[int, ...] = (64, 64, 3)
    use_actions: bool = False
    num_samples: int = 100
    num_eval_clips: int = 256

    models: typing.ClassVar = models.MODELS
    shape_names: typing.ClassVar = ("frame_shape", "num_context", "action_size")
    captions: typing.ClassVar = {
        "gif": "Sampled futures",
        "png": "The clip that moves most",
    }
    explanation: typing.ClassVar = (
        "Columns are clips, the first of the test split. Rows are what happened, what "
        "the model makes of it when it sees it (reconstruction), the best of all "
        "samples, two samples, and the mean of all. Frames framed green are given, red "
        "ones are the model's. sigma is the standard deviation that it gives a pixel, "
        "from 0 to 1; psnr is in dB, and more is better, as for ssim; copy_last is the "
        "score of showing the last given frame again; kl is in nats a clip. held_out "
        "says whether the model has never seen these clips."
    )
    # Which memory keeps the frames, and which keeps the activations.
    changeable: typing.ClassVar = ("cache", "model_options.remat", "preview_every")
    example: typing.ClassVar = "clip"
    kind: typing.ClassVar = "video"

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.data, dict):
            self._check_sources()
        if taken := [name for name in self.data_options if name in _TAKEN]:
            raise TypeError(
                f"`data_options` must not hold {taken[0]!r}, which is an option of the "
                "experiment itself."
            )
        check_cache(self.cache)
        check_curriculum(self.curriculum)
        stages_of(self.curriculum, self.steps, self.num_frames)
        check_choice("windows", self.windows, WINDOWS)
        if len(self.frame_shape) != 3 or min(self.frame_shape[:2]) < _MIN_SIZE:
            raise ValueError(
                "`frame_shape` must be (height, width, channels), at least "
                f"{_MIN_SIZE} pixels high and wide (the window of SSIM), got "
                f"{tuple(self.frame_shape)}."
            )

    def _check_sources(self):
        sources: Any = self.data
        splits = {split: type(source) for split, source in sources.items()}
        is_source = [issubclass(kind, ClipSource) for kind in splits.values()]
        if splits.keys() != set(softmotion.SPLITS) or not all(is_source):
            raise TypeError(
                "`data` must be a path, or a `ClipSource` for 'train' and one "
                f"for 'test', got {splits}."
            )
        if self.data_options:
            raise TypeError("`data_options` are for a path as `data`, not for sources.")
        wanted = {"frames", "actions"} if self.use_actions else {"frames"}
        for split, source in sources.items():
            shape, _ = source.fields["frames"]
            if source.fields.keys() != wanted or shape != tuple(self.frame_shape):
                raise ValueError(
                    f"The {split} clips of `data` must hold {sorted(wanted)} with "
                    f"frames of `frame_shape` {tuple(self.frame_shape)}, got "
                    f"{sorted(source.fields)} with {shape}."
                )

    def options(self) -> dict:
        if isinstance(self.data, dict):
            named = dataclasses.replace(self, data="")  # sources are not copied
            digests = {split: _digest(source) for split, source in self.data.items()}
            return super(VideoExperiment, named).options() | {"data": digests}
        options, defaults = super().options(), {}
        if pathlib.Path(self.data).exists():
            defaults = loading.option_defaults(self.data)
        defaults = {name: v for name, v in defaults.items() if name not in _TAKEN}
        own = json.loads(json.dumps(defaults)) | options["data_options"]
        made = pathlib.Path(self.data) / softmotion.DATASET
        if made.is_file():  # other videos are to be read alike
            options["converted_with"] = read_json(made)["options"]
        return options | {"data_options": own}

    @classmethod
    def find_model(cls, identifier: str | type) -> type:
        return models.get(identifier)

    @functools.cached_property
    def train_clips(self) -> ClipSource:
        """`ClipSource` of the training clips."""
        return self._load("train")

    @functools.cached_property
    def test_clips(self) -> ClipSource:
        """`ClipSource` of the held-out clips."""
        return self._load("test")

    def _load(self, split) -> ClipSource:
        if isinstance(self.data, dict):
            return self.data[split]
        own = {"frame_shape": self.frame_shape, "with_actions": self.use_actions}
        predicted = [self.num_frames, self.eval_frames]
        if split == "train":
            predicted = [num_frames for _, num_frames in self._stages]
        own["min_frames"] = self.num_context + max(predicted)
        return loading.load(self.data, split, **own | self.data_options)

    def check_data(self) -> None:
        stored = self.test_clips.num_frames[: self.num_eval_clips].min()
        most = stored - self.num_context
        for name in ("num_frames", "eval_frames"):
            if getattr(self, name) > most:
                raise ValueError(
                    f"`num_context` ({self.num_context}) and `{name}` "
                    f"({getattr(self, name)}) are more than the {stored} frames of the "
                    f"shortest test clip. Set `{name}` to at most {most}."
                )
        self._check_stages()

    def _check_stages(self):
        if not self.curriculum:
            return  # the first batch tells, and no clip has to be opened for it
        stored = self.train_clips.num_frames.min()
        stages = [
            (n, f"of `curriculum` up to {share:g}") for share, n in self.curriculum
        ]
        for num_frames, where in [*stages, (self.num_frames, "of `num_frames`")]:
            if self.num_context + num_frames > stored:
                raise ValueError(
                    f"`num_context` ({self.num_context}) and the {num_frames} frames "
                    f"{where} are more than the {stored} frames of the shortest "
                    f"training clip. Predict at most {stored - self.num_context}."
                )

    @property
    def _stages(self):
        return stages_of(self.curriculum, self.steps, self.num_frames)

    def stages(self) -> list:
        if not self.curriculum:
            return []
        return [
            (first, f"clips of {self.num_context} + {num_frames} frames")
            for first, num_frames in self._stages
        ]

    def data_digest(self) -> dict[str, Any]:
        splits = {"train": self.train_clips, "test": self.test_clips}
        return {split: _digest(clips) for split, clips in splits.items()}

    def shape_arguments(self) -> dict[str, Any]:
        action_size = 0
        if self.use_actions:
            (action_size,), _ = self.train_clips.fields["actions"]
        return {
            "frame_shape": self.frame_shape,
            "num_context": self.num_context,
            "action_size": action_size,
        }

    def train_batches(
        self, start_step: int = 0, share: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """Endless training batches, from step `start_step` on, as long as its stage."""
        begun = [n for first, n in self._stages if first <= start_step]
        return batches(
            self.train_clips,
            self.num_context + begun[-1],
            self.batch_size,
            windows=self.windows,
            cache=self.cache,
            shuffle=True,
            repeat=True,
            start_step=start_step,
            seed=self.seed,
            share=share,
        )

    def callbacks(self, folder: pathlib.Path) -> list:
        shown = self.shown_clips
        length = self.num_context + self.eval_frames
        preview = VideoPreview(
            folder / "samples",
            shown["frames"][:, :length],
            self.preview_steps,
            seed=self.seed,
            actions=shown.get("actions"),
            fps=playing_fps(self.test_clips),
        )
        return [preview]

    @functools.cached_property
    def shown_clips(self) -> dict:
        """The first held-out clips, of which pictures are drawn; as `eval_clips`."""
        length = self.num_context + max(self.num_frames, self.eval_frames)
        return first_clips(self.test_clips, min(4, self.num_eval_clips), length)

    @functools.cached_property
    def eval_clips(self) -> dict:
        """Held-out clips from their first frame on: `frames`, and `actions` if used."""
        length = self.num_context + max(self.num_frames, self.eval_frames)
        return first_clips(self.test_clips, self.num_eval_clips, length)

    @property
    def protocol(self) -> Protocol:
        """How the run is evaluated, by its own options."""
        return run_protocol(vars(self))

    def evaluate_by_protocol(
        self, model: VideoModel, folder: pathlib.Path | None = None
    ) -> Evaluation:
        name = "" if isinstance(self.data, dict) else str(self.data)
        return evaluate(
            model,
            self.test_clips,
            self.protocol,
            folder,
            title=None if folder is None else folder.parent.resolve().name,
            data={"path": name, "split": "test"},
            with_report=False,  # that of the run shows it
        )

    def evaluate(self, model: VideoModel, found: Evaluation | None = None) -> dict:
        """Likelihood and prediction scores on held-out clips.

        The noise is the same every time: the same model gives the same figures.

        Args:
            model: what `make_model` gave, trained.
            found: what `evaluate_by_protocol` gave. Defaults to `None`: it is called.

        Returns:
            dict of `prediction_summary`, with likelihood over as many frames as in
            training and, of a model with actions, `evaluate_actions`.
        """
        found = found or self.evaluate_by_protocol(model)
        scores = prediction_summary(
            found.metrics["scores"], self.protocol, found.metrics["data"]["clips"]
        )
        frames = self.eval_clips["frames"]
        if self.use_actions and len(frames) > 1:
            scores["actions"] = evaluate_actions(
                model,
                frames[:, : self.num_context + self.eval_frames],
                self.eval_clips["actions"],
                num_samples=min(self.num_samples, 10),
                seed=self.seed,
            )
        return (
            scores | self._likelihood(model) | {"held_out": self.test_clips.is_held_out}
        )

    def _likelihood(self, model):
        """Of clips as long as in training."""
        trained = self.num_context + self.num_frames
        parts = {name: value[:, :trained] for name, value in self.eval_clips.items()}
        scored = tf.data.Dataset.from_tensor_slices(
            parts if self.use_actions else parts["frames"]  # pyright: ignore[reportArgumentType]
        ).batch(min(16, len(parts["frames"])))
        logs = model.evaluate(
            scored, verbose=0, return_dict=True, callbacks=[EvaluationNoise()]
        )
        return {
            name: float(f"{logs[name]:.6g}")
            for name in ("nll", "kl", "bits_per_dim", "mse", "sigma")
            if name in logs
        }

    def draw(self, model: VideoModel, folder: pathlib.Path) -> dict:
        shown = self.shown_clips
        animation, strip = write_prediction(
            model,
            shown["frames"],
            folder,
            self.eval_frames,
            min(self.num_samples, 10),
            self.seed,
            shown.get("actions"),
            fps=playing_fps(self.test_clips),
        )
        return {"gif": animation, "png": strip}

    def on_noise(self, folder: pathlib.Path) -> "VideoExperiment":
        predicted = [num_frames for _, num_frames in self._stages]
        length = self.num_context + max(*predicted, self.eval_frames)
        rng = np.random.default_rng(0)
        for split in softmotion.SPLITS:
            shape = (2, length, *self.frame_shape)
            noise = rng.integers(0, 256, shape, dtype=np.uint8)
            softmotion.write_shards(folder / "noise", split, noise)
        return dataclasses.replace(
            self,
            data=str(folder / "noise"),
            data_options={},
            cache=None,
            curriculum=evenly(self.curriculum),
            steps=max(2, len(self.curriculum) + 1),
            warm_up_steps=min(2, self.warm_up_steps),
            gradient_accumulation_steps=min(2, self.gradient_accumulation_steps),
            batch_size=2,
            num_samples=2,
            num_eval_clips=2,
        )


def _digest(source):
    """What tells the clips of a source from others, short; of a copy it is the same."""
    values = source.fingerprint()
    if source.files:
        values["files"] = contents_digest(source.files)
    values = json.dumps(values, sort_keys=True)
    return {"clips": len(source), "sha256": hashlib.sha256(values.encode()).hexdigest()}
