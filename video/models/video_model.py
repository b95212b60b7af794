"""What video predictors have in common, whatever their networks are."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.graphs import compiled
from tfsigmavae.models.importance import bound_in_batches, step_log_mean_weights
from tfsigmavae.typing import Array, Batch, Data
from tfsigmavae_video.models.clips import check_clip
from tfsigmavae_video.models.future_model import FutureModel


class VideoModel(FutureModel):
    """Base of the video predictors: sampled futures, reconstructions, serving.

    A subclass writes `elbo_terms` and `call` of a `VariationalModel`, and how it goes
    from frame to frame, in three functions and a number:

        noise_size              numbers of N(0, 1) noise that a step uses, 0 for none
        read_context(context)   -> what all futures of a clip share
        start(given, noise, actions)           -> the state after the context
        step(state, noise, action, folded)     -> p(x | z) of the next frame, and the
                                                  state after it

    and, if it likes, `fold`; for likelihoods `frame_importance_sampler` (or
    `importance_sampler`, for that of whole clips alone), for `reconstruct` on its own
    predictions `posterior_rollout`. It makes all its weights in its constructor and
    sets `self.built = True`. `predict_frames`, `reconstruct`, `export_saved_model`,
    evaluation, pictures and `VideoExperiment` then work. A model that samples in
    another way overrides `predict_frames` and `sample_futures`.

    Args:
        frame_shape: (height, width, channels).
        num_context: int >= 1, frames given at training time.
        action_size: int, numbers per action; 0 for none. Defaults to `0`.
        **kwargs: see `VariationalModel`.

    Call arguments:
        inputs: clips `[B, T, H, W, C]`, T > num_context, uint8 or floating in [0, 1];
            or a dict with `"frames"` and, if `action_size` is set, `"actions"`
            `[B, T, action_size]` (the action at t leads from frame t to t + 1).

    Returns:
        Reconstruction of frames 1 ... T-1, `[B, T-1, H, W, C]`.

    Raises:
        ValueError: if an argument is out of range.
    """

    # Whether `elbo_terms` and `call` give every step the true frame before it.
    teacher_forced = True

    def __init__(
        self,
        frame_shape: Sequence[int],
        num_context: int,
        action_size: int = 0,
        **kwargs: Any,
    ):
        super().__init__(frame_shape, num_context, action_size, **kwargs)
        clips, *actions = self._clip_signature()
        self._reconstruct = compiled(self._serve_reconstruction, [clips, *actions])
        number = tf.TensorSpec([], tf.int32)
        self._posterior_rollout = compiled(
            lambda clips, number, actions=None: self.posterior_rollout(
                clips, actions, number
            ),
            input_signature=[clips, number, *actions],
        )
        self._frame_log_likelihood = self._compiled_bounds(_step_log_prob)
        self._frame_log_mass = self._compiled_bounds(_step_log_mass)

    def unpack(self, inputs: Batch) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Checked frames of a training clip, and actions or `None`.

        Args:
            inputs: see the class.

        Returns:
            Frames `[B, T, H, W, C]` float32 in [0, 1], actions `[B, T, action_size]`.

        Raises:
            ValueError: if they do not fit the model.
        """
        actions = None
        if isinstance(inputs, dict):
            inputs, actions = _taken_apart(inputs)
        frames = self._to_pixels(inputs, "frames")
        frames = check_clip(frames, self.frame_shape, self.num_context + 1)
        return frames, self._to_actions(actions, frames)

    def reconstruct(
        self,
        clips: Batch,
        actions: Array | None = None,
        teacher_forced: bool | None = None,
        num_context: int | None = None,
    ) -> tf.Tensor:
        """Reconstructs frames 1 ... T-1 from posterior means.

        The latents are what the model makes of the true frames, those to come included:
        a limit of what it can show, and no prediction.

        Args:
            clips: `[B, T, H, W, C]`, T > num_context, uint8 or floating in [0, 1]; or a
                dict with actions, as `fit` takes it.
            actions: `[B, T - 1 or more, action_size]` for a model with actions.
            teacher_forced: bool, whether every step gets the true frame before it.
                `False`: after the context each gets the frame that the model predicted,
                as where it samples ("posterior rollout"). Defaults to `None`: as the
                model is trained.
            num_context: int, frames of the context of a posterior rollout, less than
                T, as `predict_frames` is given them. Defaults to `None`, the model's.

        Returns:
            float32 tensor `[B, T-1, H, W, C]` in [0, 1].

        Raises:
            ValueError: if a shape does not fit the model, or `num_context` is out of
                range, or given where all frames are.
            NotImplementedError: if the model does not write `posterior_rollout`.
        """
        if teacher_forced not in (None, True, False):
            raise TypeError(
                f"`teacher_forced` must be True, False or None, got {teacher_forced!r}."
            )
        if isinstance(clips, dict):
            if actions is not None:
                raise ValueError("`actions` are given twice: leave one of them out.")
            clips, actions = _taken_apart(clips)
        clips = self._to_pixels(clips, "clips")
        clips = check_clip(clips, self.frame_shape, self.num_context + 1, "clips")
        actions = self._to_actions(actions, clips)
        last = [] if actions is None else [actions]
        if teacher_forced is None:
            teacher_forced = self.teacher_forced
        if teacher_forced and num_context is not None:
            raise ValueError(
                "`num_context` is of `teacher_forced=False`: with `True` all frames "
                f"are given, got `num_context={num_context!r}`."
            )
        if teacher_forced and self.teacher_forced:
            return self._reconstruct(clips, *last)
        if teacher_forced:  # all frames but the last are given
            return self._posterior_rollout(clips, tf.shape(clips)[1] - 1, *last)  # pyright: ignore[reportArgumentType]
        if num_context is None:
            num_context = self.num_context
        check_at_least("num_context", num_context, self.num_context)
        clips = check_clip(clips, self.frame_shape, num_context + 1, "clips")
        return self._posterior_rollout(clips, num_context, *last)

    def posterior_rollout(
        self,
        frames: tf.Tensor,
        actions: tf.Tensor | None = None,
        num_context: int | tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The graph behind `reconstruct(teacher_forced=False)`.

        Args:
            frames: `[B, T, H, W, C]` float32 in [0, 1], T > num_context.
            actions: `[B, >= T - 1, action_size]`, or `None`.
            num_context: int or int32 scalar tensor, at least the model's. Defaults to
                `None`, the model's.

        Returns:
            Frames 1 ... T-1 `[B, T-1, H, W, C]` by posterior means of `frames`; true
            frames are fed as far as `num_context`, then predicted ones.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write `posterior_rollout` to reconstruct "
            "without the true frames, by `teacher_forced=False`."
        )

    @property
    def first_scored_frame(self) -> int:
        """Number of the first frame that the likelihood counts, 1 unless overridden.

        Of a clip of T frames it counts those up to T - 1.
        """
        return 1

    def frame_importance_sampler(
        self, inputs: Batch, score: Callable[[Any, tf.Tensor], tf.Tensor]
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """Log weights of posterior samples frame by frame, for `frame_log_likelihood`.

        From it `importance_sampler` follows. With p(x, z | ...) and q(z | ...) that
        are products over the frames, each frame has its own factors.

        Args:
            inputs: as of `elbo_terms`. What does not depend on the sample is computed
                here, once.
            score: function from the decoder's distribution and its target to
                log p(x_t | z) `[B, frames]`: log densities, or where they are asked
                for log probabilities of grey levels.

        Returns:
            Function from a seed, int32 `[2]`, to the log weights `[B, frames]` of one
            sample z ~ q(z | x), of the frames that the likelihood counts:
            log p(x_t | z) + log p(z_t | x, z before) - log q(z_t | x, z before).
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write `frame_importance_sampler` to tell a "
            "log likelihood of every frame."
        )

    def importance_sampler(self, inputs: Batch) -> Callable[[tf.Tensor], tf.Tensor]:
        draw = self.frame_importance_sampler(inputs, _step_log_prob)
        return lambda seed: tf.reduce_sum(draw(seed), axis=1)

    def frame_log_likelihood(
        self,
        inputs: Data,
        num_importance_samples: int = 1,
        seed: int | tf.Tensor | None = None,
        batch_size: int = 32,
        exact_mass: bool = False,
    ) -> tf.Tensor:
        """What each frame adds to the bound on log p(x): log p(x_t | x_0 ... x_(t-1)).

            b_t = log 1/K * sum over k of w_1^k * ... * w_t^k,    b_t - b_(t-1)

        with the importance weights of `log_likelihood`, one posterior sample of the
        clip after the other. An estimate, and no bound for a single frame; the frames
        add up to `log_likelihood` of the same seed, which is one. Its negative is the
        surprise at a frame.

        Args:
            inputs, num_importance_samples, seed, batch_size: see `log_likelihood`. All
                clips have as many frames.
            exact_mass: bool, whether to score the 256 grey levels by their exact
                probability in place of a density. Defaults to `False`.

        Returns:
            `[N, frames]` in nats, of frames `first_scored_frame` ... T-1.

        Raises:
            ValueError: as `log_likelihood`.
            TypeError: if `exact_mass` is asked of a decoder without grey levels.
            NotImplementedError: if the model does not write
                `frame_importance_sampler`.

        Example:
            >>> surprise = -model.frame_log_likelihood(clips, 16, seed=0)

        Reference: Burda et al., 2016.
        """
        if seed is None:
            seed = self.seed_generator.as_integer()
        bound = self._frame_log_mass if exact_mass else self._frame_log_likelihood
        return bound_in_batches(bound, inputs, num_importance_samples, seed, batch_size)

    def _compiled_bounds(self, score):
        return compiled(
            functools.partial(self._frame_bounds, score),
            reduce_retracing=True,
        )

    def _frame_bounds(self, score, inputs, num_samples, key):
        batch_size = tf.shape(tf.nest.flatten(inputs)[0])[0]
        draw = self.frame_importance_sampler(inputs, score)
        dtype = self.decoder.compute_dtype
        return step_log_mean_weights(draw, num_samples, batch_size, key, dtype)

    def call_signature(self) -> Any:
        context, *_, last = self._signature()
        clips = tf.TensorSpec(context.shape, context.dtype, name="frames")
        return {"frames": clips, "actions": last} if self.action_size else clips

    def export_endpoints(self) -> dict[str, Any]:
        """Named endpoints: sampling and reconstruction.

        `predict_video(context, num_frames, num_samples, seed (, actions))` and
        `reconstruct(clips (, actions))`, floating pixels in [0, 1], free batch, context
        length and horizon.
        """
        return {
            "predict_video": (self._serve_prediction, self._signature()),
            "reconstruct": (self._serve_clips, self._clip_signature()),
        }

    def _serve_clips(self, clips, actions=None):
        """A served reconstruction, which knows its input as `clips`."""
        clips = self._to_pixels(clips, "clips")
        clips = check_clip(clips, self.frame_shape, self.num_context + 1, "clips")
        return self._serve_reconstruction(clips, actions)

    def _serve_reconstruction(self, clips, actions=None):
        return self(clips if actions is None else {"frames": clips, "actions": actions})

    def _clip_signature(self):
        """Input signature of a reconstruction."""
        context, *inputs = self._signature()
        clips = tf.TensorSpec(context.shape, context.dtype, name="clips")
        return [clips, *inputs[3:]]


def _step_log_prob(likelihood, target):
    return likelihood.step_log_prob(target)


def _step_log_mass(likelihood, target):
    return likelihood.step_log_mass(target)


def _taken_apart(inputs):
    """Frames and actions of a dict, as `fit` takes it."""
    if "frames" not in inputs:
        raise ValueError(
            'Inputs must be clips, or a dict with "frames" (and "actions"), '
            f"got a dict of {sorted(inputs)}."
        )
    return inputs["frames"], inputs.get("actions")
