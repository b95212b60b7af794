"""A frame put together from generated pixels and pixels that moved."""

import tensorflow as tf

from tfsigmavae_video.networks.warping import warp


class FrameComposition:
    """Composition of the next frame: its channels, pixel by pixel.

        frame = mask * generated + (1 - mask) * warp(frame before, flow)

    Args:
        channels: int, C of a frame.
        num_extra: int, numbers of a pixel beside its means, such as scales: generated.
        max_flow: float, pixels a step; longer flows are cut off.

    Reference: Hao et al., 2018; Lee et al., 2018.
    """

    def __init__(self, channels, num_extra, max_flow):
        self.sizes = [channels, 1, 2, num_extra]
        self.max_flow = max_flow

    @property
    def num_outputs(self) -> int:
        """Raw numbers that a pixel needs."""
        return sum(self.sizes)

    def __call__(self, raw, previous):
        """Parameters of the next frame's distribution.

        Args:
            raw: `[B, H, W, num_outputs]` before any activation: generated channels,
                mask, flow, and what the decoder takes beside its means.
            previous: `[B, H, W, C]` in [0, 1], the frame before.

        Returns:
            `[B, H, W, C + num_extra]`, means in [0, 1] and the rest as it is.
        """
        planes = _planes(tf.cast(raw, previous.dtype))
        logits, mask, flow, extra = tf.split(planes, self.sizes)
        flow = tf.clip_by_value(flow, -self.max_flow, self.max_flow)
        mask = tf.sigmoid(mask[0])
        # Plane by plane: a product that repeats the mask is slow on a processor. In
        # this form rounding never leaves [0, 1]: a frame may be given as context again.
        mean = [
            moved + mask * (generated - moved)
            for generated, moved in zip(
                tf.unstack(tf.sigmoid(logits)),
                tf.unstack(warp(_planes(previous), flow)),
                strict=True,
            )
        ]
        return _pixels(tf.concat([tf.stack(mean), extra], 0))


# Channels first: see `warp`.


def _planes(images):
    """`[B, H, W, C]` -> `[C, B, H, W]`."""
    return tf.transpose(images, [3, 0, 1, 2])


def _pixels(planes):
    """`[C, B, H, W]` -> `[B, H, W, C]`."""
    return tf.transpose(planes, [1, 2, 3, 0])
