"""One training run from its options to a folder of results, whatever the model."""

import abc
import dataclasses
import functools
import json
import os
import pathlib
import sys
import tempfile
import time
import typing
from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.callbacks.history_log import read_history
from tfsigmavae.checkpoints import DivergedError, load_checkpoint
from tfsigmavae.checkpoints.checkpoint import newest
from tfsigmavae.checks import check_choice
from tfsigmavae.decoders.identifier import DecoderName
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.report import read_picture, write_report
from tfsigmavae.experiments.option_checks import (
    check_numbers,
    check_recorded,
    check_types,
)
from tfsigmavae.experiments.training_options import (
    annealing,
    make_optimizer,
    recalibrate,
)
from tfsigmavae.machines import is_of_several_machines
from tfsigmavae.models import registry
from tfsigmavae.models.seeding import explicit_noise
from tfsigmavae.models.variational_model import VariationalModel
from tfsigmavae.runs import RunFolder, RunLock
from tfsigmavae.runs.devices import (
    LOST,
    check_agreement,
    check_distributed,
    distributed,
    is_chief,
)
from tfsigmavae.runs.options import flat
from tfsigmavae.runs.run_folder import removed_if_nothing_came
from tfsigmavae.runs.training import CHECKPOINT, follow, is_complete
from tfsigmavae.typing import PathLike

Precision: typing.TypeAlias = typing.Literal[
    "float32", "mixed_bfloat16", "mixed_float16"
]
_PRECISIONS = typing.get_args(Precision)


@dataclasses.dataclass(frozen=True)
class Experiment(abc.ABC):
    """Options of a run, and the run itself.

    A subclass adds the options of its data, and writes `shape_arguments`,
    `check_data`, `data_digest`, `train_batches`, `evaluate`, `draw` and `on_noise`;
    where needed also `validation_batches` and `callbacks`.

    Args:
        data: where the data are.
        model: name of the model, or its class (registered with Keras).
        model_options: dict of its constructor arguments, but for those that are options
            of the experiment themselves.
        decoder: name, see `tfsigmavae.decoders.names`.
        decoder_options: dict of its constructor arguments.
        beta: KL weight.
        steps: training steps.
        batch_size: examples per step.
        learning_rate: of Adam.
        decay_from: share of the steps after which the learning rate falls in a straight
            line to 5 %; 1 for never.
        warm_up_steps: steps over which the learning rate first rises in a straight
            line; 0 for none. Adam's second moments are of a handful of gradients then,
            and its steps as long as the rate whatever they say.
        kl_ramp: share of the steps over which the KL weight rises in a straight line
            from 0 to `beta`; 0 for never. At first a latent costs more nats than it
            saves, and a model may learn to do without it (Bowman et al., 2016;
            Soenderby et al., 2016). See `tfsigmavae.callbacks.KLAnnealing`.
        gradient_accumulation_steps: int, steps whose mean gradient makes one update of
            the weights; batch statistics and sigma stay those of a step.
        preview_every: steps between pictures in `samples/`; 0 for those at the end
            only. Defaults to `None`: about ten times in a run.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`.
        recalibration_steps: training batches from which the running sigma of a trained
            model is set, see `VariationalModel.recalibrate`, before it is evaluated and
            saved for the last time; at most as many as `steps`, 0 for none. The running
            average still remembers older, worse weights. Decoders without a running
            sigma stay as they are.
        seed: of weights, noise and order of the data.

    Raises:
        TypeError: if model or decoder have no such option.
        ValueError: if an option is out of range.

    Example: the one of images; `tfsigmavae.video.VideoExperiment` alike.
        >>> from tfsigmavae.experiments import ImageExperiment
        >>> experiment = ImageExperiment("photos.zip", image_size=16, steps=2)
        >>> sorted(experiment.dry_run())[:3]  # on noise; run("runs/photos") in earnest
        ['bits_per_dim', 'bits_per_dim_mass', 'cpu_seconds']
    """

    data: typing.Any
    model: str | type
    model_options: dict = dataclasses.field(default_factory=dict)
    decoder: DecoderName = "optimal_sigma"
    decoder_options: dict = dataclasses.field(default_factory=dict)
    beta: float = 1.0
    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-3
    decay_from: float = 1.0
    warm_up_steps: int = 0
    kl_ramp: float = 0.0
    gradient_accumulation_steps: int = 1
    preview_every: int | None = None
    precision: Precision = "float32"
    recalibration_steps: int = 100
    seed: int = 0

    # Name -> class, of the models there are.
    models: typing.ClassVar[dict] = {}
    # Constructor arguments of theirs that `shape_arguments` gives.
    shape_names: typing.ClassVar[tuple] = ()
    # Pictures that `draw` gives -> what the report calls them.
    captions: typing.ClassVar[dict] = {}
    # What the report says of pictures and scores.
    explanation: typing.ClassVar[str] = ""
    # Options that shape no result, and may differ from one attempt to the next.
    changeable: typing.ClassVar[tuple] = ("preview_every",)
    # Those that may become larger, for a run that is trained further.
    # A preset's warm-up is cut where a trial has fewer steps.
    growing: typing.ClassVar[tuple] = ("steps", "warm_up_steps")
    # What one example is called, and what kind of evaluation that makes.
    example: typing.ClassVar[str] = "example"
    kind: typing.ClassVar[str] = ""

    def __post_init__(self):
        # What is wrong is found now, not after hours of training.
        check_numbers(self)
        check_choice("precision", self.precision, _PRECISIONS)
        check_choice("decoder", self.decoder, decoders.names())
        allowed = self._model_defaults()
        unknown = self.model_options.keys() - allowed
        if unknown:
            raise TypeError(
                f"Model {registry.name_of(self.model, self.models)!r} has no option "
                f"{', '.join(sorted(map(repr, unknown)))}. `model_options` may hold: "
                f"{', '.join(sorted(allowed))}."
            )
        check_types(self.model_options, allowed, "model_options")
        defaults = decoders.option_defaults(self.decoder)
        check_types(self.decoder_options, defaults, "decoder_options")
        decoders.get(self.decoder, **self.decoder_options)
        if self.decoder == "fixed_sigma" and "sigma" not in self.decoder_options:
            raise ValueError(
                "`decoder` 'fixed_sigma' needs its `sigma` in `decoder_options`, such "
                "as sigma=0.1; 1.0 is the plain squared error."
            )

    @classmethod
    @abc.abstractmethod
    def find_model(cls, identifier: str | type) -> type:
        """The class of a model, by name or as it is."""

    @abc.abstractmethod
    def shape_arguments(self) -> dict:
        """Constructor arguments of the model that the data decide."""

    @abc.abstractmethod
    def train_batches(
        self, start_step: int = 0, share: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """Endless training batches, from step `start_step` on.

        Of each only a share (index, count): elements `index`, `index + count`, ...
        """

    @abc.abstractmethod
    def evaluate(self, model: Any, found: Evaluation | None = None) -> dict:
        """Scores of a trained model on data that it was not trained on: the summary.

        `found` is what `evaluate_by_protocol` gave, if it was called before.
        """

    def evaluate_by_protocol(
        self, model: Any, folder: pathlib.Path | None = None
    ) -> Evaluation:
        """What the report shows beside the summary, written to `folder` as well.

        A kind without one has only its summary.
        """
        return Evaluation({})

    @abc.abstractmethod
    def draw(self, model: Any, folder: pathlib.Path) -> dict:
        """Writes pictures of what a trained model does: name -> path."""

    @abc.abstractmethod
    def on_noise(self, folder: pathlib.Path) -> "Experiment":
        """The experiment with two steps on noise, which `folder` may hold."""

    @abc.abstractmethod
    def check_data(self) -> None:
        """Raises what is wrong with the data before training, not after."""

    @abc.abstractmethod
    def data_digest(self) -> dict:
        """JSON values: of other data, other ones."""

    def validation_batches(self) -> tf.data.Dataset | None:
        """What to evaluate every 100 steps, or `None`."""
        return None

    def callbacks(self, folder: pathlib.Path) -> list:
        """More callbacks of training; `folder` is the run's."""
        return []

    def stages(self) -> list:
        """Parts of training with batches of other shapes: (first step, text) of each.

        None where all batches are alike.
        """
        return []

    @property
    def preview_steps(self) -> int:
        """Steps between pictures; 0 for never."""
        if self.preview_every is not None:
            return self.preview_every
        # One digit, so that the pictures have round numbers; none of a short trial.
        tenth = max(self.steps / 10, 10.0)
        return int(float(f"{tenth:.0e}"))

    def _model_defaults(self):
        """Constructor arguments of the model that are options of this kind."""
        taken = {"decoder", "beta", "seed", *self.shape_names}
        defaults = registry.constructor_options(self.find_model(self.model))
        return {name: value for name, value in defaults.items() if name not in taken}

    def options(self) -> dict:
        """Every option by name, as JSON values; defaults are written out.

        Those of model and decoder as well, so that a record of a run holds all that
        shaped it.
        """
        decoder = decoders.get(self.decoder, **self.decoder_options).get_config()
        names = decoders.option_names(self.decoder)
        resolved = dataclasses.asdict(self) | {
            "model": registry.name_of(self.model, self.models),
            "model_options": self._model_defaults() | self.model_options,
            "decoder_options": {
                name: value for name, value in decoder.items() if name in names
            },
        }
        return json.loads(json.dumps(resolved, default=os.fspath))

    def earlier_defaults(self) -> dict:
        """Options that a record may lack: name -> what a run has had without it.

        That of an older version goes on, and ends as runs do now.
        """
        known = {
            field.name: field.default
            for field in dataclasses.fields(self)
            if field.default is not dataclasses.MISSING
        }
        return known | {"recalibration_steps": self.recalibration_steps}

    def make_model(self) -> VariationalModel:
        """The compiled model."""
        model = self.find_model(self.model)(
            **self.shape_arguments(),
            decoder=decoders.get(self.decoder, **self.decoder_options),
            beta=self.beta,
            seed=self.seed,
            dtype=self.precision,
            **self.model_options,
        )
        check_recorded(model, self.model_options)
        check_recorded(model.decoder, self.decoder_options)
        model.compile(make_optimizer(self))
        return model

    def run(
        self,
        output: PathLike,
        tensorboard: bool = False,
        accept_changed_data: bool = False,
        strategy: tf.distribute.Strategy | None = None,
        data_service: str | None = None,
    ) -> dict | None:
        """Trains, evaluates and draws; goes on where an earlier attempt stopped.

        Args:
            output: run folder, see `tfsigmavae.runs.RunFolder`. More `steps` than
                there train a run further, also a complete one.
            tensorboard: bool, whether to write TensorBoard logs. Defaults to `False`.
            accept_changed_data: bool, whether to go on with data other than those that
                the run began with. Defaults to `False`.
            strategy: `tf.distribute.Strategy` to train by; each step's noise is other
                on other numbers of devices. Of several machines one writes, evaluates
                and draws, and `output` is a folder that all of them see. Defaults to
                `None`, one device.
            data_service: `"grpc://host:port"` of a tf.data service that reads the
                training batches, see docs/distributed.md; the data have to be records.
                Defaults to `None`: this process reads them.

        Returns:
            The summary (also `summary.json`), or `None` if Ctrl-C or SIGTERM ended
            training, and on machines that only train along.
        """
        strategy = strategy or tf.distribute.get_strategy()
        train = functools.partial(self._train, output, strategy, data_service)
        if is_of_several_machines(strategy):
            self._check_machines(strategy, output)
        if not is_chief(strategy):
            if not is_complete(output, self.steps):
                self.check_data()
                train(functools.partial(follow, output))
            return None
        shares = functools.partial(self.train_batches, 0)
        check_distributed(strategy, shares, self.batch_size, data_service)
        with removed_if_nothing_came(output), RunLock(output):
            folder = RunFolder(
                output,
                self.options(),
                self.changeable,
                self.earlier_defaults(),
                self.growing,
            )
            if folder.summary is not None:
                print(f"The run in '{output}' is complete.", file=sys.stderr)
                return folder.summary
            self.check_data()
            folder.check_data(self.data_digest(), accept_changed_data)
            fit = functools.partial(
                folder.fit,
                tensorboard=tensorboard,
                example=self.example,
                batch_size=self.batch_size,
                setting={
                    "strategy": type(strategy).__name__,
                    "replicas": strategy.num_replicas_in_sync,  # pyright: ignore[reportOptionalMemberAccess]
                    "data_service": data_service,
                },
            )
            model = train(fit, self.callbacks(folder.path), folder.checkpoint)
            return None if model is None else self._conclude(folder, model)

    def _train(
        self, output, strategy, data_service, fit, callbacks=(), checkpoint=None
    ):
        """The trained model on one device, or `None` if a signal ended training."""

        def batches_from(step):
            shares = functools.partial(self.train_batches, step)
            return distributed(strategy, shares, self.batch_size, data_service)

        try:
            if is_of_several_machines(strategy):
                check_agreement(strategy, {"data": self.data_digest()})
            with strategy.scope():
                model = self.make_model()
            is_done = fit(
                model=model,
                batches_from=batches_from,
                num_steps=self.steps,
                validation_data=self.validation_batches(),
                callbacks=[*annealing(self), *callbacks],
                stages=self.stages(),
            )
        except LOST as error:
            if strategy.num_replicas_in_sync == 1:
                raise
            raise _lost() from error
        if not is_done or strategy.num_replicas_in_sync == 1:
            return model if is_done else None
        if checkpoint is None:
            return None
        alone = self.make_model()  # others may have ended: there is none to wait for
        load_checkpoint(alone, checkpoint)
        return alone

    def _check_machines(self, strategy, output):
        """Raises where the machines of a run were told, or see, different things."""
        leave = {"data", *self.changeable}  # where the data are
        options = {k: v for k, v in flat(self.options()).items() if k not in leave}
        facts = {
            "options": options,
            "the checkpoint to go on from": newest(pathlib.Path(output) / CHECKPOINT),
            "whether the run is complete": is_complete(output, self.steps),
        }
        try:
            check_agreement(strategy, facts)
        except LOST as error:
            raise _lost() from error

    def _conclude(self, folder, model):
        """What follows training."""
        trained = time.time()
        self._check_finite(model)
        if recalibration := recalibrate(self, model):
            folder.save_model(model)
        print("Evaluating and drawing ...", file=sys.stderr)
        found = self.evaluate_by_protocol(model, folder.path / "evaluation")
        summary = self.evaluate(model, found)
        pictures = self.draw(model, folder.path / "samples")
        record = folder.read_json("run.json")
        summary |= {
            "steps": self.steps,
            # Training of all attempts, and what follows it.
            "seconds": round(record["seconds"] + time.time() - trained, 1),
            **{name: record[name] for name in ("cpu_seconds", "parameters")},
            **recalibration,
        }
        page = self._write_report(folder.path, pictures, summary, found)
        summary = summary | {
            **{name: str(path) for name, path in pictures.items()},
            "report": str(page),
        }
        folder.write_json("summary.json", summary)
        return summary

    def _check_finite(self, model):
        """Raises a `DivergedError` where there is nothing to evaluate."""
        batch = next(iter(self.train_batches()))
        one = tf.nest.map_structure(lambda values: values[:1], batch)
        with explicit_noise(model, 0):
            nll = model.elbo_terms(one, training=False).nll
        if not np.isfinite(nll).all():
            raise DivergedError(
                "Training has diverged: the likelihood of the trained model is not "
                "finite. Lower the learning rate."
            )

    def _write_report(self, folder, pictures, summary, found):
        title = folder.resolve().name
        shown = [
            read_picture(path, self.captions[name]) for name, path in pictures.items()
        ]
        return write_report(
            folder / "report.html",
            [found.metrics | {"title": title, "kind": self.kind}],
            [*found.pictures, *shown],
            [(title, read_history(folder / "history.csv"))],
            {"Summary": summary, "Options": self.options()},
            self.explanation,
        )

    def dry_run(self) -> dict | None:
        """Runs two steps, and all that follows, on noise; keeps nothing.

        `data` is not read.

        Returns:
            The summary with `dry_run`, without the pictures' paths; `None` if Ctrl-C or
            SIGTERM ended training.
        """
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            summary = self.on_noise(folder).run(folder / "run")
        if summary is None:
            return None
        kept = {
            name: value
            for name, value in summary.items()
            if not str(value).startswith(str(folder))
        }
        return {"dry_run": True, **kept}


def _lost():
    return ConnectionError(
        "Another machine of this run has ended, or cannot be reached. Start all of "
        "them again with the same command: it goes on from the last checkpoint."
    )


def dry_run(experiment: Experiment) -> dict | None:
    """Runs two steps of an experiment on noise, see `Experiment.dry_run`.

    Args:
        experiment: `Experiment`; its `data` is not read.

    Returns:
        The summary, or `None`.
    """
    return experiment.dry_run()
