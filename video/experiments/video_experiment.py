"""One training run of SVG-LP from its options to summary, model and GIF."""

import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.run_folder import RunFolder
from tfsigmavae.schedules import ConstantThenLinear
from tfsigmavae_video.data import bair, softmotion
from tfsigmavae_video.data.decoded_clips import check_cache
from tfsigmavae_video.evaluation.scores import evaluate_prediction
from tfsigmavae_video.models.svg_lp import SVGLP
from tfsigmavae_video.pictures.prediction import write_prediction

_MODEL_ARGUMENTS = (
    "frame_shape",
    "num_context",
    "latent_size",
    "network",
    "code_size",
    "hidden_size",
    "width",
    "prior",
    "scored_frames",
    "predictor_residual",
    "posterior_residual",
    "posterior_log_variance_bias",
    "prior_log_variance_bias",
    "posterior_mean_stddev",
    "batch_norm_momentum",
    "frame_statistics",
    "remat",
    "beta",
    "seed",
)


@dataclasses.dataclass(frozen=True)
class VideoExperiment:
    """Options of a run; the defaults are the paper's recipe for BAIR.

    Args:
        data: data set folder or record file, see `bair.clips`.
        steps: training steps.
        batch_size: clips per step.
        learning_rate: of Adam.
        decay_from: share of the steps after which the learning rate falls in a straight
            line to 5 %; 1 for never.
        num_context: given frames.
        num_frames: frames to predict, in training as in evaluation.
        windows: `"first"` frames of each record, as the official code, or `"random"`.
        cache: where to keep the decoded frames of training, `"memory"` or a folder, see
            `bair.clips`; changes no result, so a resumed run may have another.
        decoder: name, see `tfsigmavae.decoders.names`.
        sigma: of `fixed_sigma` only.
        network, width, latent_size, code_size, hidden_size, frame_shape: see `SVGLP`.
        prior, scored_frames, predictor_residual, posterior_residual: see `SVGLP`.
        posterior_log_variance_bias, prior_log_variance_bias: see `SVGLP`.
        posterior_mean_stddev, batch_norm_momentum, beta: see `SVGLP`.
        frame_statistics, remat: see `SVGLP`.
        gradient_accumulation_steps: int, steps whose mean gradient makes one update of
            the weights; batch statistics and sigma stay those of a step.
        use_actions: bool, whether the model is told the actions.
        precision: `"float32"` or `"mixed_bfloat16"`.
        num_samples: futures per clip in evaluation.
        num_eval_clips: held-out clips in evaluation, at most.
        seed: of weights, noise, order of the data and samples.
    """

    data: str
    steps: int = 180_000
    batch_size: int = 100
    learning_rate: float = 2e-3
    decay_from: float = 1.0
    num_context: int = 2
    num_frames: int = 10
    windows: str = "first"
    cache: str | None = None
    decoder: str = "optimal_sigma"
    sigma: float | None = None
    network: str = "vgg"
    width: int = 64
    latent_size: int = 64
    code_size: int = 128
    hidden_size: int = 256
    frame_shape: tuple = (64, 64, 3)
    prior: str = "learned"
    scored_frames: str = "all"
    predictor_residual: bool = False
    posterior_residual: bool = False
    posterior_log_variance_bias: float = 0.0
    prior_log_variance_bias: float = 0.0
    posterior_mean_stddev: float = 0.02
    batch_norm_momentum: float = 0.9
    frame_statistics: bool = False
    remat: bool = False
    gradient_accumulation_steps: int = 1
    beta: float = 1.0
    use_actions: bool = False
    precision: str = "float32"
    num_samples: int = 100
    num_eval_clips: int = 256
    seed: int = 0

    def __post_init__(self):
        check_cache(self.cache)
        # Found now, not by the evaluation after hours of training.
        if min(self.frame_shape[:2]) < 11:
            raise ValueError(
                "`frame_shape` must be at least 11 pixels high and wide, the window of "
                f"SSIM, got {tuple(self.frame_shape)}."
            )

        accumulated = self.gradient_accumulation_steps
        if not 1 <= accumulated <= self.steps:
            raise ValueError(
                "`gradient_accumulation_steps` must be from 1 to `steps` "
                f"({self.steps}), got {accumulated}."
            )

    def options(self) -> dict:
        """Every option by name, as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self), default=os.fspath))

    def make_model(self) -> SVGLP:
        """The compiled model."""
        options = {} if self.sigma is None else {"sigma": self.sigma}
        decoder = decoders.get(self.decoder, **options)
        model = SVGLP(
            decoder=decoder,
            action_size=4 if self.use_actions else 0,
            dtype=self.precision,
            **{name: getattr(self, name) for name in _MODEL_ARGUMENTS},
        )
        rate, accumulated = self.learning_rate, self.gradient_accumulation_steps
        if self.decay_from < 1:
            # The schedule counts updates.
            rate = ConstantThenLinear(rate, self.steps // accumulated, self.decay_from)
        accumulated = accumulated if accumulated > 1 else None
        model.compile(
            keras.optimizers.Adam(rate, gradient_accumulation_steps=accumulated)
        )
        return model

    def train_batches(self, start_step=0) -> tf.data.Dataset:
        """Endless training batches, from step `start_step` on."""
        return bair.clips(
            self.data,
            "train",
            **self._clip_options(),
            batch_size=self.batch_size,
            windows=self.windows,
            cache=self.cache,
            shuffle=True,
            repeat=True,
            start_step=start_step,
            seed=self.seed,
        )

    def eval_clips(self) -> dict:
        """Held-out clips from their first frame on: `frames`, and `actions` if used."""
        return bair.first_clips(
            self.data, "test", self.num_eval_clips, **self._clip_options()
        )

    def _clip_options(self):
        return {
            "num_frames": self.num_context + self.num_frames,
            "frame_shape": self.frame_shape,
            "with_actions": self.use_actions,
        }

    def run(self, output, tensorboard=False) -> dict | None:
        """Trains, evaluates and draws; goes on where an earlier attempt stopped.

        Args:
            output: run folder, see `tfsigmavae.run_folder.RunFolder`.
            tensorboard: bool, whether to write TensorBoard logs. Defaults to `False`.

        Returns:
            The summary (also `summary.json`), or `None` if Ctrl-C ended training.
        """
        folder = RunFolder(output, self.options(), changeable=["cache", "remat"])
        if folder.summary is not None:
            print(f"The run in '{output}' is complete.", file=sys.stderr)
            return folder.summary
        model = self.make_model()
        # A cache in memory lives as long as a data set that uses it.
        batches = self.train_batches()
        if not folder.fit(model, self.train_batches, self.steps, 100, tensorboard):
            return None
        del batches
        trained = time.time()
        print("Evaluating and drawing ...", file=sys.stderr)
        summary = self.evaluate(model)
        clips = self.eval_clips()
        shown = {key: value[:4] for key, value in clips.items()}
        animation, strip = write_prediction(
            model,
            shown["frames"],
            folder.path / "samples",
            self.num_frames,
            min(self.num_samples, 10),
            self.seed,
            shown.get("actions"),
        )
        # Training of all attempts, and what follows it.
        seconds = folder.read_json("run.json")["seconds"] + time.time() - trained
        summary |= {
            # One record file has no splits: these clips were trained on.
            "held_out": not pathlib.Path(self.data).is_file(),
            "steps": self.steps,
            "seconds": round(seconds, 1),
            "gif": str(animation),
            "png": str(strip),
        }
        folder.write_json("summary.json", summary)
        return summary

    def evaluate(self, model) -> dict:
        """Likelihood and prediction scores on held-out clips."""
        clips = self.eval_clips()
        batches = tf.data.Dataset.from_tensor_slices(
            clips if self.use_actions else clips["frames"]
        ).batch(min(16, len(clips["frames"])))
        logs = model.evaluate(batches, verbose=0, return_dict=True)
        scores = evaluate_prediction(
            model,
            clips["frames"],
            num_samples=self.num_samples,
            seed=self.seed,
            actions=clips.get("actions"),
        )
        likelihood = {
            name: float(f"{logs[name]:.6g}")
            for name in ("nll", "kl", "bits_per_dim", "mse", "sigma")
            if name in logs
        }
        return scores | likelihood


def dry_run(experiment) -> dict:
    """Runs two steps of an experiment, and all that follows, on noise; keeps nothing.

    Args:
        experiment: `VideoExperiment`; its `data` is not read.

    Returns:
        The summary.
    """
    length = experiment.num_context + experiment.num_frames
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for split in softmotion.SPLITS:
            shape = (2, length, *experiment.frame_shape)
            noise = rng.integers(0, 256, shape, dtype=np.uint8)
            softmotion.write_shards(folder / "noise", split, noise)
        small = dataclasses.replace(
            experiment,
            data=str(folder / "noise"),
            cache=None,
            steps=2,
            gradient_accumulation_steps=min(2, experiment.gradient_accumulation_steps),
            batch_size=2,
            num_samples=2,
            num_eval_clips=2,
        )
        summary = small.run(folder / "run")
    return {key: value for key, value in summary.items() if key not in ("gif", "png")}
