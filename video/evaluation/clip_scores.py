"""Everything that is measured of a few clips, before any average."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae import calibration
from tfsigmavae.math import to_unit_range
from tfsigmavae_video.evaluation.baselines import (
    BASELINES,
    baseline_frames,
    has_own,
)
from tfsigmavae_video.models.rollout import NoPixelNoiseError

# Futures scored at a time: what is made on the way is larger than the frames.
_SAMPLES_AT_A_TIME = 16


class ClipScorer:
    """Scores clips of a model by a protocol: arrays whose first axis is the clip.

        sample/METRIC               [B, S, T], of each future
        SOURCE/METRIC               [B, T], of a baseline, of "mean_prediction" (the
                                    average image of the futures), or of all "futures"
        likelihood/NAME             [B, frames]: nll, kl, log_mass and bound in nats
        rates                       [B, frames, latents]
        calibration/KIND/NAME       [B, ...], additive statistics, see
                                    `tfsigmavae.calibration`
        features/SOURCE             [B, R, F], or [B, R, T, F] of single frames; R
                                    futures, 1 of the truth and of a baseline

    Args:
        model: a `VideoModel`.
        protocol: `Protocol` with a number for `num_context`.
        rows: name -> `Metric`, see `frame_metrics.chosen`.
        extractor: `tfsigmavae.metrics.extractors.Extractor`, or `None`.
        has_noise: whether pixels are drawn as well, see `draws_pixels`. Defaults to
            `False`.
        baselines: which of `BASELINES` stand beside the futures. Defaults to all.
    """

    def __init__(
        self,
        model,
        protocol,
        rows,
        extractor: Any = None,
        has_noise=False,
        baselines=BASELINES,
    ):
        self.model = model
        self.protocol = protocol
        self.rows = rows
        self.extractor = extractor
        self.has_noise = has_noise
        self.baselines = baselines

    def __call__(self, frames, actions, first_number) -> dict:
        """Scores clips.

        Args:
            frames: `[B, num_context + T, H, W, C]`, uint8 or floating in [0, 1].
            actions: `[B, num_context + T - 1 or more, action_size]`, or `None`.
            first_number: int, number of the first clip in the evaluation.

        Returns:
            dict of name -> array, see the class.
        """
        frames = to_unit_range(frames, "clips")
        numbers = range(first_number, first_number + len(frames))
        num_context = self.protocol.num_context
        context, truth = frames[:, :num_context], frames[:, num_context:]
        samples = self._predict(context, truth, actions, numbers)
        compared = {"mean_prediction": tf.reduce_mean(samples, 0)[None]}
        for name, found in baseline_frames(
            self.model, frames, num_context, actions, self.baselines
        ).items():
            compared[name] = found[None]
        for source, found in {"predict_frames": samples, **compared}.items():
            self._check_frames(source, found, numbers)
        arrays = self._score(samples, compared, truth, context)
        if self.extractor is not None:
            arrays |= self._features(samples, compared, frames)
        del samples, compared  # the pixels of futures need the room
        if self.has_noise and self.protocol.noise_samples > 1:  # an ensemble
            arrays |= self._score_pixels(context, truth, actions, numbers)
        if self.protocol.importance_samples:
            arrays |= self._likelihood(frames, actions, numbers)
        return {name: np.asarray(values) for name, values in arrays.items()}

    def _predict(self, context, truth, actions, numbers, **options):
        options = {"num_samples": self.protocol.num_samples} | options
        frames = self.model.predict_frames(
            context,
            truth.shape[1],
            seed=self.protocol.seed,
            actions=actions,
            clip_numbers=numbers,
            **options,
        )
        return tf.cast(frames, tf.float32)  # those of a float64 model too

    def _check_frames(self, source, frames, numbers):
        low, high = float(tf.reduce_min(frames)), float(tf.reduce_max(frames))
        is_finite = bool(tf.reduce_all(tf.math.is_finite(frames)))
        # The slack of `to_unit_range`.
        if not is_finite or low < -0.002 or high > 1.002:
            found = f"from {low:g} to {high:g}" if is_finite else "that are not finite"
            raise ValueError(
                f"The {type(self.model).__name__} gives pixels {found} "
                f"(`{source}`, clips {numbers[0]} to {numbers[-1]}): frames must lie "
                "in [0, 1]. Has its training diverged?"
            )

    def _score(self, samples, compared, truth, context):
        arrays = {}
        together = tf.concat([*compared.values()], 0)
        for name, row in self.rows.items():
            if row.of == "sample":
                parts = [
                    row.scored(
                        name, samples[i : i + _SAMPLES_AT_A_TIME], truth, context
                    )
                    for i in range(0, len(samples), _SAMPLES_AT_A_TIME)
                ]
                arrays[f"sample/{name}"] = np.moveaxis(np.concatenate(parts), 0, 1)
                scores = row.scored(name, together, truth, context)
                for source, score in zip(compared, scores, strict=True):
                    arrays[f"{source}/{name}"] = score
            elif row.of == "futures":
                arrays[f"futures/{name}"] = row.scored(name, samples, truth, context)
        return arrays

    def _score_pixels(self, context, truth, actions, numbers):
        """What the decoder's noise enters: scores of pixels, and calibration."""
        options = {"num_samples": self.protocol.noise_samples, "sample_noise": True}
        pixels = self._predict(context, truth, actions, numbers, **options).numpy()
        truth = truth.numpy()
        arrays = {
            f"futures/{name}": row.scored(name, pixels, truth, context.numpy())
            for name, row in self.rows.items()
            if row.of == "pixels"
        }
        parts = [
            calibration.ensemble_statistics(pixels[:, i], truth[i], self._seed(number))
            for i, number in enumerate(numbers)
        ]
        return arrays | _stacked("calibration/futures", parts)

    def _likelihood(self, frames, actions, numbers):
        """Nats of each frame, and how right the decoder is about its errors."""
        inputs = frames if actions is None else {"frames": frames, "actions": actions}
        seed = self._seed(numbers[0])
        likelihood, target = self.model.posterior_likelihood(inputs, seed)
        found = {"likelihood/nll": -likelihood.step_log_prob(target)}
        if self.model.decoder.measure is not None:
            found["likelihood/log_mass"] = likelihood.step_log_mass(target)
            parts = calibration.distribution_statistics(
                likelihood, target, seed, per_example=True
            )
            found |= _stacked("calibration/posterior", parts)
        rates = self.model.latent_rates(inputs)
        if rates is not None:
            found |= {"rates": rates, "likelihood/kl": tf.reduce_sum(rates, -1)}
        if has_own(self.model, "frame_importance_sampler"):
            found["likelihood/bound"] = self.model.frame_log_likelihood(
                inputs, self.protocol.importance_samples, self._seed(numbers[0], 1)
            )
        return found

    def _features(self, samples, compared, frames):
        num_context = self.protocol.num_context
        sources = {"real": frames[None, :, num_context:]}
        sources |= {"sample": samples[: self.protocol.feature_samples], **compared}
        context = frames[:, :num_context]
        return {
            f"features/{name}": np.stack(
                [self._extract(one, context) for one in found]
            ).swapaxes(0, 1)
            for name, found in sources.items()
        }

    def _extract(self, frames, context):
        """Features `[B, F]` of clips `[B, T, H, W, C]`, or `[B, T, F]` of frames."""
        if self.extractor.per == "clip":
            if self.protocol.feature_context:
                frames = tf.concat([context, frames], 1)
            return self.extractor(frames)
        batch, num_frames = frames.shape[:2]
        flat = tf.reshape(frames, [-1, *frames.shape[2:]])
        return self.extractor(flat).reshape(batch, num_frames, -1)

    def _seed(self, number, purpose=0):
        """A seed of a clip, or of clips that are scored together, by the first."""
        sequence = np.random.SeedSequence([self.protocol.seed, number, purpose])
        return int(sequence.generate_state(1)[0] >> 1)


def draws_pixels(model) -> bool:
    """Whether a `VideoModel` can draw the pixels of its futures.

    One whose decoder has no likelihood of pixels has no noise of theirs, and a model of
    one's own may have none; one frame is drawn to see.
    """
    if model.decoder.measure is None:
        return False
    context = tf.zeros([1, model.num_context, *model.frame_shape])
    actions = None
    if model.action_size:
        actions = tf.zeros([1, model.num_context, model.action_size])
    try:
        model.predict_frames(context, 1, seed=0, actions=actions, sample_noise=True)
    except NoPixelNoiseError:
        return False
    return True


def _stacked(prefix, parts):
    if not parts:
        return {}
    return {f"{prefix}/{key}": np.stack([p[key] for p in parts]) for key in parts[0]}
