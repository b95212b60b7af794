"""What is measured: cases, their variants, and the ratios wanted between them."""

import dataclasses

SVG = {
    "module": "benchmarking.svg",
    "network": "dcgan",
    "batch_size": 16,
    "num_frames": 12,
    "num_context": 2,
    "frame_size": 64,
    "sizes": {},  # constructor arguments of the model
    "options": {},  # those that make a variant
    "precision": "float32",
    "jit_compile": False,
    "program": "model",
    "steps": 1,  # of a turn
}
WARP_VRNN = {name: value for name, value in SVG.items() if name != "network"} | {
    "module": "benchmarking.warp_vrnn",
    "batch_size": 8,
}
TRAINING = {
    "naive": {"program": "naive"},
    "fast": {},
    "frame_statistics": {"options": {"frame_statistics": True}},
    "bfloat16": {"precision": "bfloat16"},
}
UNGUARDED = {"unguarded": {"program": "unguarded"}}
OTHER_TRAINING = UNGUARDED | {
    "remat": {"options": {"remat": True}},
    "xla": {"jit_compile": True},
    "naive_xla": {"program": "naive", "jit_compile": True},
}
# Operations side by side, a core each: what the commands do on two cores, for models of
# small operations.
TWO_AT_A_TIME = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}
# Of the gates, beside the size that is measured, and of dry runs.
SMALL_SVG = {
    "frame_size": 16,
    "sizes": {"width": 4, "code_size": 8, "hidden_size": 8, "latent_size": 4},
}
SMALL_WARP_VRNN = {
    "frame_size": 16,
    "sizes": {"width": 4, "depth": 2, "latent_size": 4},
}
TINY = {"peak": {"peak_batch": 1, "peak_matmul": 32}}
TINY_SVG = TINY | SMALL_SVG | {"batch_size": 2, "num_frames": 3}


@dataclasses.dataclass(frozen=True)
class Case:
    """A comparison.

    Args:
        about: what it measures, one line.
        settings: dict, what all its variants share.
        variants: dict of name -> settings that differ.
        wanted: dict of ratio -> the least that is wanted of it, or `None`. A ratio
            "a/b" is items per CPU-second of a over those of b.
        optional: dict of more variants, for `--variants`.
        short: dict of settings for the short version; `variants` are those that it
            keeps.
        tiny: dict of settings for a dry run.
        unit: what an item is. Defaults to `"frames"`.
        peer: module that runs the official code. Defaults to `None`, there is none.
        on_request: whether to leave it out where all cases run. Defaults to `False`.
    """

    about: str
    settings: dict
    variants: dict
    wanted: dict
    optional: dict = dataclasses.field(default_factory=dict)
    short: dict = dataclasses.field(default_factory=dict)
    tiny: dict = dataclasses.field(default_factory=dict)
    unit: str = "frames"
    peer: str | None = None
    on_request: bool = False

    def sized(self, is_short=False, is_tiny=False, overrides=None):
        """This case in the short version or that of a dry run.

        Args:
            is_short, is_tiny: bools.
            overrides: dict of settings that win over both, from flags.

        Raises:
            ValueError: for a setting that the case does not have.
        """
        overrides = overrides or {}
        for name in overrides.keys() - self.settings.keys():
            raise ValueError(f"The case has no `{name}` to set.")
        changes = dict(self.short if is_short else {})
        for name, value in overrides.items():
            predicts = "num_samples" in self.settings
            is_clip = name == "num_frames" and not predicts
            least = self.settings["num_context"] + 1 if is_clip else 1
            if name != "network" and value < least:
                raise ValueError(f"`{name}` must be at least {least}, got {value}.")
            if any(name in own for own in self.variants.values()):
                raise ValueError(f"The variants of the case set `{name}` themselves.")
        kept = changes.pop("variants", list(self.variants))
        changes |= self.tiny if is_tiny else {}
        return dataclasses.replace(
            self,
            settings=self.settings | changes | overrides,
            variants={name: self.variants[name] for name in kept},
            optional=self.variants | self.optional,
        )

    def choose(self, names=None, peer=None) -> dict:
        """The variants called `names`, by default those that are not optional.

        Args:
            names: list, or `None`.
            peer: folder of a checkout to run as one more variant, or `None`.

        Raises:
            ValueError: for a variant that the case does not have.
        """
        every = self.optional | self.variants
        if peer:
            if self.peer is None:
                raise ValueError("The case has nothing to compare with a peer.")
            every["peer"] = {"module": self.peer, "path": peer}
        names = [*(names or self.variants)]
        names += ["peer"] if peer and "peer" not in names else []
        for name in names:
            if name not in every:
                raise ValueError(
                    f"Unknown variant {name!r}. Choose of: {', '.join(every)}."
                )
        return {name: every[name] for name in names}

    def ratios(self, names) -> list:
        """The wanted ratios among `names`, and against `fast` and the peer."""
        pairs = [pair.split("/") for pair in self.wanted]
        found = ["/".join(pair) for pair in pairs if set(pair) <= set(names)]
        compared = {name for pair in found for name in pair.split("/")}
        if "fast" in names:
            others = compared | {"fast", "peer"}
            found += [f"{name}/fast" for name in names if name not in others]
        if "peer" in names:
            found += [f"{name}/peer" for name in names if name != "peer"]
        return found


_STEP_RATIOS = {"fast/naive": 1.9, "frame_statistics/naive": 1.6}
_STEP_RATIOS |= {"fast/unguarded": 0.99}
CASES = {
    "svg_dcgan": Case(
        "a training step of SVG-LP with DCGAN networks",
        SVG,
        TRAINING,
        _STEP_RATIOS | {"bfloat16/fast": 1.4},
        OTHER_TRAINING,
        peer="benchmarking.peer_training",
        tiny=TINY_SVG,
    ),
    "svg_vgg": Case(
        "a training step of SVG-LP with VGG networks",
        SVG | {"network": "vgg", "batch_size": 4},
        TRAINING,
        _STEP_RATIOS | {"bfloat16/fast": 1.7},
        OTHER_TRAINING,
        peer="benchmarking.peer_training",
        short={"variants": ["naive", "fast"]},
        tiny=TINY_SVG,
    ),
    "warp_vrnn": Case(
        "a training step of WarpVRNN",
        WARP_VRNN,
        {
            "naive": {"program": "naive"},
            "fast": {},
            "two_at_a_time": {"environment": TWO_AT_A_TIME},
            "bfloat16": {"precision": "bfloat16"},
        },
        {"fast/naive": 1.5, "two_at_a_time/fast": None, "bfloat16/fast": None}
        | {"fast/unguarded": 0.99},
        UNGUARDED
        | {
            "xla": {"jit_compile": True},
            "naive_xla": {"program": "naive", "jit_compile": True},
        },
        short={"batch_size": 4, "num_frames": 6},
        tiny=TINY | SMALL_WARP_VRNN | {"batch_size": 2, "num_frames": 4},
    ),
    "generate": Case(
        "futures of 16 clips, 8 samples each",
        SVG | {"module": "benchmarking.generation", "num_frames": 28, "num_samples": 8},
        {
            "naive": {"program": "naive"},
            "naive_compiled": {"program": "naive_compiled"},
            "fast": {},
        },
        {"fast/naive": 2.0, "fast/naive_compiled": None},
        {"bfloat16": {"precision": "bfloat16"}},
        peer="benchmarking.peer_generation",
        short={"variants": ["naive", "fast"], "num_frames": 10, "num_samples": 4},
        tiny=TINY_SVG | {"num_samples": 2},
    ),
    "image_vae": Case(
        "training of the sigma-VAE paper's network",
        {
            "module": "benchmarking.image_vae",
            "batch_size": 128,
            "frame_size": 28,
            "sizes": {},
            "precision": "float32",
            "program": "model",
            "steps": 10,
        },
        {
            "loop": {"program": "loop"},
            "compiled_loop": {"program": "compiled_loop"},
            "plain_keras": {"program": "plain_keras"},
            "fit": {},
        },
        {
            "fit/loop": 1.2,
            "fit/compiled_loop": None,
            "fit/plain_keras": 1.05,
            "fit/unguarded": 0.99,
            "fit/peer": 1.3,
        },
        UNGUARDED,
        short={"variants": ["loop", "fit"]},
        tiny=TINY | {"batch_size": 2, "frame_size": 8, "sizes": {"widths": [2, 4]}},
        unit="images",
        peer="benchmarking.peer_image_vae",
    ),
    "input": Case(
        "reading clips against training on them (DCGAN)",
        SVG
        | {
            "module": "benchmarking.pipeline",
            "reading": {"windows": "first"},
            "record_frames": 30,
            "num_records": 128,
            "steps": 64,
        },
        {
            "training": {"module": "benchmarking.svg", "steps": 1},
            "input": {},
            "random": {"reading": {"windows": "random"}},
            "cached": {"reading": {"windows": "random", "cache": "memory"}},
        },
        {"input/training": 20.0, "random/training": 20.0, "cached/random": None},
        short={"batch_size": 4, "num_records": 64},
        tiny=TINY_SVG | {"record_frames": 6, "num_records": 8, "steps": 4},
    ),
    "fit_overhead": Case(
        "`fit` against its compiled step in a bare loop (DCGAN)",
        SVG | {"module": "benchmarking.fitting", "batch_size": 8, "steps": 20},
        {"bare": {"program": "bare"}, "fit": {}},
        {"fit/bare": 0.97},
        short={"batch_size": 4, "steps": 5},
        tiny=TINY_SVG | {"steps": 2},
    ),
    "gpu": Case(
        "a training step of SVG-LP (DCGAN) on a GPU, against reading clips for it",
        SVG
        | {
            "module": "benchmarking.gpu",
            "batch_size": 64,
            "mode": "float32",
            "needs_gpu": True,
            "steps": 10,
            "reading": {"windows": "first"},
            "record_frames": 30,
            "num_records": 128,
        },
        {
            "float32": {},
            "float32_xla": {"jit_compile": True},
            "tf32": {"mode": "tf32"},
            "tf32_xla": {"mode": "tf32", "jit_compile": True},
            "bfloat16": {"mode": "bfloat16", "precision": "bfloat16"},
            "bfloat16_xla": {
                "mode": "bfloat16",
                "precision": "bfloat16",
                "jit_compile": True,
            },
            "input": {"module": "benchmarking.pipeline", "prepare": True},
        },
        # By wall time: a GPU's seconds are no CPU's.
        {"float32_xla/float32": None, "tf32_xla/float32_xla": None},
        short={"batch_size": 16, "steps": 3},
        tiny=TINY_SVG
        | {"needs_gpu": False, "record_frames": 6, "num_records": 8, "steps": 2},
        on_request=True,
    ),
    "felt": Case(
        "what a user waits for, the first time and then (SVG-LP, DCGAN)",
        SVG | {"module": "benchmarking.felt", "batch_size": 8},
        {
            name: {"program": name}
            for name in (
                "import",
                "fit_step",
                "load",
                "predict",
                "reconstruct",
                "evaluate_clip",
                "export",
                "served",
            )
        },
        {},
        short={"batch_size": 2},
        tiny=TINY_SVG,
        unit="calls",
    ),
    "scaling": Case(
        "cost and memory of a training step along batch and clip length (DCGAN)",
        SVG | {"batch_size": 8},
        {
            **{f"batch_{size}": {"batch_size": size} for size in (4, 8, 16, 32)},
            **{f"frames_{length}": {"num_frames": length} for length in (6, 24, 48)},
        },
        # Cost grows in proportion, so that the speed does not fall.
        {
            "batch_16/batch_8": 0.9,
            "batch_32/batch_16": 0.9,
            "frames_24/batch_8": 0.9,
            "frames_48/frames_24": 0.9,
        },
        short={"variants": ["batch_4", "batch_8", "batch_16", "frames_6", "frames_24"]},
        tiny=TINY_SVG,
    ),
}


def choose(name, is_short, is_tiny, overrides, variants, peer):
    """The case called `name`, and its variants; arguments: see `Case`.

    Raises:
        ValueError: naming the case, for what it does not have.
    """
    try:
        case = CASES[name].sized(is_short, is_tiny, overrides)
        return case, case.choose(variants, peer)
    except ValueError as error:
        raise ValueError(f"Case {name!r}: {error} (One case: --case.)") from error
