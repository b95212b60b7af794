"""`WarpVRNN` in plain TensorFlow, the way a paper's straightforward program goes.

It reads the variables of an existing `WarpVRNN` and serves twice: as the oracle of the
model's loss and gradients, and as the baseline that the model's speed is measured
against. So it takes none of the model's short cuts: at every step the encoder runs on
the frame before, true or predicted, and again on the true frame that the posterior
sees; the warp reads four neighbours of every pixel, colours last, and TensorFlow
derives its gradient; each gate of a recurrent cell has a convolution of its own.

Everything is float32, whatever the model's dtype policy. Likelihood (of
`decoder="optimal_sigma"`) and KL are spelt out. No actions, and one warped frame.
"""

import math

import tensorflow as tf

from benchmarking.frame_by_frame_svg_lp import draw, kl_divergence, linear

SLOPE = 0.2
OUTPUT_SCALE = 4.0
LOG_VARIANCES = -12.0, 4.0


class FrameByFrameWarpVRNN:
    """The reference program over the weights of `model`.

    Every call of a network reads its weights anew, see `FrameByFrameSVGLP`.
    """

    def __init__(self, model):
        config = model.get_config()
        self.num_context = config["num_context"]
        self.max_flow = config["max_flow"]
        self.only_future = config["scored_frames"] == "future"
        self.beta = config["beta"]
        self.networks = model.networks
        self.decoder = model.decoder
        if getattr(model.decoder, "scope", None) != "batch":
            raise ValueError(
                f"`decoder` must be optimal sigma of the batch, got {model.decoder!r}."
            )
        if config["action_size"]:
            raise ValueError("`action_size` must be 0: the program knows no actions.")

    def loss(self, frames, noise):
        """Mean over clips of `nll + beta * kl`, in nats, as in training.

        Args:
            frames: `[B, T, H, W, C]` floats in [0, 1].
            noise: `[B, T - 1, latent_size]`, standard normal.
        """
        frames = tf.unstack(frames, axis=1)
        states = self.networks.initial_state(tf.shape(frames[0])[0])
        states = [tf.cast(state, tf.float32) for state in states]
        means, kls = [], []
        for t in range(1, len(frames)):
            # The model's own predictions, after the context.
            previous = frames[t - 1] if t <= self.num_context else means[t - 2]
            maps, target_maps = self.encode(previous), self.encode(frames[t])
            q = self.posterior(target_maps[-1], maps[-1], states[0])
            p = self.prior(maps[-1], states[0])
            latent = draw(q, noise[:, t - 1])
            raw, states = self.generate(latent, maps, states)
            means.append(self.compose(raw, previous))
            kls.append(kl_divergence(q, p))
        first = self.num_context - 1 if self.only_future else 0
        nll = self.mean_nll(tf.stack(frames[1 + first :]), tf.stack(means[first:]))
        return nll + self.beta * tf.reduce_mean(tf.add_n(kls[first:]))

    def encode(self, frame):
        """Maps of a frame, finest first."""
        outputs, maps = tf.nn.space_to_depth(2.0 * frame - 1.0, 2), []
        for layer in self.networks.encoder.convolutions:
            outputs = tf.nn.leaky_relu(convolve(layer, outputs), SLOPE)
            maps.append(outputs)
        return maps

    def posterior(self, target, code, state):
        maps = tf.concat([target - code, code, state], axis=-1)
        return gaussian(self.networks.posterior, maps)

    def prior(self, code, state):
        if self.networks.prior is None:
            zeros = tf.zeros([tf.shape(code)[0], self.networks.latent_size])
            return zeros, zeros
        return gaussian(self.networks.prior, tf.concat([code, state], axis=-1))

    def generate(self, latent, maps, states):
        """Raw numbers of the next frame's pixels, and the next states."""
        generator = self.networks.generator
        outputs = tf.nn.leaky_relu(linear(generator.embedding, latent), SLOPE)
        outputs = tf.reshape(outputs, [-1, *generator.size, generator.filters[-1]])
        new_states = []
        for i, entry in enumerate(generator.entries):
            outputs = tf.concat([outputs, maps[-1 - i]], axis=-1)
            outputs = tf.nn.leaky_relu(convolve(entry, outputs), SLOPE)
            if i < len(generator.cells):
                outputs = recur(generator.cells[i].convolution, outputs, states[i])
                new_states.append(outputs)
                outputs = upsample(generator.upsamplings[i], outputs)
                outputs = tf.nn.leaky_relu(outputs, SLOPE)
        raw = OUTPUT_SCALE * convolve(generator.output_layer, outputs)
        return tf.nn.depth_to_space(raw, 2), new_states

    def compose(self, raw, previous):
        """The mean frame: generated pixels, and pixels of `previous` that moved."""
        logits, mask, flow = tf.split(raw, [previous.shape[-1], 1, 2], axis=-1)
        flow = tf.clip_by_value(flow, -self.max_flow, self.max_flow)
        mask = tf.sigmoid(mask)
        generated, moved = tf.sigmoid(logits), warp(previous, flow)
        return mask * generated + (1.0 - mask) * moved

    def mean_nll(self, targets, means):
        """`-log N(target; mean, sigma**2)` of all frames `[T, B, ...]`, per clip."""
        mse = tf.reduce_mean(tf.square(targets - means))
        variance = tf.maximum(mse, self.decoder.min_sigma**2)
        num_dims = tf.cast(tf.size(targets) / tf.shape(targets)[1], tf.float32)
        return num_dims / 2 * (tf.math.log(2 * math.pi * variance) + mse / variance)


def convolve(layer, images):
    outputs = tf.nn.conv2d(images, layer.kernel, layer.strides, padding="SAME")
    return outputs + layer.bias


def upsample(layer, images):
    _, height, width, _ = images.shape
    shape = [tf.shape(images)[0], 2 * height, 2 * width, layer.filters]
    outputs = tf.nn.conv2d_transpose(images, layer.kernel, shape, 2, padding="SAME")
    return outputs + layer.bias


def recur(layer, inputs, state):
    """A step of a `ConvGRU`, of whose one convolution `layer` has the weights."""
    both = tf.concat([inputs, state], axis=-1)
    gates = [
        tf.nn.conv2d(both, kernel, 1, padding="SAME") + bias
        for kernel, bias in zip(
            tf.split(layer.kernel, 2, axis=-1), tf.split(layer.bias, 2), strict=True
        )
    ]
    update, candidate = tf.sigmoid(gates[0]), tf.tanh(gates[1])
    return (1.0 - update) * state + update * candidate


def gaussian(head, maps):
    """(mean, log variance) of z by a `GaussianHead`."""
    outputs = tf.nn.leaky_relu(convolve(head.first, maps), SLOPE)
    outputs = tf.nn.leaky_relu(convolve(head.second, outputs), SLOPE)
    outputs = tf.reshape(outputs, [-1, math.prod(outputs.shape[1:])])
    log_variance = tf.clip_by_value(linear(head.log_variance, outputs), *LOG_VARIANCES)
    return linear(head.mean, outputs), log_variance


def warp(images, flow):
    """Bilinear backward warp of `[B, H, W, C]` along `[B, H, W, 2]`, (down, right)."""
    height, width = images.shape[1:3]
    rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
    y = tf.cast(rows, tf.float32) + flow[..., 0]
    x = tf.cast(columns, tf.float32) + flow[..., 1]
    y = tf.clip_by_value(y, 0.0, height - 1.0)
    x = tf.clip_by_value(x, 0.0, width - 1.0)
    top = tf.minimum(tf.floor(y), height - 2.0)
    left = tf.minimum(tf.floor(x), width - 2.0)
    down, right = (y - top)[..., tf.newaxis], (x - left)[..., tf.newaxis]
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)

    def pixels(row, column):
        return tf.gather_nd(images, tf.stack([row, column], axis=-1), batch_dims=1)

    return (
        (1.0 - down) * (1.0 - right) * pixels(top, left)
        + (1.0 - down) * right * pixels(top, left + 1)
        + down * (1.0 - right) * pixels(top + 1, left)
        + down * right * pixels(top + 1, left + 1)
    )
