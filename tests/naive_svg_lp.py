"""SVG-LP written out frame by frame in float64 NumPy, as an oracle for `SVGLP`.

Follows the published model literally: the encoder is called on x_{t-1} and again on
x_t, skips are concatenated with the features, the code layers are convolutions over
what is left of the frame, the LSTMs advance one step at a time, and likelihood and KL
are spelt out. Weights come from an `SVGLP`, latent noise from the caller.
"""

import numpy as np

from tfsigmavae_video.networks.recurrence import StandardNormal

EPSILON = 1e-5
SLOPE = 0.2


class NaiveSVGLP:
    """The reference model; takes configuration and current weights from `model`."""

    def __init__(self, model):
        config = model.get_config()
        self.is_vgg = config["network"] == "vgg"
        self.num_context = config["num_context"]
        self.latent_size = config["latent_size"]
        self.only_future = config["scored_frames"] == "future"
        self.beta = config["beta"]
        self.new_skips_always = config["skips"] == "previous"
        self.is_composed = config["composition"] == "previous_frame"
        encoder, generator = model.networks.encoder, model.networks.generator
        self.encoder_stages = [
            [Unit(unit) for unit in stage] for stage in encoder.stages
        ]
        self.encoder_code = array(encoder.code.kernel)
        self.encoder_code_norm = Norm(encoder.code_norm)
        self.stem = array(generator.stem.kernel)
        self.stem_shape = generator.stem_shape
        self.stem_norm = Norm(generator.stem_norm)
        self.generator_stages = [
            [Unit(unit) for unit in stage] for stage in generator.stages
        ]
        self.output = Unit(generator.output_convolution) if self.is_vgg else None
        self.predictor_weights = Recurrent(model.networks.predictor)
        self.predictor_output = Linear(model.networks.predictor.output_layer)
        self.bypass = model.networks.predictor.bypass and Linear(
            model.networks.predictor.bypass
        )
        self.posterior_weights = Gaussian(model.networks.posterior)
        prior = model.networks.prior
        is_learned = not isinstance(prior, StandardNormal)
        self.prior_weights = Gaussian(prior) if is_learned else None
        self.action_units = None
        if config["action_size"]:
            self.action_units = Units(model.networks.action_units)
        self.running_variance = array(model.decoder.running_variance)

    def loss(self, clips, noise, actions=None, training=False, fed=None):
        """Per-clip terms: dict of `nll`, `kl` and `loss` `[B]`; `mse` of all;
        `scored`, the number of scored frames.

        Evaluation runs network by network and step by step. Training normalises with
        the statistics of a layer over all frames that it sees, so it runs each layer
        on the list of frames. `fed`, as `own_inputs` gives it, are the frames that are
        fed in place of `clips`; the layers then see both.
        """
        clips, noise = array(clips), array(noise)
        if actions is not None:
            actions = self.action_units(
                array(actions)[:, : clips.shape[1] - 1], training
            )
        frames = [clips[:, t] for t in range(clips.shape[1])]
        inputs = (
            frames if fed is None else [array(fed)[:, t] for t in range(len(frames))]
        )
        if training:
            differing = range(self.num_context, len(frames) - 1)
            others = [] if fed is None else [frames[t] for t in differing]
            all_codes, all_skips = self.encode([*inputs, *others], training=True)
            true_codes = all_codes[: len(frames)]
            for t, code in zip(differing, all_codes[len(frames) :], strict=False):
                true_codes[t] = code
        posterior_state, prior_state, predictor_state = [], [], []
        targets, kls, codes, skips, before = [], [], [], [], []
        for t in range(1, len(frames)):
            if training:
                code_before, code_now = all_codes[t - 1], true_codes[t]
                new_skips = all_skips[t - 1]
            else:
                code_before, new_skips = self.encode_one(inputs[t - 1])
                code_now, _ = self.encode_one(frames[t])
            if t <= self.num_context or self.new_skips_always:
                current_skips = new_skips
            q, posterior_state = self.posterior_weights(code_now, posterior_state)
            p, prior_state = self.step_prior(code_before, actions, t - 1, prior_state)
            latent = q[0] + np.exp(q[1] / 2) * noise[:, t - 1]
            code, predictor_state = self.step_predictor(
                code_before, latent, actions, t - 1, predictor_state
            )
            if t >= self.num_context or not self.only_future:
                targets.append(frames[t])
                kls.append(kl_divergence(*q, *p))
                codes.append(code)
                skips.append(current_skips)
                before.append(inputs[t - 1])
        if training:
            means = self.decode(codes, skips, before, training=True)
        else:
            means = [
                self.decode([c], [s], [b])[0]
                for c, s, b in zip(codes, skips, before, strict=True)
            ]
        mse = np.mean(np.square(np.array(targets) - np.array(means)))
        sigma = np.sqrt(mse if training else self.running_variance)
        nll = sum(
            gaussian_nll(x, mean, sigma) for x, mean in zip(targets, means, strict=True)
        )
        kl = sum(kls)
        return {
            "nll": nll,
            "kl": kl,
            "loss": nll + self.beta * kl,
            "mse": mse,
            "scored": len(targets),
        }

    def sample(self, context, num_frames, num_samples, noise, actions=None):
        """Futures `[num_samples, B, num_frames, H, W, C]`.

        `noise` is `[num_samples * B, N + num_frames - 1, K]`, samples outermost.
        """
        context = array(context)
        if actions is not None:
            actions = self.action_units(array(actions))
        batch, num_given = context.shape[:2]
        noise = array(noise).reshape(num_samples, batch, -1, self.latent_size)
        samples = []
        for eps in noise:
            posterior_state, prior_state, predictor_state = [], [], []
            frame, predicted = context[:, 0], []
            for t in range(1, num_given + num_frames):
                code_before, new_skips = self.encode_one(frame)
                p, prior_state = self.step_prior(
                    code_before, actions, t - 1, prior_state
                )
                if t <= num_given or self.new_skips_always:
                    skips = new_skips
                if t < num_given:
                    code_now, _ = self.encode_one(context[:, t])
                    q, posterior_state = self.posterior_weights(
                        code_now, posterior_state
                    )
                mean, log_variance = q if t < num_given else p
                latent = mean + np.exp(log_variance / 2) * eps[:, t - 1]
                code, predictor_state = self.step_predictor(
                    code_before, latent, actions, t - 1, predictor_state
                )
                if t < num_given:
                    frame = context[:, t]
                else:
                    (frame,) = self.decode([code], [skips], [frame])
                    predicted.append(frame)
            samples.append(np.stack(predicted, axis=1))
        return np.stack(samples)

    def reconstruct(self, clips, actions=None):
        """Frames 1 ... T-1 from posterior means, `[B, T-1, H, W, C]`."""
        return self._reconstruct(clips, actions, num_fed=len(clips[0]))

    def posterior_rollout(self, clips, actions=None, num_context=None):
        """The same, fed with the predicted frame after the context."""
        num_fed = self.num_context if num_context is None else num_context
        return self._reconstruct(clips, actions, num_fed)

    def own_inputs(self, clips, noise, chosen, actions=None):
        """The clips, with own predictions where `chosen` `[B, T]`, by given noise.

        The context and the last frame stay. Of frames before, the chosen are own too.
        """
        clips, noise = array(clips), array(noise)
        if actions is not None:
            actions = self.action_units(array(actions))
        posterior_state, predictor_state, fed = [], [], [clips[:, 0]]
        for t in range(1, clips.shape[1]):
            code_before, new_skips = self.encode_one(fed[t - 1])
            code_now, _ = self.encode_one(clips[:, t])
            if t <= self.num_context or self.new_skips_always:
                skips = new_skips
            q, posterior_state = self.posterior_weights(code_now, posterior_state)
            latent = q[0] + np.exp(q[1] / 2) * noise[:, t - 1]
            code, predictor_state = self.step_predictor(
                code_before, latent, actions, t - 1, predictor_state
            )
            (own,) = self.decode([code], [skips], [fed[t - 1]])
            may_be_own = self.num_context <= t < clips.shape[1] - 1
            is_own = may_be_own & np.asarray(chosen)[:, t, None, None, None]
            fed.append(np.where(is_own, own, clips[:, t]))
        return np.stack(fed, axis=1)

    def _reconstruct(self, clips, actions, num_fed):
        clips = array(clips)
        if actions is not None:
            actions = self.action_units(array(actions))
        posterior_state, predictor_state, outputs = [], [], []
        for t in range(1, clips.shape[1]):
            before = clips[:, t - 1] if t <= num_fed else outputs[-1]
            code_before, new_skips = self.encode_one(before)
            code_now, _ = self.encode_one(clips[:, t])
            # Of the last given frame, or of every one.
            if t <= self.num_context or t == num_fed or self.new_skips_always:
                skips = new_skips
            q, posterior_state = self.posterior_weights(code_now, posterior_state)
            code, predictor_state = self.step_predictor(
                code_before, q[0], actions, t - 1, predictor_state
            )
            outputs.append(self.decode([code], [skips], [before])[0])
        return np.stack(outputs, axis=1)

    def step_prior(self, code, actions, step, state):
        if self.prior_weights is None:
            zeros = np.zeros([len(code), self.latent_size])
            return (zeros, zeros), []
        inputs = [code] if actions is None else [code, actions[:, step]]
        return self.prior_weights(np.concatenate(inputs, axis=1), state)

    def step_predictor(self, code, latent, actions, step, state):
        inputs = [code, latent]
        if actions is not None:
            inputs.append(actions[:, step])
        inputs = np.concatenate(inputs, axis=1)
        hidden, state = self.predictor_weights(inputs, state)
        outputs = self.predictor_output(hidden)
        if self.bypass is not None:
            outputs = outputs + self.bypass(inputs)
        return np.tanh(outputs), state

    def encode_one(self, frame):
        codes, skips = self.encode([frame])
        return codes[0], skips[0]

    def encode(self, frames, training=False):
        """Codes, and skips (finest first), of every frame of a list."""
        skips = [[] for _ in frames]
        stride, padding = (1, 1) if self.is_vgg else (2, 1)
        for stage in self.encoder_stages:
            for unit in stage:
                frames = [correlate(f, unit.kernel, stride, padding) for f in frames]
                frames = [leaky_relu(f) for f in unit.norm(frames, training)]
            for frame_skips, frame in zip(skips, frames, strict=True):
                frame_skips.append(frame)
            if self.is_vgg:
                frames = [max_pool(frame) for frame in frames]
        kernel = self.encoder_code.reshape(*frames[0].shape[1:], -1)
        codes = [correlate(frame, kernel) for frame in frames]
        codes = self.encoder_code_norm(codes, training)
        return [np.tanh(code[:, 0, 0]) for code in codes], skips

    def decode(self, codes, skips, before, training=False):
        """Decoder means of codes, each with skips and a frame before of its own."""
        # A transposed convolution of a single pixel.
        kernel = self.stem.reshape(-1, *self.stem_shape)
        frames = [np.einsum("ng,ghwc->nhwc", code, kernel) for code in codes]
        frames = [leaky_relu(f) for f in self.stem_norm(frames, training)]
        for depth, stage in enumerate(self.generator_stages):
            if self.is_vgg:
                frames = [f.repeat(2, axis=1).repeat(2, axis=2) for f in frames]
            frames = [
                np.concatenate([frame, frame_skips[-1 - depth]], axis=-1)
                for frame, frame_skips in zip(frames, skips, strict=True)
            ]
            for unit in stage:
                if self.is_vgg:
                    frames = [correlate(f, unit.kernel, 1, 1) for f in frames]
                else:
                    frames = [transposed(f, unit.kernel) + unit.bias for f in frames]
                if unit.norm is not None:
                    frames = [leaky_relu(f) for f in unit.norm(frames, training)]
        if self.output is not None:
            frames = [
                correlate(f, self.output.kernel, 1, 1) + self.output.bias
                for f in frames
            ]
        frames = [sigmoid(frame) for frame in frames]
        if not self.is_composed:
            return frames
        return [
            frame[..., -1:] * frame[..., :-1] + (1 - frame[..., -1:]) * previous
            for frame, previous in zip(frames, before, strict=True)
        ]


class Unit:
    """Kernel over concatenated (features, skip), bias, normalisation of one layer."""

    def __init__(self, layer):
        convolution = getattr(layer, "convolution", layer)
        kernels = [array(convolution.kernel)]
        skip = getattr(layer, "skip_convolution", None)
        if skip is not None:
            kernels.append(array(skip.kernel))
        # A transposed convolution has its input channels last, a plain one before.
        is_transposed = "Transpose" in type(convolution).__name__
        self.kernel = np.concatenate(kernels, axis=3 if is_transposed else 2)
        bias = getattr(convolution, "bias", None)
        self.bias = 0.0 if bias is None else array(bias)
        norm = getattr(layer, "batch_norm", None)
        self.norm = norm and Norm(norm)


class Norm:
    """Batch normalisation of frames, by their joint or by moving statistics."""

    def __init__(self, layer):
        self.gamma, self.beta = array(layer.gamma), array(layer.beta)
        self.mean = array(layer.moving_mean)
        self.variance = array(layer.moving_variance)

    def __call__(self, frames, training):
        mean, variance = self.mean, self.variance
        if training:
            pooled = np.concatenate([f.reshape(-1, f.shape[-1]) for f in frames])
            mean, variance = pooled.mean(0), pooled.var(0)
        scale = self.gamma / np.sqrt(variance + EPSILON)
        return [(frame - mean) * scale + self.beta for frame in frames]


class Units:
    """Actions by deviations from their mean; training here is a first step."""

    def __init__(self, layer):
        self.mean = array(layer.moving_mean)
        self.deviation = np.sqrt(array(layer.moving_variance))

    def __call__(self, actions, training=False):
        mean, deviation = self.mean, self.deviation
        if training:
            mean, deviation = actions.mean((0, 1)), actions.std((0, 1))
        return (actions - mean) / deviation


class Linear:
    def __init__(self, layer):
        self.kernel = array(layer.kernel)
        self.bias = 0.0 if layer.bias is None else array(layer.bias)

    def __call__(self, inputs):
        return inputs @ self.kernel + self.bias


class Recurrent:
    """Linear embedding, then LSTM cells; an empty state is all zeros."""

    def __init__(self, network):
        self.embedding = Linear(network.embedding)
        self.cells = [
            (array(lstm.kernel), array(lstm.recurrent_kernel), array(lstm.bias))
            for lstm in network.lstms
        ]

    def __call__(self, inputs, state):
        value = self.embedding(inputs)
        zeros = np.zeros([len(inputs), self.cells[0][1].shape[0]])
        new_state = []
        for i, weights in enumerate(self.cells):
            hidden, cell = state[i] if state else (zeros, zeros)
            hidden, cell = lstm_step(value, hidden, cell, *weights)
            new_state.append((hidden, cell))
            value = hidden
        return value, new_state


class Gaussian:
    """Recurrent network with two linear heads; gives (mean, log variance) and state."""

    def __init__(self, network):
        self.recurrent = Recurrent(network)
        self.mean = Linear(network.mean)
        self.log_variance = Linear(network.log_variance)
        bypass = getattr(network, "bypass", None)
        self.bypass = bypass and Linear(bypass)

    def __call__(self, inputs, state):
        hidden, state = self.recurrent(inputs, state)
        mean = self.mean(hidden)
        if self.bypass is not None:
            mean = mean + self.bypass(inputs)
        return (mean, self.log_variance(hidden)), state


def lstm_step(inputs, hidden, cell, kernel, recurrent_kernel, bias):
    """One step of an LSTM with gates in the order input, forget, candidate, output."""
    gates = inputs @ kernel + hidden @ recurrent_kernel + bias
    size = hidden.shape[1]
    input_gate = sigmoid(gates[:, :size])
    forget_gate = sigmoid(gates[:, size : 2 * size])
    candidate = np.tanh(gates[:, 2 * size : 3 * size])
    output_gate = sigmoid(gates[:, 3 * size :])
    cell = forget_gate * cell + input_gate * candidate
    return output_gate * np.tanh(cell), cell


def correlate(images, kernel, stride=1, padding=0):
    """What deep learning calls a convolution; kernel `[h, w, in, out]`."""
    margin = (padding, padding)
    images = np.pad(images, [(0, 0), margin, margin, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        images, kernel.shape[:2], axis=(1, 2)
    )[:, ::stride, ::stride]
    return np.einsum("nyxchw,hwco->nyxo", windows, kernel, optimize=True)


def transposed(images, kernel):
    """4 x 4 transposed convolution, stride 2, padding 1; kernel `[h, w, out, in]`.

    Every input pixel stamps the kernel onto the output; a border of 1 is cut off.
    """
    batch, height, width, _ = images.shape
    outputs = np.zeros([batch, 2 * height + 2, 2 * width + 2, kernel.shape[2]])
    stamps = np.einsum("nyxc,hwoc->nyxhwo", images, kernel, optimize=True)
    for y in range(height):
        for x in range(width):
            outputs[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += stamps[:, y, x]
    return outputs[:, 1:-1, 1:-1]


def max_pool(images):
    batch, height, width, channels = images.shape
    blocks = images.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return blocks.max(axis=(2, 4))


def leaky_relu(values):
    return np.where(values > 0, values, SLOPE * values)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def kl_divergence(mean1, log_variance1, mean2, log_variance2):
    """KL from diagonal Gaussian 1 to 2, `[B]`, summed over the latents."""
    variance1, variance2 = np.exp(log_variance1), np.exp(log_variance2)
    terms = (
        (log_variance2 - log_variance1) / 2
        + (variance1 + (mean1 - mean2) ** 2) / (2 * variance2)
        - 0.5
    )
    return terms.sum(axis=1)


def gaussian_nll(values, mean, sigma):
    """`-log N(values; mean, sigma**2)`, `[B]`, summed over pixels and channels."""
    terms = (
        0.5 * ((values - mean) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)
    )
    return terms.sum(axis=(1, 2, 3))


def array(value):
    return np.asarray(value, np.float64)
