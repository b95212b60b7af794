"""WarpVRNN written out frame by frame in float64 NumPy, as an oracle for `WarpVRNN`.

From the docstrings: frames are encoded one by one, each as often as it is asked for;
the cells, the warp and the composition are loops and sums over pixels. Nothing of
TensorFlow; weights come from a `WarpVRNN`, latent noise from the caller.
"""

import numpy as np
import scipy.stats
from naive_svg_lp import (
    Units,
    array,
    correlate,
    gaussian_nll,
    kl_divergence,
    sigmoid,
    transposed,
)

# TensorFlow keeps it as float32 in float64 too.
SLOPE = np.float64(np.float32(0.2))


class NaiveWarpVRNN:
    """The reference model; takes configuration and current weights from `model`."""

    def __init__(self, model):
        config = model.get_config()
        networks = model.networks
        self.decoder = model.decoder
        self.channels = config["frame_shape"][2]
        self.num_context = config["num_context"]
        self.only_future = config["scored_frames"] == "future"
        self.beta = config["beta"]
        self.latent_size = config["latent_size"]
        self.max_flow = config["max_flow"]
        self.encoder = [kernel_and_bias(c) for c in networks.encoder.convolutions]
        generator = networks.generator
        self.size = generator.size
        self.embedding = kernel_and_bias(generator.embedding)
        self.entries = [kernel_and_bias(layer) for layer in generator.entries]
        self.cells = [kernel_and_bias(cell.convolution) for cell in generator.cells]
        self.upsamplings = [kernel_and_bias(layer) for layer in generator.upsamplings]
        self.output = kernel_and_bias(generator.output_layer)
        self.posterior = Gaussian(networks.posterior)
        self.prior = networks.prior and Gaussian(networks.prior)
        self.action_units = None
        if config["action_size"]:
            self.action_units = Units(networks.action_units)

    def loss(self, clips, noise, actions=None, training=True):
        """Per-clip terms: `nll`, `kl`, `loss` `[B]`; and `means`, `mse` of all.

        Training is that of a first step: by the statistics of these actions.
        """
        clips = array(clips)
        num_steps = clips.shape[1] - 1
        if actions is not None:
            actions = array(actions)[:, :num_steps]
        steps = list(self.steps(clips, num_steps, None, noise, actions, training))
        first = self.num_context - 1 if self.only_future else 0
        steps = steps[first:]
        targets = [clips[:, first + 1 + i] for i in range(len(steps))]
        params = [step["params"] for step in steps]
        nll = self.nll(targets, params, training)
        kl = sum(kl_divergence(*step["q"], *step["p"]) for step in steps)
        means = np.stack(params, axis=1)[..., : self.channels]
        return {
            "nll": nll,
            "kl": kl,
            "loss": nll + self.beta * kl,
            "means": means,
            "mse": np.mean((means - np.stack(targets, axis=1)) ** 2),
        }

    def nll(self, targets, params, training):
        """`[B]`, by the kind of the decoder; an optimal sigma is the batch's."""
        kind = type(self.decoder).__name__
        if kind == "StudentT":
            return -sum(map(self.student_t, targets, params))
        if kind == "OptimalSigma" and training:
            errors = [(x - p) ** 2 for x, p in zip(targets, params, strict=True)]
            sigma = np.sqrt(np.mean(errors))
        else:
            sigma = array(self.decoder.sigma)
        return sum(
            gaussian_nll(x, mean, sigma)
            for x, mean in zip(targets, params, strict=True)
        )

    def student_t(self, target, params):
        loc, scale, df = np.split(params, 3, axis=-1)
        scale = self.decoder.min_scale + np.log1p(np.exp(scale))
        df = self.decoder.min_df + np.log1p(np.exp(df))
        return scipy.stats.t.logpdf(target, df, loc, scale).sum(axis=(1, 2, 3))

    def frame_weights(self, clips, noise, sigma, actions=None):
        """Log importance weights of one posterior sample, `[B, scored frames]`."""
        clips, found = array(clips), []
        steps = self.steps(clips, clips.shape[1] - 1, None, noise, actions)
        for t, step in enumerate(steps, start=1):
            if t < self.num_context and self.only_future:
                continue
            weight = -gaussian_nll(clips[:, t], step["params"], sigma)
            weight += log_normal(step["latent"], *step["p"])
            found.append(weight - log_normal(step["latent"], *step["q"]))
        return np.stack(found, axis=1)

    def reconstruct(self, clips, num_given=None, actions=None):
        """Frames 1 ... T-1 from posterior means, `[B, T-1, H, W, C]`."""
        clips = array(clips)
        steps = self.steps(clips, clips.shape[1] - 1, num_given, None, actions)
        return np.stack([step["params"] for step in steps], 1)[..., : self.channels]

    def sample(self, context, num_frames, num_samples, noise, actions=None):
        """Futures `[num_samples, B, num_frames, H, W, C]`.

        `noise` is `[num_samples * B, N + num_frames - 1, K]`, samples outermost.
        """
        context = array(context)
        batch, num_given = context.shape[:2]
        samples = []
        for eps in array(noise).reshape(num_samples, batch, -1, self.latent_size):
            num_steps = num_given + num_frames - 1
            steps = list(self.steps(context, num_steps, num_given, eps, actions))
            frames = [step["params"][..., : self.channels] for step in steps]
            samples.append(np.stack(frames[num_given - 1 :], axis=1))
        return np.stack(samples)

    def steps(self, frames, num_steps, num_given, noise, actions, training=False):
        """Goes from frame to frame; a dict of each step.

        True frames are fed as far as `num_given` (`None`: the model's context), then
        predicted ones. Latents are the posterior's as far as there are true frames.
        """
        num_given = self.num_context if num_given is None else num_given
        if actions is not None:
            actions = self.action_units(array(actions), training)
        states = self.no_memory(len(frames))
        for t in range(1, num_steps + 1):
            if t <= num_given:
                frame = frames[:, t - 1]
            action = None if actions is None else actions[:, t - 1]
            maps = self.encode(frame)
            p, q = self.predict(maps, states, action), None
            if t < frames.shape[1]:
                coarse = self.encode(frames[:, t])[-1]
                q = self.posterior([coarse - maps[-1], maps[-1], states[0]])
            mean, log_variance = p if q is None else q
            latent = mean
            if noise is not None:
                latent = mean + np.exp(log_variance / 2) * array(noise)[:, t - 1]
            raw, states = self.generate(latent, action, maps, states)
            params = self.compose(raw, frame)
            frame = params[..., : self.channels]
            yield {"params": params, "latent": latent, "p": p, "q": q}

    def predict(self, maps, states, action):
        if self.prior is None:
            zeros = np.zeros([len(maps[-1]), self.latent_size])
            return zeros, zeros
        return self.prior([maps[-1], states[0]], action)

    def encode(self, frame):
        """Maps of a frame, finest first."""
        maps, found = space_to_depth(2 * frame - 1), []
        for i, weights in enumerate(self.encoder):
            maps = leaky_relu(convolve(maps, weights, stride=1 if i == 0 else 2))
            found.append(maps)
        return found

    def no_memory(self, batch):
        height, width = self.size
        return [
            np.zeros([batch, height * 2**i, width * 2**i, len(bias) // 2])
            for i, (_, bias) in enumerate(self.cells)
        ]

    def generate(self, latent, action, maps, states):
        if action is not None:
            latent = np.concatenate([latent, action], axis=1)
        kernel, bias = self.embedding
        hidden = leaky_relu(latent @ kernel + bias)
        hidden = hidden.reshape(len(latent), *self.size, -1)
        new_states = []
        for level, entry in enumerate(self.entries):
            both = np.concatenate([hidden, maps[len(maps) - 1 - level]], axis=-1)
            hidden = leaky_relu(convolve(both, entry))
            if level < len(self.cells):
                hidden = conv_gru(hidden, states[level], self.cells[level])
                new_states.append(hidden)
                kernel, bias = self.upsamplings[level]
                hidden = leaky_relu(transposed(hidden, kernel) + bias)
        return depth_to_space(4 * convolve(hidden, self.output)), new_states

    def compose(self, raw, previous):
        """Parameters of the frame."""
        ends = np.cumsum([self.channels, 1, 2])
        logits, mask, flow, extra = np.split(raw, ends, axis=-1)
        moved = naive_warp(previous, np.clip(flow, -self.max_flow, self.max_flow))
        mask = sigmoid(mask)
        mean = mask * sigmoid(logits) + (1 - mask) * moved
        return np.concatenate([mean, extra], axis=-1)


class Gaussian:
    """Two convolutions and two dense layers: maps -> mean, log variance."""

    def __init__(self, head):
        self.convolutions = [kernel_and_bias(head.first), kernel_and_bias(head.second)]
        self.dense = [kernel_and_bias(head.mean), kernel_and_bias(head.log_variance)]

    def __call__(self, maps, action=None):
        first, second = self.convolutions
        hidden = leaky_relu(convolve(np.concatenate(maps, axis=-1), first))
        hidden = leaky_relu(convolve(hidden, second, stride=2))
        hidden = hidden.reshape(len(hidden), -1)
        if action is not None:
            hidden = np.concatenate([hidden, action], axis=1)
        mean, log_variance = (hidden @ kernel + bias for kernel, bias in self.dense)
        return mean, np.clip(log_variance, -12, 4)


def kernel_and_bias(layer):
    return array(layer.kernel), array(layer.bias)


def convolve(images, weights, stride=1):
    """As large as the input, over the stride; the odd pixel of a border comes last."""
    kernel, bias = weights
    margins = [(0, 0)]
    for size, reach in zip(images.shape[1:3], kernel.shape[:2], strict=True):
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        margins.append((total // 2, total - total // 2))
    return correlate(np.pad(images, [*margins, (0, 0)]), kernel, stride) + bias


def conv_gru(inputs, state, weights):
    both = convolve(np.concatenate([inputs, state], axis=-1), weights)
    update, candidate = np.split(both, 2, axis=-1)
    update = sigmoid(update)
    return (1 - update) * state + update * np.tanh(candidate)


def naive_warp(images, flow):
    """Each pixel is read where its flow (down, right) points, bilinearly."""
    batch, height, width, _ = images.shape
    rows, columns = np.mgrid[:height, :width]
    y = np.clip(rows + flow[..., 0], 0, height - 1)
    x = np.clip(columns + flow[..., 1], 0, width - 1)
    top = np.minimum(np.floor(y).astype(int), height - 2)
    left = np.minimum(np.floor(x).astype(int), width - 2)
    clip = np.arange(batch)[:, None, None]
    warped = 0.0
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - abs(y - top - down)) * (1 - abs(x - left - right))
            warped += share[..., None] * images[clip, top + down, left + right]
    return warped


def leaky_relu(values):
    return np.where(values > 0, values, SLOPE * values)


def space_to_depth(images):
    blocks = [images[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
    return np.concatenate(blocks, axis=-1)


def depth_to_space(maps):
    batch, height, width, channels = maps.shape
    images = np.zeros([batch, 2 * height, 2 * width, channels // 4])
    for i, block in enumerate(np.split(maps, 4, axis=-1)):
        images[:, i // 2 :: 2, i % 2 :: 2] = block
    return images


def log_normal(values, mean, log_variance):
    terms = (values - mean) ** 2 / np.exp(log_variance) + log_variance
    return -0.5 * (terms + np.log(2 * np.pi)).sum(axis=1)
