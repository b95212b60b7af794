"""The line that a person reads during training."""

import io
import os

import keras
import numpy as np
import pytest
from tiny_vae import TinyVAE

from tfsigmavae.callbacks import ProgressLine
from tfsigmavae.callbacks.progress_line import duration, figure_parts, fitted

LOGS = {"sigma": 0.0612, "mse": 0.00336, "kl": 263.4, "bits_per_dim": 3.87}
IMAGES = np.random.default_rng(0).uniform(size=[6, 4, 4, 1])


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def states(self):
        """What the line has shown, one state after the other."""
        return [part.removesuffix("\x1b[K") for part in self.getvalue().split("\r")[1:]]


class Model:
    stop_training = False


def line(num_steps=3000, initial_step=0, stream=None, **options):
    """A line, and the list whose only number is the time."""
    now = [0.0]
    stream = io.StringIO() if stream is None else stream
    progress = ProgressLine(
        num_steps, initial_step, "clip", 8, stream, lambda: now[0], **options
    )
    progress.set_params({"steps": None})
    progress.set_model(Model())
    return progress, now


def steps(progress, now, count, seconds, first=None, logs=None, end=True):
    """An epoch of as many steps of as many seconds, the first one slower."""
    progress.on_epoch_begin(0)
    for batch in range(count):
        now[0] += first if batch == 0 and first is not None else seconds
        progress.on_train_batch_end(batch, LOGS if logs is None else logs)
    if end:
        progress.on_epoch_end(0, LOGS if logs is None else logs)


def test_a_line_says_where_training_stands():
    progress, now = line()
    progress.on_train_begin()
    steps(progress, now, 1200, 0.2, first=60.0)
    assert progress.stream.getvalue().splitlines() == [
        "step 0 of 3,000 (0 %)  preparing the first step ...",
        "step 1,200 of 3,000 (40 %)  sigma 0.0612 (RMSE 0.058)  KL 263 nats/clip  "
        # 8 clips in 0.2 s; 1,800 steps of 0.2 s; the minute of tracing is left out.
        "3.87 bits/dim  40 clips/s  about 6 min left",
    ]


def test_the_end_says_how_long_it_took():
    progress, now = line(num_steps=10)
    progress.on_train_begin()
    steps(progress, now, 10, 1.0, first=111.0)
    assert progress.stream.getvalue().endswith("  8 clips/s  took 2 min\n")


def test_an_estimate_after_resuming_is_of_this_attempt():
    progress, now = line(initial_step=2000)
    progress.on_train_begin()
    steps(progress, now, 1, 0.2, first=60.0)
    assert "left" not in progress.stream.getvalue()  # nothing is known yet
    steps(progress, now, 100, 0.5)
    last = progress.stream.getvalue().splitlines()[-1]
    assert last.startswith("step 2,101 of 3,000 (70 %)")
    assert last.endswith("16 clips/s  about 7 min left")  # 899 steps of 0.5 s


def test_a_terminal_has_one_line_that_is_written_over(monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((200, 9)))
    monkeypatch.setattr(Terminal, "fileno", lambda self: 2)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    progress, now = line(num_steps=30, stream=terminal)
    progress.on_train_begin()
    steps(progress, now, 20, 0.1, first=10.0)
    states = terminal.states()
    # Two states a second of 2 seconds, and those of the first step and of the end.
    assert 5 <= len(states) <= 8 and "\n" not in terminal.getvalue()
    assert states[0] == "step 0 of 30 (0 %)  preparing the first step ..."
    assert states[-1].startswith("step 20 of 30 (66 %)  sigma 0.0612")
    steps(progress, now, 10, 0.1)
    progress.on_train_end()
    assert terminal.getvalue().endswith("\n") and terminal.getvalue().count("\n") == 1
    progress.close()
    assert terminal.getvalue().count("\n") == 1


def test_after_ctrl_c_or_an_error_the_line_is_ended(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for end in ("interrupt", "error"):
        terminal = Terminal()
        progress, now = line(num_steps=30, stream=terminal)
        progress.on_train_begin()
        steps(progress, now, 5, 0.1, end=False)
        if end == "interrupt":
            progress.model.stop_training = True
            progress.on_train_end()
            progress.model.stop_training = False
        else:
            progress.close()
        assert terminal.getvalue().endswith("\n")


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    progress, now = line(stream=Terminal())
    progress.on_train_begin()
    steps(progress, now, 20, 0.1)
    assert len(progress.stream.getvalue().splitlines()) == 2
    assert "\r" not in progress.stream.getvalue()


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (50, "step 1 of 9 (11 %)  sigma 0.1  KL 3  3 min left"),
        (45, "step 1 of 9 (11 %)  sigma 0.1  3 min left"),
        (35, "step 1 of 9 (11 %)  3 min left"),
        (29, "step 1 of 9 (11 %)"),
        (8, "step 1 o"),
        (0, ""),
        (-1, ""),
    ],
)
def test_a_small_terminal_shows_what_matters_most(width, expected):
    parts = ["step 1 of 9 (11 %)", "sigma 0.1", "KL 3", "3 min left"]
    assert fitted(parts, width) == expected


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (LOGS, ["sigma 0.0612 (RMSE 0.058)", "KL 263 nats/image", "3.87 bits/dim"]),
        # A decoder without sigma or measure.
        (
            {"mse": 0.25, "kl": 0.5, "loss": -12345.6},
            ["RMSE 0.5", "KL 0.5 nats/image", "loss -12,346 nats/image"],
        ),
        (
            {"bits_per_dim": 4.0, "val_bits_per_dim": 4.25},
            ["4 bits/dim (validation 4.25)"],
        ),
        (
            {"mse": np.nan, "sigma": np.nan, "kl": np.inf},
            ["sigma nan", "KL inf nats/image"],
        ),
        ({}, []),
    ],
)
def test_figures_are_those_that_there_are(logs, expected):
    assert figure_parts(logs, "image") == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "1 s"),
        (19.4, "19 s"),
        (43, "45 s"),
        (100, "2 min"),
        (420, "7 min"),
        (5340, "89 min"),
        (5400, "1 h 30 min"),
        (7200, "2 h"),
        (7100, "2 h"),
        (86_400, "24 h"),
        (3 * 86_400, "3 days"),
    ],
)
def test_durations_are_round(seconds, expected):
    assert duration(seconds) == expected


def test_steps_are_those_of_keras_also_of_several_in_one_call(capsys):
    """As a callback of plain `fit`, which knows neither run nor batch size."""
    model = TinyVAE(seed=0)
    model.compile(keras.optimizers.Adam(), run_eagerly=True, steps_per_execution=2)
    for _ in range(2):
        model.fit(
            IMAGES, batch_size=2, epochs=1, verbose=0, callbacks=[ProgressLine(6)]
        )
    lines = capsys.readouterr().err.splitlines()
    assert [text.split("  ")[0] for text in lines] == [
        "step 0 of 6 (0 %)",
        "step 3 of 6 (50 %)",
        "step 3 of 6 (50 %)",
        "step 6 of 6 (100 %)",
    ]
    assert " steps/s" in lines[-1] and " nats/example" in lines[-1]
