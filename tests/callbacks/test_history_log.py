"""The table of a run: each step in exactly one row."""

import csv
import math

import keras
import numpy as np
import pytest
from tiny_vae import TinyVAE

from tfsigmavae import decoders
from tfsigmavae.callbacks import HistoryLog, HistoryPlot, read_history
from tfsigmavae.callbacks.history_plot import history_panels

IMAGES = np.random.default_rng(0).uniform(size=[4, 4, 4, 1])


def epoch(log, number, num_steps, **logs):
    log.set_params({"steps": None})
    log.on_epoch_begin(number)
    for batch in range(num_steps):
        log.on_train_batch_end(batch)
    log.on_epoch_end(number, logs)


def test_rows_are_read_back_exactly(tmp_path):
    path = tmp_path / "run" / "history.csv"
    log = HistoryLog(path, initial_step=0)
    log.on_train_begin()
    values = [0.1 + 0.2, 1e-300, -math.pi * 1e9]
    for number, value in enumerate(values):
        epoch(log, number, 3, loss=value, kl=2.0)
    rows = read_history(path)
    assert [row["step"] for row in rows] == [3, 6, 9]
    assert [row["loss"] for row in rows] == values
    header, first = list(csv.reader(path.open()))[:2]
    assert header == ["epoch", "step", "kl", "loss"] and first[:2] == ["0", "3"]


def test_what_is_trained_again_is_not_twice_in_it(tmp_path):
    """Killed after a row and before its checkpoint, and while a row was written."""
    path = tmp_path / "history.csv"
    log = HistoryLog(path, initial_step=0)
    log.on_train_begin()
    for number in range(3):
        epoch(log, number, 4, loss=float(number))
    with path.open("a") as file:
        file.write("3,16,0.")
    again = HistoryLog(path, initial_step=8)
    again.on_train_begin()
    epoch(again, 2, 4, loss=22.0)
    rows = [(row["step"], row["loss"]) for row in read_history(path)]
    assert rows == [(4, 0.0), (8, 1.0), (12, 22.0)]
    HistoryLog(path, initial_step=0).on_train_begin()  # killed before any checkpoint
    assert read_history(path) == []


def test_figures_that_come_later_are_columns_too(tmp_path):
    path = tmp_path / "history.csv"
    log = HistoryLog(path, initial_step=0)
    log.on_train_begin()
    epoch(log, 0, 1, loss=1.0)
    epoch(log, 1, 1, loss=2.0, val_loss=math.nan)
    epoch(log, 2, 1, loss=3.0)
    assert path.read_text().splitlines() == [
        "epoch,step,loss,val_loss",
        "0,1,1.0,NA",
        "1,2,2.0,nan",
        "2,3,3.0,NA",
    ]


def test_a_table_of_keras_goes_on(tmp_path):
    """As earlier versions of this package wrote it, without the step."""
    path = tmp_path / "history.csv"
    path.write_text("epoch,kl,loss,val_kl\n0,1.0,2.0,NA\n")
    log = HistoryLog(path, initial_step=100)
    log.on_train_begin()
    epoch(log, 1, 100, loss=1.0, kl=3.0)
    assert path.read_text().splitlines() == [
        "epoch,step,kl,loss",
        "0,NA,1.0,2.0",
        "1,200,3.0,1.0",
    ]
    # Without its step a row has no place among the curves.
    assert all(len(panel.lines["training"]) == 1 for panel in panels(path))


def panels(path):
    return history_panels(read_history(path), "clip")


def test_fit_writes_table_and_picture(tmp_path):
    model = TinyVAE(seed=0)
    model.compile(keras.optimizers.Adam(), run_eagerly=True)
    table = HistoryLog(tmp_path / "history.csv")
    callbacks = [table, HistoryPlot(tmp_path / "history.png", table.path)]
    history = model.fit(
        IMAGES, validation_data=IMAGES, epochs=2, verbose=0, callbacks=callbacks
    ).history
    rows = read_history(table.path)
    assert [row["step"] for row in rows] == [1, 2]
    assert [row["val_kl"] for row in rows] == history["val_kl"]
    assert (tmp_path / "history.png").stat().st_size > 0


def test_panels_are_the_figures_in_the_order_that_matters(tmp_path):
    rows = [
        {"epoch": i, "step": 10 * i, "val_kl": 2.0, "kl": float(i), "count": 3.0}
        | {"sigma": 0.1, "loss": math.nan if i == 1 else 5.0, "mse": math.inf}
        for i in range(1, 4)
    ]
    found = history_panels(rows, "clip")
    assert [panel.title for panel in found] == [
        "loss, nats per clip",
        "KL, nats per clip",
        "sigma and RMSE, data units",
        "count",
    ]
    # What is not finite is not drawn.
    np.testing.assert_array_equal(found[0].lines["training"], [[20, 5], [30, 5]])
    np.testing.assert_array_equal(
        found[1].lines["training"], [[10, 1], [20, 2], [30, 3]]
    )
    assert list(found[1].lines) == ["training", "validation"]
    assert [panel.is_log for panel in found] == [False, False, True, False]


def test_sigma_has_the_root_of_the_squared_error_beside_it():
    rows = [
        {"step": 10 * i, "sigma": 0.3, "mse": 0.01 * i**2, "val_mse": 0.04 * i**2}
        for i in range(1, 3)
    ]
    (mse, sigma) = history_panels(rows)
    assert list(mse.lines) == ["training", "validation"]
    assert list(sigma.lines) == ["sigma", "RMSE", "validation RMSE"]
    for label, values in (
        ("sigma", [0.3, 0.3]),
        ("RMSE", [0.1, 0.2]),
        ("validation RMSE", [0.2, 0.4]),
    ):
        expected = np.stack([[10, 20], values], axis=1)
        np.testing.assert_allclose(sigma.lines[label], expected)
    # Without sigma, or without an error that has a root, there is less to draw.
    assert [panel.title for panel in history_panels([{"step": 1, "mse": 2.0}])] == [
        mse.title
    ]
    (_, alone) = history_panels([{"step": 1, "sigma": 0.3, "mse": -1.0}])
    assert list(alone.lines) == ["sigma"]


def test_the_picture_is_drawn_rarely_and_at_the_end(tmp_path, monkeypatch):
    table = HistoryLog(tmp_path / "history.csv", 0)
    table.on_train_begin()
    plot = HistoryPlot(tmp_path / "history.png", table.path)
    plot.write()
    assert not plot.path.exists()  # no rows yet
    drawn = []
    monkeypatch.setattr(
        "tfsigmavae.callbacks.history_plot.write_png", lambda *a: drawn.append(a)
    )
    plot._next = 0.0
    for number in range(50):
        epoch(table, number, 1, loss=1.0)
        plot.on_epoch_end(number)
    assert len(drawn) <= 2
    before = len(drawn)
    plot.on_train_end()
    assert len(drawn) == before + 1


@pytest.mark.parametrize("text", ["", "epoch,step\n", "epoch,ste"])
def test_an_empty_table_has_no_rows(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    assert read_history(tmp_path / "history.csv") == []
    assert read_history(tmp_path / "missing.csv") == []


@pytest.mark.parametrize("line", ["1,200", "1,200,3.0,4.0,5.0", "1,,3.0,4.0"])
def test_a_line_of_another_length_is_left_out(tmp_path, line):
    table = tmp_path / "history.csv"
    table.write_text(f"epoch,step,loss,mse\n0,100,1.0,2.0\n{line}\n2,300,5.0,6.0\n")
    assert [row["step"] for row in read_history(table)] == [100, 300]


def test_steps_are_counted_from_where_the_run_is(tmp_path):
    log = HistoryLog(tmp_path / "history.csv")
    log.begin_at(7)
    log.set_params({"steps": 2})
    log.on_train_begin()  # without asking an optimizer, of which there is none
    log.on_epoch_begin(0)
    log.on_train_batch_end(0)
    assert log.step == 8


def test_a_second_fit_goes_on_after_steps_that_were_undone(tmp_path):
    """The optimizer has not counted them."""
    path = tmp_path / "history.csv"
    decoder = decoders.OptimalSigma(values="real")
    model = TinyVAE((4, 4, 1), decoder=decoder, seed=0)
    model.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    images = np.random.default_rng(0).random([8, 4, 4, 1]).astype(np.float32)
    images[3] = np.nan
    with pytest.warns(UserWarning, match="is undone"):
        model.fit(
            images, batch_size=2, epochs=2, verbose=0, callbacks=[HistoryLog(path)]
        )
    model.fit(images[4:], batch_size=2, verbose=0, callbacks=[HistoryLog(path)])
    assert [row["step"] for row in read_history(path)] == [4, 8, 10]
