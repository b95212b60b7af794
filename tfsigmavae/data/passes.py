"""Passes over a data set, cut into batches that are a function of the step."""

import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.graphs import as_written


def pass_batches(
    draw,
    num_elements,
    batch_size,
    repeat=False,
    start_step=0,
    drop_remainder=False,
    share=(0, 1),
) -> tf.data.Dataset:
    """Batches of `draw(0)`, `draw(1)`, ...: the passes, one after another, no gap.

    Batch `s` is the same whatever `start_step` is, and skipping costs nothing.

    Args:
        draw: function, pass number (int64 scalar tensor) -> what the pass holds: a
            tensor of length `num_elements`, or a tuple of such tensors.
        num_elements: elements in a pass.
        batch_size: elements in a batch.
        repeat: whether to go on for ever; otherwise there is one pass.
        start_step: number of batches to skip.
        drop_remainder: whether to drop a last, smaller batch. Without effect with
            `repeat`, where every batch is full.
        share: (index, count): of each batch only elements `index`, `index + count`, ...

    Returns:
        `tf.data.Dataset` of known or infinite cardinality.

    Raises:
        ValueError: if `batch_size`, `start_step` or `share` is out of its range.
    """
    check_share(share, batch_size, repeat or drop_remainder)
    check_at_least("batch_size", batch_size, 1)
    check_at_least("start_step", start_step, 0)
    skipped = start_step * batch_size
    first_pass, skipped = (
        divmod(skipped, num_elements) if repeat else (0, min(skipped, num_elements))
    )
    num_batches = tf.data.INFINITE_CARDINALITY
    if not repeat:
        num_left = num_elements - skipped
        num_batches = num_left // batch_size
        num_batches += num_left % batch_size > 0 and not drop_remainder

    def draw_wanted(number):
        first = tf.where(number == first_pass, skipped, 0)
        return tf.nest.map_structure(lambda value: value[first:], draw(number))

    # Not `counter`, which every worker of a tf.data service would count for itself.
    last_pass = 2**63 - 1 if repeat else 1
    passes = tf.data.Dataset.range(first_pass, last_pass)
    batches = (
        passes.map(as_written(draw_wanted))
        .rebatch(batch_size, drop_remainder or repeat)
        .apply(tf.data.experimental.assert_cardinality(num_batches))
    )
    index, count = share
    if count == 1:
        return batches

    def take_share(*batch):
        taken = tf.nest.map_structure(lambda value: value[index::count], batch)
        return taken if len(taken) > 1 else taken[0]

    return batches.map(as_written(take_share))


def check_share(share, batch_size, are_full):
    """Raises a ValueError if a share of each batch is none, or shares are not equal."""
    index, count = share
    if count > 1 and not are_full:
        raise ValueError("`share` needs full batches: `repeat` or `drop_remainder`.")
    if count < 1 or not 0 <= index < count or batch_size % count:
        raise ValueError(
            "`share` must be (index, count) with 0 <= index < count, and `batch_size` "
            f"a multiple of count, got {share!r} and {batch_size}."
        )


def pass_order(number, num_elements, seed=None) -> tf.Tensor:
    """Order of the elements in a pass: `[num_elements]` int32 indices.

    Args:
        number: int64 scalar tensor, the pass.
        num_elements: elements in a pass.
        seed: int; every pass is a permutation of its own. `None` for the plain order.
    """
    indices = tf.range(num_elements)
    if seed is None:
        return indices
    # Unlike `index_shuffle`, uniform also over few elements.
    return tf.random.experimental.stateless_shuffle(  # pyright: ignore[reportAttributeAccessIssue]
        indices, pass_key(number, seed), "philox"
    )


def pass_key(number, seed) -> tf.Tensor:
    """Key of a pass for stateless random numbers; `pass_order` uses it as it is."""
    return tf.stack([tf.cast(seed, tf.int64), number])
