"""SVG-LP in plain TensorFlow, step by step, the way its paper and official code go.

It reads the variables of an existing `SVGLP` and serves twice: as the oracle of the
model's loss and gradients (the tests import it), and as the baseline that the model's
speed is measured against. So it takes none of the model's short cuts: at every step the
encoder runs on x_{t-1} and again on x_t, batch norm sees the frames of that call alone,
skips are concatenated with the features before one convolution, the LSTMs advance by
one step, and every sample of a future encodes its context anew.

Everything is float32, whatever the model's dtype policy. Moving averages are read and
never updated. Likelihood (of `decoder="optimal_sigma"`) and KL are spelt out.
"""

import math

import tensorflow as tf

from tfsigmavae_video.networks.recurrence import StandardNormal

EPSILON = 1e-5
SLOPE = 0.2


class FrameByFrameSVGLP:
    """The reference program over the weights of `model`.

    Every call of the encoder reads its weights anew. From weights read once, a graph
    would merge the two encodings of a frame into one.
    """

    def __init__(self, model):
        config = model.get_config()
        self.is_vgg = config["network"] == "vgg"
        self.num_context = config["num_context"]
        self.latent_size = config["latent_size"]
        self.only_future = config["scored_frames"] == "future"
        self.beta = config["beta"]
        self.networks = model.networks
        self.decoder = model.decoder
        if getattr(model.decoder, "scope", None) != "batch":
            raise ValueError(
                f"`decoder` must be optimal sigma of the batch, got {model.decoder!r}."
            )

    def loss(self, frames, noise, actions=None, training=True):
        """Mean over clips of `nll + beta * kl`, in nats.

        Args:
            frames: `[B, T, H, W, C]` floats in [0, 1].
            noise: `[B, T - 1, latent_size]`, standard normal.
            actions: `[B, T - 1 or more, action_size]` for a model with actions.
            training: bool, statistics of each call and sigma of this batch, or the
                moving averages of both.
        """
        frames = tf.unstack(frames, axis=1)
        actions = self.in_no_unit(actions, len(frames) - 1, training)
        posterior, prior, predictor, kernels = self.start()
        targets, means, kls = [], [], []
        for t in range(1, len(frames)):
            code, new_skips = self.encode(frames[t - 1], training)
            target_code, _ = self.encode(frames[t], training)
            if t <= self.num_context:
                skips = new_skips
            action = None if actions is None else actions[:, t - 1]
            q, p = posterior(target_code), prior(code, action)
            predicted = predictor(code, draw(q, noise[:, t - 1]), action)
            if t >= self.num_context or not self.only_future:
                targets.append(frames[t])
                means.append(self.decode(predicted, skips, kernels, training))
                kls.append(kl_divergence(q, p))
        nll = self.mean_nll(tf.stack(targets), tf.stack(means), training)
        return nll + self.beta * tf.reduce_mean(tf.add_n(kls))

    def predict_frames(self, context, num_frames, num_samples, noise, actions=None):
        """Futures `[num_samples, B, num_frames, H, W, C]` of a context `[B, N, ...]`.

        `noise` is `[num_samples * B, N + num_frames - 1, K]`, samples outermost.
        """
        noise = tf.split(noise, num_samples)
        futures = [self.predict_once(context, num_frames, n, actions) for n in noise]
        return tf.stack(futures)

    def predict_once(self, context, num_frames, noise, actions=None):
        """One future `[B, num_frames, H, W, C]`; `noise` is `[B, ...]`."""
        context = tf.unstack(context, axis=1)
        actions = self.in_no_unit(actions, len(context) + num_frames - 1)
        posterior, prior, predictor, kernels = self.start()
        frame, predictions = context[0], []
        for t in range(1, len(context) + num_frames):
            code, new_skips = self.encode(frame, training=False)
            if t <= len(context):
                skips = new_skips
            action = None if actions is None else actions[:, t - 1]
            normal = prior(code, action)
            if t < len(context):
                normal = posterior(self.encode(context[t], training=False)[0])
            predicted = predictor(code, draw(normal, noise[:, t - 1]), action)
            if t < len(context):
                frame = context[t]
            else:
                frame = self.decode(predicted, skips, kernels, training=False)
                predictions.append(frame)
        return tf.stack(predictions, axis=1)

    def start(self):
        """The LSTMs before their first step, and kernels over (features, skip)."""
        # Input channels come last in a transposed convolution.
        axis = 2 if self.is_vgg else 3
        kernels = [
            tf.concat([first.convolution.kernel, first.skip_convolution.kernel], axis)
            for first, *_ in self.networks.generator.stages
        ]
        posterior, prior = Gaussian(self.networks.posterior), self.standard_normal
        if not isinstance(self.networks.prior, StandardNormal):
            prior = Gaussian(self.networks.prior)
        return posterior, prior, Predictor(self.networks.predictor), kernels

    def in_no_unit(self, actions, num_steps, training=False):
        """Actions standardised; in training by their own, as a first step does it."""
        if actions is None:
            return None
        actions, units = actions[:, :num_steps], self.networks.action_units
        mean, variance = units.moving_mean, units.moving_variance
        if training:
            mean, variance = tf.nn.moments(actions, [0, 1])
        return (actions - mean) / tf.sqrt(variance)

    def standard_normal(self, code, action):
        zeros = tf.zeros([tf.shape(code)[0], self.latent_size])
        return zeros, zeros

    def encode(self, frame, training):
        """Code and skips (finest first) of the frame of one time step."""
        encoder = self.networks.encoder
        stride = 1 if self.is_vgg else 2
        outputs, skips = frame, []
        for stage in encoder.stages:
            for unit in stage:
                kernel = unit.convolution.kernel
                outputs = tf.nn.conv2d(outputs, kernel, stride, padding="SAME")
                outputs = normalise(unit.batch_norm, outputs, training)
                outputs = tf.nn.leaky_relu(outputs, SLOPE)
            skips.append(outputs)
            if self.is_vgg:
                outputs = tf.nn.max_pool2d(outputs, 2, 2, padding="VALID")
        outputs = tf.reshape(outputs, [-1, math.prod(outputs.shape[1:])])
        code = linear(encoder.code, outputs)[:, None, None]
        code = normalise(encoder.code_norm, code, training)
        return tf.tanh(code[:, 0, 0]), skips

    def decode(self, code, skips, kernels, training):
        """The mean frame of one time step."""
        generator = self.networks.generator
        outputs = tf.reshape(linear(generator.stem, code), [-1, *generator.stem_shape])
        outputs = normalise(generator.stem_norm, outputs, training)
        outputs = tf.nn.leaky_relu(outputs, SLOPE)
        for i, stage in enumerate(generator.stages):
            if self.is_vgg:
                outputs = tf.repeat(tf.repeat(outputs, 2, axis=1), 2, axis=2)
            outputs = tf.concat([outputs, skips[-1 - i]], axis=-1)
            for j, unit in enumerate(stage):
                kernel = unit.convolution.kernel if j else kernels[i]
                outputs = self.convolve(outputs, kernel)
                if not hasattr(unit, "batch_norm"):  # the output of DCGAN
                    return tf.sigmoid(outputs + unit.convolution.bias)
                outputs = normalise(unit.batch_norm, outputs, training)
                outputs = tf.nn.leaky_relu(outputs, SLOPE)
        last = generator.output_convolution
        return tf.sigmoid(self.convolve(outputs, last.kernel) + last.bias)

    def convolve(self, images, kernel):
        """A generator's convolution; DCGAN's doubles height and width."""
        if self.is_vgg:
            return tf.nn.conv2d(images, kernel, 1, padding="SAME")
        _, height, width, _ = images.shape
        shape = [tf.shape(images)[0], 2 * height, 2 * width, kernel.shape[2]]
        return tf.nn.conv2d_transpose(images, kernel, shape, 2, padding="SAME")

    def mean_nll(self, targets, means, training):
        """`-log N(target; mean, sigma**2)` of all frames `[T, B, ...]`, per clip."""
        mse = tf.reduce_mean(tf.square(targets - means))
        variance = tf.convert_to_tensor(self.decoder.running_variance)
        if training:
            variance = tf.maximum(mse, self.decoder.min_sigma**2)
        num_dims = tf.cast(tf.size(targets) / tf.shape(targets)[1], tf.float32)
        return num_dims / 2 * (tf.math.log(2 * math.pi * variance) + mse / variance)


class Recurrent:
    """Embedding and LSTM cells of `network`, a step a call, from zeros on."""

    def __init__(self, network):
        self.network = network
        self.states = None

    def step(self, inputs):
        outputs = linear(self.network.embedding, inputs)
        lstms = self.network.lstms
        zeros = tf.zeros_like(outputs)
        states, self.states = self.states or [(zeros, zeros)] * len(lstms), []
        for lstm, (hidden, cell) in zip(lstms, states, strict=True):
            gates = tf.matmul(outputs, lstm.kernel) + lstm.bias
            gates += tf.matmul(hidden, lstm.recurrent_kernel)
            update, forget, candidate, output = tf.split(gates, 4, axis=-1)
            cell = tf.sigmoid(forget) * cell + tf.sigmoid(update) * tf.tanh(candidate)
            outputs = tf.sigmoid(output) * tf.tanh(cell)
            self.states.append((outputs, cell))
        return outputs

    def head(self, layer, hidden, inputs):
        outputs = linear(layer, hidden)
        bypass = self.network.bypass
        return outputs if bypass is None else outputs + linear(bypass, inputs)


class Gaussian(Recurrent):
    """Posterior or prior: (mean, log variance) of z."""

    def __call__(self, code, action=None):
        inputs = code if action is None else tf.concat([code, action], axis=-1)
        hidden = self.step(inputs)
        log_variance = linear(self.network.log_variance, hidden)
        return self.head(self.network.mean, hidden, inputs), log_variance


class Predictor(Recurrent):
    """Code of frame t from that of frame t - 1, z_t and the action between them."""

    def __call__(self, code, latent, action):
        inputs = [code, latent] if action is None else [code, latent, action]
        inputs = tf.concat(inputs, axis=-1)
        hidden = self.step(inputs)
        return tf.tanh(self.head(self.network.output_layer, hidden, inputs))


def normalise(norm, images, training):
    """Batch norm by the statistics of these very images, or by the moving averages."""
    moving = () if training else (norm.moving_mean, norm.moving_variance)
    return tf.compat.v1.nn.fused_batch_norm(
        images, norm.gamma, norm.beta, *moving, epsilon=EPSILON, is_training=training
    )[0]


def linear(layer, inputs):
    outputs = tf.matmul(inputs, layer.kernel)
    return outputs if layer.bias is None else outputs + layer.bias


def draw(normal, noise):
    mean, log_variance = normal
    return mean + tf.exp(0.5 * log_variance) * noise


def kl_divergence(q, p):
    """KL from diagonal Gaussian q to p, `[B]`, summed over the latents."""
    (q_mean, q_log_variance), (p_mean, p_log_variance) = q, p
    ratio = tf.exp(q_log_variance - p_log_variance)
    distance = tf.square(q_mean - p_mean) * tf.exp(-p_log_variance)
    terms = p_log_variance - q_log_variance + ratio + distance - 1
    return 0.5 * tf.reduce_sum(terms, axis=-1)
