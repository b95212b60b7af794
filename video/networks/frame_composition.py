"""A frame put together from generated pixels and pixels that moved."""

import tensorflow as tf

from tfsigmavae_video.networks.warping import warp


class FrameComposition:
    """Composition of the next frame: its channels, pixel by pixel.

        frame = m_0 * generated + m_1 * warp(previous, flow)
                                + m_2 * warp(last given frame, whole flow)
        m = softmax(logits)

    What has moved since the last given frame is looked up there, by the flows of all
    steps since, so that its pixels are interpolated once, and not once a step:

        whole flow = flow + warp(whole flow of the step before, flow)

    Args:
        channels: int, C of a frame.
        num_extra: int, numbers of a pixel beside its means, such as scales: generated.
        max_flow: float, pixels a step; longer flows are cut off.
        num_sources: int, 1 for the previous frame alone, or 2.

    Reference: composition of warped and generated pixels: Hao et al., 2018; Lee et al.,
    2018.
    """

    def __init__(self, channels, num_extra, max_flow, num_sources):
        self.sizes = [channels, 1 + num_sources, 2 * num_sources, num_extra]
        self.max_flow = max_flow
        self.num_sources = num_sources
        self.num_extra = num_extra

    @property
    def num_outputs(self) -> int:
        """Raw numbers that a pixel needs."""
        return sum(self.sizes)

    def memory(self, frame):
        """What is kept of a given frame: its planes, and no flow so far."""
        if self.num_sources == 1:
            return ()
        planes = _planes(frame)
        # Batch first, as all that is kept from step to step.
        return frame, tf.zeros_like(_pixels(tf.concat([planes[:1]] * 2, 0)))

    def __call__(self, raw, previous, memory):
        """Parameters of the next frame's distribution.

        Args:
            raw: `[B, H, W, num_outputs]` before any activation.
            previous: `[B, H, W, C]` in [0, 1].
            memory: of `memory`, or of an earlier call.

        Returns:
            `[B, H, W, C + num_extra]`, means in [0, 1] and the rest as it is; and the
            next memory.
        """
        planes = _planes(tf.cast(raw, previous.dtype))
        logits, masks, flows, extra = tf.split(planes, self.sizes)
        flows = tf.clip_by_value(flows, -self.max_flow, self.max_flow)
        warped, memory = self._warped(previous, flows, memory)
        mean = _mixed([tf.sigmoid(logits), *warped], masks)
        return _pixels(tf.concat([mean, extra], 0)), memory

    def _warped(self, previous, flows, memory):
        warped = [warp(_planes(previous), flows[:2])]
        if self.num_sources == 1:
            return warped, memory
        source, whole = memory
        whole = flows[2:] + warp(_planes(whole), flows[2:])
        warped.append(warp(_planes(source), whole))
        return warped, (source, _pixels(whole))


def _mixed(images, logits):
    """Images `[C, B, H, W]` weighed by the softmax of logits `[len(images), ...]`.

    One after the other joins those before, so that rounding leaves none of [0, 1].
    """
    first, *others = zip(map(tf.unstack, images), tf.unstack(logits), strict=True)
    mixed, total = first
    for planes, logit in others:
        share = tf.sigmoid(logit - total)
        # Plane by plane: a product that repeats the share is slow on a processor.
        mixed = [a + share * (b - a) for a, b in zip(mixed, planes, strict=True)]
        total = total + tf.nn.softplus(logit - total)
    return tf.stack(mixed)


# Channels first: see `warp`.


def _planes(images):
    """`[B, H, W, C]` -> `[C, B, H, W]`."""
    return tf.transpose(images, [3, 0, 1, 2])


def _pixels(planes):
    """`[C, B, H, W]` -> `[B, H, W, C]`."""
    return tf.transpose(planes, [1, 2, 3, 0])
