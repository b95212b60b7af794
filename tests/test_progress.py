import io
import sys
import time

import pytest

from tfsigmavae import progress
from tfsigmavae.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """`clock[0]`: the time in seconds."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_rate_and_rest_count_from_now_on(clock):
    work = Progress(10_000, "clips", done=1000)
    assert work.text() == "1,000 of 10,000 clips"
    work.add(200)
    work.add(50)
    clock[0] += 5
    # 250 in 5 s are 50 a second: 8,750 take 175 s.
    assert work.text() == "1,250 of 10,000 clips, 50 clips/s, 2 min 55 s left"


def test_a_line_each_ten_seconds_where_there_is_no_terminal(clock, capsys):
    work = Progress(100, "clips")
    for _ in range(50):
        clock[0] += 0.5
        work.add(1)
        work.show()
    work.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["21", "42"]
    assert all("\r" not in line for line in lines)


def test_a_bar_on_a_terminal(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work = Progress(4, "clips")
    work.add(1)
    clock[0] += 2
    work.show()
    bar = "[" + progress._BAR_SIZE // 4 * "#" + 3 * progress._BAR_SIZE // 4 * "." + "]"
    text = "1 of 4 clips, 0.5 clips/s, 6 s left"
    assert terminal.getvalue() == f"\r{bar} {text}\x1b[K"
    work.add(3)
    work.close()
    assert terminal.getvalue().endswith("4 of 4 clips, 2 clips/s, 0 s left\x1b[K\n")


def test_a_quiet_one_prints_nothing(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work = Progress(4, "clips", quiet=True)
    work.add(4)
    work.show()
    work.close()
    assert terminal.getvalue() == ""


def test_durations_are_for_people():
    told = [duration(seconds) for seconds in (0, 59, 60, 154, 3600, 11_100)]
    wanted = ["0 s", "59 s", "1 min 0 s", "2 min 34 s", "1 h 0 min", "3 h 5 min"]
    assert told == wanted


def test_named_work_tells_its_beginning_and_its_end(clock, capsys):
    work = Progress(20, "clips", what="Scoring")
    assert capsys.readouterr().err == "Scoring: 0 of 20 clips\n"
    batches = work.counted([[0] * 8, [0] * 8, [0] * 4])
    for batch in batches:
        clock[0] += 6 if len(batch) == 8 else 12
    work.close()
    # After 12 s 16 clips are done; no line before ten seconds have passed.
    assert capsys.readouterr().err.splitlines() == [
        "Scoring: 16 of 20 clips, 1.33 clips/s, 3 s left",
        "Scoring: 20 of 20 clips, took 24 s",
    ]


def test_work_that_was_broken_off_is_not_told_as_done(clock, capsys):
    work = Progress(20, "clips", what="Scoring")
    work.add(10)
    work.close()
    assert capsys.readouterr().err == "Scoring: 0 of 20 clips\n"
    quiet = Progress(2, "clips", quiet=True, what="Scoring")
    quiet.add(2)
    quiet.close()
    assert capsys.readouterr().err == ""


def test_named_work_has_a_bar_at_once(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work = Progress(4, "clips", what="Scoring")
    assert terminal.getvalue().endswith("] Scoring: 0 of 4 clips\x1b[K")
    list(work.counted([[1, 2], [3, 4]]))
    work.close()
    assert terminal.getvalue().count("\n") == 1
    assert "Scoring: 4 of 4 clips" in terminal.getvalue().splitlines()[-1]
