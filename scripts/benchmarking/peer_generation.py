"""Sampling futures with the official networks.

The script that samples with them needs trained weights, and scores and draws what it
samples. So the loop is ours, over the networks of the training script: one sample after
the other, each encoding its context anew. It keeps nothing for gradients and takes
batch norm's moving averages; the official script does neither, and is slower for it.
"""

import numpy as np

from benchmarking import peer
from benchmarking.peer import SCRIPT, check  # noqa: F401 (of every peer)
from benchmarking.work import Work


def make(settings) -> Work:
    """`num_samples` futures of `num_frames` for every clip of a batch."""
    torch = peer.start_torch()
    names = peer.load(torch, settings)
    context = peer.random_frames(torch, settings, settings["num_context"])
    num_frames, num_samples = settings["num_frames"], settings["num_samples"]
    networks = Networks(torch, names)

    def step():
        with torch.no_grad():
            futures = [networks.future(context, num_frames) for _ in range(num_samples)]
        np.stack(futures)

    items = settings["batch_size"] * num_samples * num_frames
    return peer.counted_work(step, items)


class Networks:
    """The official networks, to predict with.

    Args:
        torch: the module.
        names: dict, of `peer.load`.
    """

    def __init__(self, torch, names):
        self._torch = torch
        self.encoder, self.decoder = names["encoder"].eval(), names["decoder"].eval()
        recurrent = [names[name] for name in ("posterior", "prior", "frame_predictor")]
        self.recurrent = [network.eval() for network in recurrent]

    def future(self, context, num_frames):
        """One sample of what follows, `[num_frames, B, C, H, W]`.

        Args:
            context: list over time of `[B, C, H, W]`.
            num_frames: int.
        """
        posterior, prior, predictor = self.recurrent
        for network in self.recurrent:
            network.hidden = network.init_hidden()
        frame, frames = context[0], []
        for t in range(1, len(context) + num_frames):
            code, new_skips = self.encoder(frame)
            latent = prior(code)[0]
            if t < len(context):
                latent = posterior(self.encoder(context[t])[0])[0]
            if t <= len(context):
                skips = new_skips
            predicted = predictor(self._torch.cat([code, latent], 1))
            if t < len(context):
                frame = context[t]
            else:
                frame = self.decoder([predicted, skips])
                frames.append(frame)
        return self._torch.stack(frames).numpy()
