"""The benchmark: its driver with scripted processes, its programs at a tiny size.

No test asserts a speed.
"""

import dataclasses
import importlib
import json
import math
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import tensorflow as tf
from benchmarking import benchmark, environment, flops, peer, plots, report
from benchmarking import gate as gate_module
from benchmarking.cases import CASES, SVG, TINY_SVG, Case
from benchmarking.frame_by_frame_svg_lp import FrameByFrameSVGLP
from benchmarking.frame_by_frame_warp_vrnn import FrameByFrameWarpVRNN
from benchmarking.models import make_svg, make_warp_vrnn, random_clips
from benchmarking.rounds import measure_rounds, ratio
from benchmarking.svg import naive_step
from benchmarking.work import Work, measure, wait_until_idle
from fresh_process import ROOT

from tfsigmavae.layers import BatchNormalization
from tfsigmavae_video.networks import frame_composition
from tfsigmavae_video.networks.warping import warp

SCRIPTS = ROOT / "scripts"

# A worker's module that computes nothing, at two speeds.
SCRIPTED = """
    import json, os, pathlib, time
    from benchmarking.work import Work

    MACS = int(os.environ.get("SCRIPTED_MACS", 10**9))

    def make(settings):
        def run(num_steps):
            if settings.get("folder"):
                with open(pathlib.Path(settings["folder"]) / "turns", "a") as file:
                    file.write(settings["name"] + "\\n")
            if settings["name"] == "dies":
                raise RuntimeError("no more")
            time.sleep(settings.get("sleep", 0))
        rates = {"float32": {"convolution": 50.0, "matmul": 60.0}}
        is_peak = settings["name"] == "peak"
        return Work(run, items=6, macs=MACS, traces=lambda: 3,
                    rates=(lambda: rates) if is_peak else None)

    def compare(settings):
        return {"loss": (settings["difference"], 1e-5)}
"""


@pytest.fixture
def scripted_case(tmp_path, monkeypatch):
    """`scripted_case(**settings)`: a case whose processes import no TensorFlow."""
    (tmp_path / "scripted.py").write_text(textwrap.dedent(SCRIPTED))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def make(**settings):
        shared = {
            "module": "scripted",
            "difference": 0.0,
            "precision": "float32",
            "steps": 2,
            "batch_size": 3,
            "peak": {"module": "scripted", "name": "peak"},
        }
        return Case(
            "nothing",
            shared | settings,
            {"naive": {"name": "naive"}, "fast": {"name": "fast", "steps": 4}},
            {"fast/naive": 1.5},
        )

    return make


def run_case(case, num_rounds=2, **changes):
    said = []
    variants = case.choose() | changes
    return benchmark.run_case("scripted", case, variants, num_rounds, said.append), said


class FakeProcess:
    """Answers with scripted CPU seconds; notes its turns."""

    def __init__(self, name, seconds, turns):
        self.name, self.seconds, self.turns = name, iter(seconds), turns

    def go(self):
        self.turns.append(self.name)
        second = next(self.seconds)
        if isinstance(second, BaseException):
            raise second
        return {"cpu": second, "wall": 2 * second}


def fake_processes(**seconds):
    turns = []
    return {n: FakeProcess(n, s, turns) for n, s in seconds.items()}, turns


def test_turns_alternate_and_the_first_round_does_not_count():
    processes, turns = fake_processes(a=[9, 1, 2], b=[9, 3, 4], c=[9, 5, 6])
    rounds, stopped = measure_rounds(processes, 2)
    assert "".join(turns) == "abc" + "cba" + "abc" and stopped is None
    cpu = [{name: row["cpu"] for name, row in found.items()} for found in rounds]
    assert cpu == [{"a": 1, "b": 3, "c": 5}, {"a": 2, "b": 4, "c": 6}]
    assert [list(found) for found in rounds] == [["a", "b", "c"]] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ChildProcessError("it died")])
def test_complete_rounds_survive_the_end_of_a_process(error):
    processes, _ = fake_processes(a=[9, 1, 2, 3], b=[9, 4, error])
    rounds, stopped = measure_rounds(processes, 3)
    assert [found["a"]["cpu"] for found in rounds] == [1]
    assert stopped == ("interrupted" if str(error) == "" else "it died")


def test_a_ratio_is_taken_within_a_round():
    processes, _ = fake_processes(a=[9, 1, 2, 4], b=[9, 3, 2, 20])
    rounds, _ = measure_rounds(processes, 3)
    # 8 items of a over 4 of b: twice 3/1, 2/2 and 20/4.
    found = ratio(rounds, "a", "b", {"a": 8, "b": 4})
    assert found == {"median": 6.0, "min": 2.0, "max": 10.0, "wall": 6.0}


def test_a_result_has_all_that_is_promised(scripted_case):
    result, said = run_case(scripted_case(sleep=0.01))
    json.dumps(result)
    assert result["case"] == "scripted" and result["num_rounds"] == 2
    for name, steps in (("naive", 2), ("fast", 4)):
        found = result["variants"][name]
        cpu = sorted(row["cpu"] for row in found["rounds"])
        assert found["cpu_s_per_step"] == pytest.approx(sum(cpu) / 2 / steps)
        assert found["frames_per_cpu_s"] == pytest.approx(6 / found["cpu_s_per_step"])
        # 2 FLOP a multiply-accumulate, in units of the scripted 50 GFLOP.
        share = 2 / found["cpu_s_per_step"] / 50
        assert found["share_of_peak"] == pytest.approx(share)
        assert 0.01 < found["wall_s_per_step"] * steps < 5
        assert found["first_step_s"] > 0.01 and found["retraces"] == 0
        assert 1 < found["start_mb"] <= found["peak_mb"] < 1000
    assert result["peaks"]["float32"]["matmul"] == {"best": 60.0, "median": 60.0}
    times = [result["variants"][n]["rounds"] for n in ("fast", "naive")]
    # Six items a step: 24 of fast against 12 of naive.
    expected = [
        2 * naive["cpu"] / fast["cpu"] for fast, naive in zip(*times, strict=True)
    ]
    found = result["ratios"]["fast/naive"]
    assert (found["min"], found["max"]) == pytest.approx((min(expected), max(expected)))
    assert result["wanted"] == {"fast/naive": 1.5} and result["gate"] == {"loss": 0.0}
    for key in ("cpu", "cores", "tensorflow", "load_before", "load_after", "command"):
        assert result["environment"][key], key
    assert "stopped" not in result and any("first step" in line for line in said)


def test_nothing_is_timed_where_the_gate_fails(scripted_case, tmp_path):
    with pytest.raises(benchmark.GateError, match="loss differs by 0.1, allowed"):
        run_case(scripted_case(difference=0.1))
    with pytest.raises(benchmark.GateError):
        run_case(scripted_case(difference=math.nan))


def test_a_process_that_dies_is_named_with_its_last_words(scripted_case):
    case = scripted_case()
    with pytest.raises(ChildProcessError, match="(?s)'dies'.*RuntimeError: no more"):
        run_case(case, dies={"name": "dies"})


def start_worker(settings, module="worker"):
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarking.{module}", json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        },
    )


def test_a_worker_tells_what_it_has_when_terminated(scripted_case):
    case = scripted_case()
    with start_worker(case.settings | {"name": "fast"}) as process:
        assert json.loads(process.stdout.readline()) == {"imported": "scripted"}
        for _ in range(2):
            process.stdin.write("go\n")
            process.stdin.flush()
            last = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        report = json.loads(process.stdout.readline())
        assert process.wait(10) == 128 + signal.SIGTERM
    assert report == {"terminated": True, "finished": [last]}


def test_a_worker_has_its_environment_before_anything_is_imported(scripted_case):
    settings = scripted_case(environment={"SCRIPTED_MACS": "7"}).settings
    with start_worker(settings | {"name": "fast"}) as process:
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["macs"] == 7
        process.stdin.close()


def test_a_worker_ends_with_its_parent_in_the_middle_of_a_step(scripted_case):
    settings = scripted_case(sleep=60.0).settings
    with start_worker(settings | {"name": "fast"}) as process:
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.2)
        assert process.poll() is None
        process.stdin.close()  # as the end of the parent does
        assert process.wait(10) == 0


@pytest.fixture
def main(monkeypatch, capsys):
    """`main(*flags)` -> exit code, what it printed on stdout, and on stderr."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setitem(sys.modules, "benchmarking.benchmark", benchmark)
    script = runpy.run_path(str(SCRIPTS / "benchmark.py"))

    def run(*flags):
        handler = signal.getsignal(signal.SIGTERM)
        try:
            code = script["main"](list(map(str, flags)))
        finally:
            signal.signal(signal.SIGTERM, handler)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_script_prints_the_cases_that_are_complete(main, scripted_case, monkeypatch):
    other = dataclasses.replace(scripted_case(), variants={"dies": {"name": "dies"}})
    for name in list(CASES):
        monkeypatch.delitem(CASES, name)
    monkeypatch.setitem(CASES, "first", scripted_case())
    monkeypatch.setitem(CASES, "second", other)
    monkeypatch.setitem(CASES, "third", scripted_case())
    code, output, errors = main("--rounds", 1)
    assert code == 1 and "'dies' ended with exit code 1" in errors
    assert [found["case"] for found in json.loads(output)["cases"]] == ["first"]


@pytest.mark.slow
def test_script_from_end_to_end(main, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# P\n<!-- image_vae: begin -->\nstale figures\n<!-- image_vae: end -->\nx\n"
    )
    flags = ["--case", "image_vae", "--dry-run", "--variants", "fit"]
    code, output, _ = main(*flags, "--report", page)
    result = json.loads(output.splitlines()[-1])
    assert code == 0 and result["unit"] == "images"
    found = result["variants"]["fit"]
    assert found["retraces"] == 0 and found["frames_per_cpu_s"] > 0
    assert found["share_of_peak"] > 0 and result["ratios"] == {}
    assert max(result["gate"].values()) < 1e-3
    assert "| fit |" in page.read_text() and "stale figures" not in page.read_text()


def test_script_prints_no_timing_where_the_gate_fails(main, scripted_case, monkeypatch):
    monkeypatch.setitem(CASES, "svg_dcgan", scripted_case(difference=0.1))
    code, output, errors = main("--case", "svg_dcgan")
    assert code == 1 and output == "" and "loss differs by 0.1" in errors
    assert "round" not in errors and "first step" not in errors
    monkeypatch.setitem(CASES, "svg_dcgan", scripted_case())
    code, output, errors = main("--case", "svg_dcgan", "--rounds", 1)
    assert code == 0 and json.loads(output)["num_rounds"] == 1


def test_script_checks_its_flags_before_it_measures(main, tmp_path):
    for flags, words in (
        (["--case", "image_vae", "--num-frames", 3], "no `num_frames`"),
        (["--case", "svg_vgg", "--variants", "faster"], "Unknown variant 'faster'"),
        (["--case", "fit_overhead", "--peer", "p"], "a peer"),
        (["--variants", "fast"], "Case '.*': Unknown variant 'fast'"),
        (["--case", "svg_vgg", "--batch-size", 0], "`batch_size` must be at least 1"),
        (["--case", "svg_vgg", "--num-frames", 2], "`num_frames` must be at least 3"),
        (["--case", "svg_vgg", "--report", "no.md"], "'no.md' must be a file"),
        (["--case", "scaling", "--batch-size", 4], "set `batch_size` themselves"),
    ):
        with pytest.raises(ValueError, match=words):
            main(*flags)
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="<!-- svg_vgg: begin -->"):
        main("--case", "svg_vgg", "--report", page)


def test_a_gpu_is_asked_for_before_anything_runs():
    settings = CASES["gpu"].settings
    if any(pathlib.Path("/dev").glob("nvidia[0-9]*")):
        environment.check_gpu(settings)
    else:
        with pytest.raises(ValueError, match="needs a GPU.*--dry-run"):
            environment.check_gpu(settings)
    environment.check_gpu(settings | {"needs_gpu": False})


def test_variants_that_are_named_keep_the_peer():
    assert list(CASES["svg_vgg"].choose(["fast"], "folder")) == ["fast", "peer"]
    assert list(CASES["svg_vgg"].choose(["fast"])) == ["fast"]


def test_among_all_cases_a_peer_joins_those_whose_program_it_holds(tmp_path):
    (tmp_path / "train_vae.py").touch()
    joined = [name for name, case in CASES.items() if peer.fits(tmp_path, case)]
    assert joined == ["image_vae"]
    assert not peer.fits(None, CASES["image_vae"])


def test_a_process_that_is_waited_for_counts():
    code = (
        "import time; t = time.process_time()\nwhile time.process_time() < t + 0.2: 0"
    )
    work = Work(lambda n: subprocess.run([sys.executable, "-c", code], check=True), 1)
    assert measure(work, 1)["cpu"] >= 0.2


def test_cases_are_consistent():
    for name, case in CASES.items():
        for pair in case.wanted:
            known = {*case.variants, *case.optional, *(["peer"] if case.peer else [])}
            assert set(pair.split("/")) <= known, (name, pair)
        for is_short in (False, True):
            sized = case.sized(is_short, is_tiny=not is_short)
            variants = sized.choose()
            assert variants and sized.choose(list(case.variants | case.optional))
            assert sized.ratios(list(variants)) or name in ("scaling", "felt")
    overridden = CASES["svg_vgg"].sized(overrides={"batch_size": 16})
    assert overridden.settings["batch_size"] == 16
    assert CASES["svg_vgg"].settings["batch_size"] == 4
    with_peer = CASES["svg_vgg"].choose(peer="folder")
    assert with_peer["peer"]["path"] == "folder"
    assert "fast/peer" in CASES["svg_vgg"].ratios(list(with_peer))
    assert CASES["svg_vgg"].ratios(["fast", "xla"]) == ["xla/fast"]


def test_report_keeps_the_tables_of_other_processors(scripted_case, tmp_path):
    result, _ = run_case(scripted_case(), num_rounds=1)
    page = tmp_path / "page.md"
    page.write_text("<!-- scripted: begin -->\n<!-- scripted: end -->\n")
    for name, date in (("A", "2026-01-01"), ("B", "2026-02-02"), ("A", "2026-03-03")):
        found = result["environment"] | {"cpu": name, "flags": ["avx2"], "date": date}
        report.write_report([result | {"environment": found}], page)
    text = page.read_text()
    assert [name in text for name in ("**A (avx2)**", "**B (avx2)**")] == [True, True]
    assert [text.count(f"2026-0{i}") for i in (1, 2, 3)] == [0, 1, 1]
    assert text.count("| fast/naive |") == 2


def test_report_replaces_its_section_and_nothing_else(scripted_case, tmp_path):
    result, _ = run_case(scripted_case(), num_rounds=1)
    page = tmp_path / "page.md"
    begin, end = "<!-- scripted: begin -->\n", "<!-- scripted: end -->\n"
    page.write_text(f"before\n{begin}stale figures\n{end}after\n")
    report.write_report([result], page)
    text = page.read_text()
    assert text.startswith(f"before\n{begin}\n") and text.endswith(f"\n{end}after\n")
    assert "stale figures" not in text and result["environment"]["date"][:10] in text
    ratios = [line for line in text.splitlines() if line.startswith("| fast/naive |")]
    assert len(ratios) == 1 and ratios[0].endswith("| 1.50 |")
    report.write_report([result], page)
    assert page.read_text() == text
    assert [path.name for path in tmp_path.glob("*page*")] == ["page.md"]


def test_report_is_whole_or_untouched(scripted_case, tmp_path, monkeypatch):
    result, _ = run_case(scripted_case(), num_rounds=1)
    page = tmp_path / "page.md"
    old = "<!-- scripted: begin -->\n<!-- scripted: end -->\n"
    page.write_text(old)
    with pytest.raises(ValueError, match="other: begin"):
        report.write_report([result, result | {"case": "other"}], page)
    assert page.read_text() == old

    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no room"):
        report.write_report([result], page)
    assert page.read_text() == old
    assert [path.name for path in tmp_path.glob("*page*")] == ["page.md"]


def test_every_case_has_its_place_in_the_documentation():
    report.check_report(ROOT / "docs" / "performance.md", list(CASES))


def test_plot_separates_batch_size_from_clip_length(tmp_path):
    sizes = {"batch_4": (4, 12), "batch_8": (8, 12), "frames_6": (8, 6)}
    variants = {
        name: {
            "batch_size": batch_size,
            "num_frames": num_frames,
            "cpu_s_per_step": batch_size * num_frames / 10,
            "frames_per_cpu_s": 10.0,
            "peak_mb": 900.0 + batch_size * num_frames,
        }
        for name, (batch_size, num_frames) in sizes.items()
    }
    assert plots.series(variants, "cpu_s_per_step") == {
        "batch size grows": [(48, 4.8), (96, 9.6)],
        "clips grow longer": [(48, 4.8), (96, 9.6)],
    }
    path = plots.draw_scaling({"variants": variants}, tmp_path / "new" / "plot.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [found.name for found in path.parent.iterdir()] == ["plot.png"]


def tiny(name, variant=None, **changes):
    case = CASES[name].sized(is_tiny=True)
    own = case.variants[variant] if variant else {}
    return case.settings | own | changes


def make(settings):
    return importlib.import_module(settings["module"]).make(settings)


@pytest.mark.parametrize(
    ("name", "variant", "items"),
    [
        ("svg_dcgan", "naive", 2 * 3),
        ("svg_dcgan", "bfloat16", 2 * 3),
        ("warp_vrnn", "naive", 2 * 4),
        ("warp_vrnn", "bfloat16", 2 * 4),
        ("generate", "naive_compiled", 2 * 2 * 3),
        ("generate", "fast", 2 * 2 * 3),
        ("image_vae", "loop", 2),
        ("fit_overhead", "bare", 2 * 3),
    ],
)
def test_steps_run_and_are_traced_once(name, variant, items):
    work = make(tiny(name, variant))
    assert work.items == items
    work.run(1)
    traces = work.traces and work.traces()
    work.run(2)
    assert (work.traces and work.traces()) == traces != 0
    assert work.macs > 0 or name == "fit_overhead"


def test_gate_of_the_networks_sees_a_wrong_program(monkeypatch):
    settings = tiny("svg_dcgan")
    module = importlib.import_module(settings["module"])
    verdict = gate_module.judge(module.compare(settings))
    assert verdict["passed"], verdict
    # The reference program with another weight of the KL, and nothing else.
    prepare = FrameByFrameSVGLP.__init__

    def prepare_wrongly(self, model):
        prepare(self, model)
        self.beta = 1.01

    monkeypatch.setattr(FrameByFrameSVGLP, "__init__", prepare_wrongly)
    verdict = gate_module.judge(module.compare(settings))
    assert not verdict["passed"]
    assert "loss of a small model, statistics of frames differs" in verdict["message"]


def test_gate_of_warped_frames_sees_a_wrong_gradient(monkeypatch):
    settings = tiny("warp_vrnn")
    module = importlib.import_module(settings["module"])
    verdict = gate_module.judge(module.compare(settings))
    assert verdict["passed"], verdict

    # The warp of the model as it is, whose gradient to the image is lost.
    def forgets(images, flow):
        return warp(tf.stop_gradient(images), flow)

    monkeypatch.setattr(frame_composition, "warp", forgets)
    verdict = gate_module.judge(module.compare(settings))
    assert not verdict["passed"] and "loss" not in verdict["message"]
    assert "its every gradient, learned prior differs" in verdict["message"]


@pytest.mark.parametrize("over_all_frames", [True, False])
def test_gate_of_the_networks_sees_wrong_statistics(over_all_frames, monkeypatch):
    settings = tiny("svg_dcgan")
    module = importlib.import_module(settings["module"])
    normalize = BatchNormalization.normalize

    def wrongly(self, inputs, gamma, beta, num_groups=1):
        if (num_groups == 1) == over_all_frames:
            gamma = 1.01 * gamma
        return normalize(self, inputs, gamma, beta, num_groups)

    monkeypatch.setattr(BatchNormalization, "normalize", wrongly)
    verdict = gate_module.judge(module.compare(settings))
    assert not verdict["passed"]
    of_all = "every gradient, statistics of all frames differs" in verdict["message"]
    of_each = "every gradient, statistics of frames differs" in verdict["message"]
    assert (of_all, of_each) == (over_all_frames, not over_all_frames)


def test_no_nan_is_lost_among_differences():
    assert gate_module.worst([0.1, 0.3, 0.2]) == 0.3
    assert math.isnan(gate_module.worst([0.0, math.nan, 0.1]))


def test_gate_ends_with_its_parent():
    settings = tiny("svg_dcgan")
    process = start_worker(settings, module="gate")
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    assert process.stdout.read() == ""


def test_pipelines_give_the_same_batches(tmp_path):
    settings = tiny("input", folder=str(tmp_path))
    module = importlib.import_module(settings["module"])
    verdict = gate_module.judge(module.compare(settings))
    assert verdict["passed"] and set(verdict["differences"].values()) == {0.0}
    work = make(settings)
    work.run(4)
    assert work.items == 2 * 3 and work.settle is wait_until_idle


def test_work_in_the_background_counts():
    def burn():
        while time.thread_time() < 0.3:
            pass

    def run(num_steps):
        threading.Thread(target=burn).start()

    figures = measure(Work(run, items=1, settle=wait_until_idle), 1)
    assert figures["cpu"] > 0.29 and figures["wall"] < figures["cpu"]


def test_judgement_of_differences():
    good = gate_module.judge({"loss": (1e-7, 1e-5), "gradients": (0.0, 0.0)})
    assert good["passed"] and good["differences"] == {"loss": 1e-7, "gradients": 0.0}
    bad = gate_module.judge({"loss": (1e-7, 1e-5), "gradients": (math.nan, 1e-3)})
    assert not bad["passed"] and "gradients differs" in bad["message"]
    assert "loss" not in bad["message"]
    assert gate_module.relative([3.0, 4.0], [3.0, 4.0]) == 0.0
    assert gate_module.relative([3.0, 5.0], [3.0, 4.0]) == pytest.approx(0.2)
    assert gate_module.largest([1.0, 5.0], [1.5, 5.0]) == pytest.approx(0.5)


# Multiply-accumulates by hand, in multiples of 10**6: (kernel weights x positions).


def convolutions(network):
    """(channels in, out, positions, weights a pair) of encoder and generator at 64x64.

    The generator's first layer of a stage sees features alone; its skip comes extra.
    """
    widths = [64, 128, 256, 512]
    encoder, generator, skips = [], [], []
    for i, width in enumerate(widths):
        before = widths[i - 1] if i else 3
        finer = widths[i - 1] if i else 64
        if network == "dcgan":
            positions = (64 // 2 ** (i + 1)) ** 2
            encoder.append((before, width, positions, 16))
            output = finer if i else 3
            generator.append((width, output, positions, 16))
            skips.append((width, output, positions, 16))
            continue
        positions, depth = (64 // 2**i) ** 2, 2 if i < 2 else 3
        encoder += [
            (before if j == 0 else width, width, positions, 9) for j in range(depth)
        ]
        inner = [width] * (depth - 1) + [finer] if i else [64]
        # From 8 pixels on upsampling is a part of the convolution: 16 of 36 products.
        is_sub_pixel = 64 // 2 ** (i + 1) >= 8
        first = (width, inner[0], positions, 4 if is_sub_pixel else 9)
        generator.append(first)
        generator += [
            (a, b, positions, 9) for a, b in zip(inner, inner[1:], strict=False)
        ]
        skips.append((width, inner[0], positions, 9))
    if network == "vgg":
        generator.append((64, 3, 64 * 64, 9))
    return encoder, generator, skips


def hand_count(layers):
    return sum(math.prod(layer) for layer in layers)


DENSE = 4 * 4 * 512 * 128  # the code, and the generator's stem
LSTM = 256 * 4 * 256 * 2  # inputs and state
RECURRENT = (
    (192 * 256 + 2 * LSTM + 256 * 128)  # predictor
    + 2 * (128 * 256 + LSTM + 256 * 64 * 2)  # posterior and prior
)


@pytest.mark.parametrize(
    ("network", "naive", "once", "split"),
    # GMAC of the forward pass over 2 + 10 frames. Of VGG the split form is 27.5
    # without the sub-pixel form, which saves 2.8.
    [("vgg", 44.3, 32.9, 24.7), ("dcgan", 4.6, 3.55, 2.6)],
)
def test_multiply_accumulates_of_svg(network, naive, once, split):
    settings = SVG | {"network": network}
    model = make_svg(settings)
    frame = flops.frame_macs(model)
    encoder, generator, skips = map(hand_count, convolutions(network))
    assert frame == (
        encoder + DENSE,
        hand_count(convolutions(network)[0][:1]),
        generator + DENSE,
        skips,
        RECURRENT,
    )
    forward = flops.svg_forward_macs(frame, num_frames=12, num_context=2)
    assert forward / 1e9 == pytest.approx(split, rel=0.02)
    program = FrameByFrameSVGLP(model)
    step = flops.reference_step_macs(model, program)
    assert 11 * sum(step) / 1e9 == pytest.approx(naive, rel=0.02)
    # Ten frames are encoded twice.
    twice = 11 * sum(step) - 10 * frame.encoder
    assert twice / 1e9 == pytest.approx(once, rel=0.02)
    assert step[0] == frame.first_layer


@pytest.mark.parametrize("program", ["model", "naive"])
def test_multiply_accumulates_of_training_are_those_of_its_graph(program):
    """Gradients and all, counted in the graph of a step that was really traced."""
    settings = SVG | TINY_SVG | {"network": "dcgan", "batch_size": 1}
    model = make_svg(settings)
    clips, num_frames = random_clips(settings), settings["num_frames"]
    reference = FrameByFrameSVGLP(model)
    if program == "model":
        step, expected = model.train_step, flops.svg_training_macs(model, num_frames)
    else:
        step = naive_step(model, reference)
        expected = flops.reference_training_macs(model, num_frames, reference)
    counted = training_graph_macs(step, clips)
    # The LSTMs' first states have no gradient.
    assert 0.99 * expected < counted <= expected


@pytest.mark.parametrize("program", ["model", "naive"])
def test_multiply_accumulates_of_warp_vrnn_are_those_of_its_graph(program):
    settings = tiny("warp_vrnn", batch_size=1, num_frames=5)
    model = make_warp_vrnn(settings)
    clips, reference = random_clips(settings), FrameByFrameWarpVRNN(model)
    if program == "model":
        step, expected = model.train_step, flops.warp_training_macs(model, 5)
    else:
        step = naive_step(model, reference)
        expected = flops.reference_warp_training_macs(model, 5, reference)
    assert training_graph_macs(step, clips) == expected


def training_graph_macs(step, clips):
    graph = tf.function(step).get_concrete_function(clips).graph
    total = 0
    for operation in graph.get_operations():
        if not operation.outputs or not operation.outputs[0].consumers():
            continue  # the gradient of the frames, which is never computed
        shapes = [tensor.shape for tensor in operation.inputs]
        if operation.type == "Conv2DBackpropFilter":
            kernel = operation.outputs[0].shape
            total += math.prod(shapes[2]) * math.prod(kernel[:3])
        elif operation.type == "Conv2D":
            total += math.prod(operation.outputs[0].shape) * math.prod(shapes[1][:3])
        elif operation.type == "Conv2DBackpropInput":
            total += math.prod(shapes[2]) * math.prod(shapes[1][:3])
        elif operation.type in ("MatMul", "BatchMatMulV2", "BatchMatMulV3"):
            sizes = math.prod(shapes[0]) * math.prod(shapes[1])
            total += math.isqrt(sizes * math.prod(operation.outputs[0].shape))
    return total
