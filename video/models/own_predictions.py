"""Own predictions in the place of true frames, by latents of the posterior."""

import keras
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae_video.models import rollout


def check_own_predictions(probability, ramp):
    """Raises a `ValueError` for options of `SVGLP` that are out of range."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(
            f"`own_predictions` must be a probability from 0 to 1, got {probability!r}."
        )
    if ramp is None:
        return
    if probability == 0.0:
        raise ValueError(
            "`own_predictions_ramp` needs the probability that it leads to: set "
            "`own_predictions` above 0."
        )
    is_pair = isinstance(ramp, (tuple, list)) and len(ramp) == 2
    if not is_pair or not ramp[0] < ramp[1]:
        raise ValueError(
            "`own_predictions_ramp` must be (start, end), two steps of training with "
            f"start < end, got {ramp!r}."
        )
    for step in ramp:
        check_at_least("own_predictions_ramp", step, 0)


class StepRamp(keras.layers.Layer):
    """A share that rises with the steps of training, which it counts itself.

    share = (step - start) / (end - start), not below 0 and not above 1

    Args:
        start: int >= 0, step up to which it is 0.
        end: int > start, step from which on it is 1.

    Call arguments:
        training: bool, whether this is a step to be counted, after it is used.

    Returns:
        float32 scalar.
    """

    def __init__(self, start, end, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.start, self.end = start, end
        # A float, for XLA: int32 of TensorFlow stays on the host of a GPU. Exact up to
        # 2**24 steps.
        self.step = self.add_weight(
            name="step",
            shape=(),
            initializer="zeros",
            trainable=False,
            dtype="float32",
            autocast=False,
            aggregation="mean",
        )
        self.built = True

    def call(self, training=False):
        step = tf.convert_to_tensor(self.step)
        if training and self.trainable:
            self.step.assign(tf.minimum(step + 1.0, float(self.end)))
        share = (step - self.start) / (self.end - self.start)
        return tf.clip_by_value(share, 0.0, 1.0)


def with_own_predictions(model, frames, actions, noise, chosen):
    """Clips some of whose frames after the context are the model's predictions.

    Each is made of the frames before it, predicted ones among them, as where the model
    samples: moving averages of batch norm, the mean of p(x | z). No gradient leads to
    it.

    Args:
        model: `SVGLP`.
        frames: `[B, T, H, W, C]` in [0, 1], T > num_context.
        actions: `[B, >= T - 1, action_size]`, or `None`.
        noise: `[B, T - 1, latent_size]`, of the posterior's samples.
        chosen: bool `[B, T]`, which frames to replace; without effect for those of the
            context and the last one, on which no other depends.

    Returns:
        As `frames`.
    """
    num_given = model.num_context
    num_steps = tf.shape(frames)[1] - 1 - num_given

    def replaced():
        codes, _ = model.networks.encode(frames)
        posterior, _ = model.networks.posterior(codes[:, 1:])
        latents = model.draw(posterior, noise)

        def feed(mean, number):
            is_own = chosen[:, number, None, None, None]
            return tf.where(is_own, mean, frames[:, number])

        fed = _rolled_out(
            model, frames, actions, latents, noise, num_given, num_steps, feed
        )
        fed = [frames[:, :num_given], tf.stop_gradient(fed), frames[:, -1:]]
        return tf.ensure_shape(tf.concat(fed, axis=1), frames.shape)

    # Nothing is predicted for nothing, as long as a ramp is at 0.
    wanted = tf.reduce_any(chosen[:, num_given:-1])
    return tf.cond(wanted, replaced, lambda: frames)


def posterior_rollout(model, frames, actions, num_given):
    """The graph behind `SVGLP.posterior_rollout`; see `VideoModel`."""
    given = frames[:, : num_given + 1]
    inputs = given if actions is None else {"frames": given, "actions": actions}
    known = model(inputs)[:, : num_given - 1]
    codes, _ = model.networks.encode(frames)
    posterior, _ = model.networks.posterior(codes[:, 1:])
    latents = posterior.mean()
    # Without noise the latents of the context are posterior means as well.
    noise = tf.zeros_like(latents)
    num_steps = tf.shape(frames)[1] - num_given
    predicted = _rolled_out(
        model, frames, actions, latents, noise, num_given, num_steps
    )
    return tf.concat([known, predicted], axis=1)


def _rolled_out(
    model, frames, actions, latents, noise, num_given, num_steps, feed=None
):
    """Frames `[B, num_steps, H, W, C]` after the given ones, each fed to the next step.

    Args:
        latents: `[B, T - 1, latent_size]`.
        noise: of the latents, as far as the context goes.
        feed: function from a predicted frame and its number to the one that is fed.
            Defaults to `None`, the predicted one.
    """
    context = model.read_context(frames[:, :num_given])
    before = None if actions is None else actions[:, : num_given - 1]
    folded = model.fold()

    def step(i, state):
        t = num_given - 1 + i
        action = None if actions is None else actions[:, t]
        frame, state = model.networks.step_by_latent(
            state, latents[:, t], action, folded, model.likelihood_after
        )
        fed = frame.mean() if feed is None else feed(frame.mean(), t + 1)
        return [fed], model.networks.feed(fed, state, folded)

    state = model.start(context, noise[:, : num_given - 1], before)
    spec = tf.TensorSpec([None, *model.frame_shape], model.decoder.compute_dtype)
    return rollout.unroll(step, state, num_steps, [spec])[0]
