"""A model that samples the future of a clip, frame by frame."""

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.graphs import compiled
from tfsigmavae.math import to_unit_range
from tfsigmavae.models import VariationalModel
from tfsigmavae.typing import Array
from tfsigmavae_video.models import rollout
from tfsigmavae_video.models.clips import check_clip, checked_actions


class FutureModel(VariationalModel):
    """What a `VideoModel` writes of its steps, and the futures that follow from it.

    Args:
        frame_shape, num_context, action_size, **kwargs: see `VideoModel`.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        num_context: int,
        action_size: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        # Keras would cast actions before they are standardised, and floating pixels.
        self.autocast = False
        if len(frame_shape) != 3:
            raise ValueError(
                "`frame_shape` must be (height, width, channels), "
                f"got {tuple(frame_shape)!r}."
            )
        for name, side in zip(
            ("height", "width", "channels"), frame_shape, strict=True
        ):
            check_at_least(f"{name} of frame_shape", side, 1)
        check_at_least("num_context", num_context, 1)
        check_at_least("action_size", action_size, 0)
        self.frame_shape = tuple(frame_shape)
        self.num_context = num_context
        self.action_size = action_size
        # One graph for every batch, context and horizon. Pixel noise costs where it is
        # asked for, and nowhere else.
        self._rollout = self._compiled_rollout(rollout.MEANS)
        self._pixel_rollout = self._compiled_rollout(rollout.PIXELS)
        self._double_rollout = self._compiled_rollout(rollout.MEANS, rollout.PIXELS)

    @property
    @abc.abstractmethod
    def noise_size(self) -> int:
        """How many numbers of noise a step uses."""

    @abc.abstractmethod
    def read_context(self, context: tf.Tensor) -> Any:
        """What all futures of a clip share, computed once.

        Args:
            context: `[B, N, H, W, C]` float32 in [0, 1], N >= num_context.

        Returns:
            Nest of tensors `[B, ...]`.
        """

    def fold(self) -> Any:
        """What is computed from the weights once for all steps: a nest of tensors."""
        return ()

    @abc.abstractmethod
    def start(self, given: Any, noise: tf.Tensor, actions: tf.Tensor | None) -> Any:
        """The state after the context, from which the first future frame is predicted.

        Args:
            given: nest of `read_context`, for S samples of each clip: `[S * B, ...]`.
            noise: `[S * B, N - 1, noise_size]` float32 from N(0, 1).
            actions: `[S * B, N - 1, action_size]`, or `None`.

        Returns:
            Nest of tensors `[S * B, ...]`.
        """

    @abc.abstractmethod
    def step(
        self, state: Any, noise: tf.Tensor, action: tf.Tensor | None, folded: Any
    ) -> Any:
        """One step into the future.

        Args:
            state: nest of `start`, or of an earlier step.
            noise: `[S * B, noise_size]` float32 from N(0, 1).
            action: `[S * B, action_size]`, or `None`.
            folded: nest of `fold`.

        Returns:
            p(x | z) of the frame, as `likelihood` gives it: batch shape `[S * B]`,
            event shape `[H, W, C]`; the model feeds its mean to itself. Of a model
            without pixel noise, the frame `[S * B, H, W, C]` float32 in [0, 1]. And the
            next state, of the same structure, shapes and types.
        """

    def predict_frames(
        self,
        context: Array,
        num_frames: int,
        num_samples: int = 1,
        seed: int | None = None,
        actions: Array | None = None,
        sample_batch_size: int | None = None,
        clip_numbers: Array | None = None,
        sample_noise: bool = False,
    ) -> tf.Tensor:
        """Samples futures of a context.

        Noise belongs to seed, clip and sample: a future is the same (but for rounding)
        alone and in company, of a few samples and of many, and a longer one begins with
        the shorter.

        Frames are the means of p(x | z), which the model feeds to itself: what it
        expects to see, without the noise that its decoder calls sigma. Where samples
        stand for the data, as in calibration, draw that too by `sample_noise`. Latents
        and means stay what they are; pixels of Gaussian and Student's t decoders may
        leave [0, 1], and are not clipped. The noise of a Gaussian belongs to seed,
        clip, sample and step; of other decoders the same call gives the same pixels.

        Args:
            context: `[B, N, H, W, C]`, N >= num_context, uint8 or floating in [0, 1].
            num_frames: int, frames to predict.
            num_samples: int, futures per clip. Defaults to `1`.
            seed: int; the same call with the same seed gives the same frames. Defaults
                to `None`, drawn from the model's own generator.
            actions: `[B, >= N + num_frames - 1, action_size]` for a model with actions;
                the first N - 1 lead from given frame to given frame.
            sample_batch_size: int, futures of each clip to draw at a time. It bounds
                memory and changes the frames by rounding errors only. Defaults to
                `None`: as many as make 128 clips.
            clip_numbers: `[B]` ints, numbers of the clips in a larger set, of which
                this is a part. Defaults to `None`: 0 ... B-1.
            sample_noise: bool, whether to draw pixels from p(x | z) instead of giving
                its mean. Defaults to `False`.

        Returns:
            float32 tensor `[num_samples, B, num_frames, H, W, C]`, means in [0, 1].

        Raises:
            ValueError: if a shape does not fit the model.
            TypeError: if `sample_noise` is asked of a model whose `step` returns frames
                without noise, or Python's control flow is on tensors there.
        """
        inputs = self._prediction_inputs(
            context,
            num_frames,
            num_samples,
            seed,
            actions,
            sample_batch_size,
            clip_numbers,
        )
        predict = self._pixel_rollout if sample_noise else self._rollout
        return self._sampled_by(predict, inputs)[0]

    def sample_futures(
        self,
        context: Array,
        num_frames: int,
        num_samples: int = 1,
        seed: int | None = None,
        actions: Array | None = None,
        sample_batch_size: int | None = None,
        clip_numbers: Array | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Samples futures of a context once, and gives them without and with noise.

        Args:
            context, num_frames, num_samples, seed, actions, sample_batch_size,
                clip_numbers: see `predict_frames`.

        Returns:
            Tuple of what `predict_frames` gives with `sample_noise=False` (the means of
            p(x | z)), and with `True` (pixels drawn from it).

        Raises:
            ValueError, TypeError: as `predict_frames`.

        Example:
            >>> means, pixels = model.sample_futures(context, 28, 100, seed=0)
        """
        inputs = self._prediction_inputs(
            context,
            num_frames,
            num_samples,
            seed,
            actions,
            sample_batch_size,
            clip_numbers,
        )
        return tuple(self._sampled_by(self._double_rollout, inputs))

    def _sampled_by(self, rollout, inputs):
        try:
            return rollout(*inputs)
        except tf.errors.OperatorNotAllowedInGraphError as error:
            raise TypeError(
                f"`{type(self).__name__}` has Python's `if`, `while` or `for` on a "
                "tensor in what sampling calls (read_context, start, step): "
                "write `tf.cond`, `tf.where` or `tf.while_loop`."
            ) from error

    def _prediction_inputs(
        self,
        context,
        num_frames,
        num_samples,
        seed,
        actions,
        sample_batch_size,
        clip_numbers,
    ):
        context = self._to_pixels(context, "context")
        context = check_clip(context, self.frame_shape, self.num_context, "context")
        if context.shape[0] == 0:
            raise ValueError("`context` holds no clips.")
        if sample_batch_size is None:
            sample_batch_size = rollout.DEFAULT_SAMPLE_BATCH_SIZE
        else:
            _check_number("sample_batch_size", sample_batch_size, 1)
        _check_number("num_frames", num_frames, 1)
        _check_number("num_samples", num_samples, 1)
        actions = self._to_actions(actions, context, num_frames)
        if seed is None:
            seed = self.seed_generator.as_integer()
        _check_number("seed", seed, -(2**31))
        inputs = [context, num_frames, num_samples, seed]
        if self.action_size:
            inputs.append(actions)
        return sample_batch_size, _clip_numbers(context, clip_numbers), *inputs

    def _to_pixels(self, values, name):
        return to_unit_range(values, name, self.decoder.compute_dtype)

    def _to_actions(self, actions, clips, num_future=0):
        actions = checked_actions(actions, self.action_size, clips, num_future)
        dtype = self.decoder.compute_dtype
        return None if actions is None else tf.cast(actions, dtype)

    # The arguments' names are those of the served inputs; `export_saved_model` bounds
    # the numbers.
    def _serve_prediction(self, context, num_frames, num_samples, seed, actions=None):
        context = self._to_pixels(context, "context")
        context = check_clip(context, self.frame_shape, self.num_context, "context")
        actions = self._to_actions(actions, context, num_frames)
        return self._predict(context, num_frames, num_samples, seed, actions)[0]

    def _compiled_rollout(self, *outputs):
        size, numbers = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
        return compiled(
            lambda size, clip_numbers, *inputs: self._predict(
                *inputs,
                clip_numbers=clip_numbers,
                sample_batch_size=size,
                outputs=outputs,
            ),
            input_signature=[size, numbers, *self._signature()],
        )

    def _predict(self, context, *inputs, clip_numbers=None, **options):
        numbers = _clip_numbers(context, clip_numbers)
        num_frames, num_samples, seed, *actions = inputs
        return rollout.predict(
            self, context, num_frames, num_samples, seed, numbers, *actions, **options
        )

    def _signature(self):
        """Input signature of a prediction; the names are those of served inputs."""
        clips = [None, None, *self.frame_shape]
        dtype = self.decoder.compute_dtype
        inputs = [
            tf.TensorSpec(clips, dtype, name="context"),
            tf.TensorSpec([], tf.int32, name="num_frames"),
            tf.TensorSpec([], tf.int32, name="num_samples"),
            tf.TensorSpec([], tf.int32, name="seed"),
        ]
        if self.action_size:
            shape = [None, None, self.action_size]
            inputs.append(tf.TensorSpec(shape, dtype, name="actions"))
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "frame_shape": self.frame_shape,
            "num_context": self.num_context,
            "action_size": self.action_size,
        }


def _check_number(name, value, least):
    """As `check_at_least`; a tensor of a graph is not known yet."""
    if tf.is_tensor(value):
        if not value.dtype.is_integer:
            raise ValueError(f"`{name}` must be an integer, got {value.dtype.name}.")
        return
    check_at_least(name, value, least)
    if value >= 2**31:
        raise ValueError(f"`{name}` must be below 2**31, got {value}.")


def _clip_numbers(context, clip_numbers):
    if clip_numbers is None:
        return tf.range(tf.shape(context)[0])
    numbers = tf.cast(tf.convert_to_tensor(clip_numbers), tf.int32)
    if not numbers.shape.is_compatible_with(context.shape[:1]):
        raise ValueError(
            f"`clip_numbers` must have shape {tuple(context.shape[:1])}, one for each "
            f"clip of `context`, got {tuple(numbers.shape)}."
        )
    return numbers
