"""Requests to a served model, checked in its graph before anything is computed."""

import dataclasses
import functools
import math

import tensorflow as tf

from tfsigmavae.checks import asserted, check_at_least
from tfsigmavae.graphs import compiled

# Inputs that say how many of something to make, and the limit of each.
_COUNTS = {"num_frames": "max_frames", "num_samples": "max_samples"}
_COUNTS["num"] = "max_samples"
_CLIP_RANK = 5  # [B, T, H, W, C]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one request to an exported model may ask for.

    Args:
        max_frames: int >= 1, frames of a clip that is given, and frames to predict.
        max_samples: int >= 1, futures of each clip, or images, to draw.
        max_batch: int >= 1, clips, images or latents in a request.
        max_bytes: int >= 1, pixels in an answer, in bytes: the other three together
            may ask for more than any machine holds.

    Raises:
        ValueError: if one is no int >= 1, or not below 2**31, where int32 ends.
    """

    max_frames: int
    max_samples: int
    max_batch: int
    max_bytes: int

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            check_at_least(name, value, 1)
            if value >= 2**31:
                raise ValueError(f"`{name}` must be below 2**31, got {value}.")

    def endpoint(self):
        """A traced function without inputs that tells the limits, name -> int32."""
        limits = dataclasses.asdict(self)
        tell = compiled(
            lambda: {name: tf.constant(value) for name, value in limits.items()},
            input_signature=[],
        )
        tell()
        return tell


def checked_endpoints(endpoints, limits: Limits) -> dict:
    """Endpoints that refuse bad requests by the name of the input that is wrong.

    A server has only the graph: without these checks it names an inner node, or dies of
    what it was asked to allocate. Each input must have the shape of its signature, be
    finite, and stay within `limits`. What else a model asks of an input (pixels in
    [0, 1], frames of context, actions for each step) it checks itself.

    Args:
        endpoints: name -> (function, input signature), as `export_endpoints` gives
            them; a signature is a list of `tf.TensorSpec` of known names and ranks, and
            free axes are those of examples and of time. Inputs named `num_frames`,
            `num_samples` or `num` are counts.
        limits: `Limits`.

    Returns:
        Endpoints of the same names and signatures; they raise
        `tf.errors.InvalidArgumentError`.
    """
    specs = [spec for _, signature in endpoints.values() for spec in signature]
    example_bytes = max(map(_example_bytes, specs), default=0)
    return {
        name: (_checked(function, signature, limits, example_bytes), signature)
        for name, (function, signature) in endpoints.items()
    }


def _example_bytes(spec):
    """Of a frame or an image: no other axes of an input are known beforehand."""
    return math.prod(n for n in spec.shape if n is not None) * spec.dtype.size


def _checked(function, signature, limits, example_bytes):
    @functools.wraps(function)  # the names of its arguments are those of the inputs
    def endpoint(*inputs):
        checked = [
            _with_limits(_with_shape(value, spec), spec, limits)
            for value, spec in zip(inputs, signature, strict=False)
        ]
        checked[0] = _with_small_answer(checked, signature, limits, example_bytes)
        # Nothing at all is computed of one input before the others are right.
        with tf.control_dependencies(checked):
            checked = [tf.identity(value) for value in checked]
        return function(*checked, *inputs[len(signature) :])

    return endpoint


def _with_shape(value, spec):
    """`value`, if it has the shape of `spec`, as a server does not make sure."""
    rank = spec.shape.rank
    axes = ["B", "T", *"?" * rank]
    sizes = [axes[i] if n is None else str(n) for i, n in enumerate(spec.shape)]
    shape = _shape_at_run_time(value)
    expected = tf.constant(
        [-1 if n is None else n for n in spec.shape], tf.int32, [rank]
    )
    found = tf.concat([shape, tf.fill([rank], -2)], 0)[:rank]
    fits = tf.reduce_all((found == expected) | (expected == -1) & (found >= 0))
    fits &= tf.size(shape) == rank
    message = f"`{spec.name}` must have shape [{', '.join(sizes)}], got:"
    return asserted(value, fits, [message, tf.strings.format("{}", shape)])


def _shape_at_run_time(value):
    """`tf.shape`, of which the graph does not take that of its signature for granted.

    It would else fold it to a constant, and prune the check.
    """
    wrapped = tf.raw_ops.OptionalFromValue(components=[value])
    (value,) = tf.raw_ops.OptionalGetValue(
        optional=wrapped, output_types=[value.dtype], output_shapes=[None]
    )
    return tf.shape(value)


def _with_limits(value, spec, limits):
    """`value`, if it is finite and no count of it is beyond its limit."""
    if spec.dtype.is_floating:
        message = [f"`{spec.name}` must be finite, got NaN or infinity."]
        finite = tf.reduce_all(tf.math.is_finite(value))
        value = asserted(value, finite, message)
    counts = []
    if spec.name in _COUNTS:
        counts.append((value, _COUNTS[spec.name], "be 1 to {}"))
    if spec.shape.rank and spec.shape[0] is None:
        counts.append((tf.shape(value)[0], "max_batch", "hold 1 to {} examples"))
    if spec.shape.rank == _CLIP_RANK and spec.shape[1] is None:
        counts.append((tf.shape(value)[1], "max_frames", "have 1 to {} frames"))
    for count, limit, words in counts:
        most = getattr(limits, limit)
        message = f"`{spec.name}` must {words.format(most)} (`{limit}`), got:"
        value = asserted(value, (count >= 1) & (count <= most), [message, count])
    return value


def _with_small_answer(inputs, signature, limits, example_bytes):
    """The first input, if the answer has no more than `max_bytes`."""
    names = [spec.name for spec in signature]
    counts = [n for n, name in zip(inputs, names, strict=True) if name in _COUNTS]
    if not counts:
        return inputs[0]  # as many pixels as the request had
    if signature[0].shape.rank:
        counts.append(tf.shape(inputs[0])[0])
    # In float64: int64 overflows where limits are set as far as they go.
    factors = [tf.cast(count, tf.float64) for count in counts]
    size = tf.reduce_prod(factors) * example_bytes
    asked = " or ".join(f"`{name}`" for name in names if name in _COUNTS)
    message = (
        f"Ask for less by {asked}: an answer has at most {limits.max_bytes} bytes "
        "(`max_bytes`), this one would have:"
    )
    return asserted(inputs[0], size <= limits.max_bytes, [message, size])
