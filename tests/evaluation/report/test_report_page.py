"""The page of evaluations: read back by a parser of HTML."""

import math
import re
import time

import made_metrics
import pytest
from report_page import Page, check_page

from tfsigmavae.evaluation.report import (
    Picture,
    comparison,
    differences,
    drawing,
    read_picture,
    write_report,
)
from tfsigmavae.evaluation.report.run import Run, name_runs


def write(tmp_path, evaluations, **more):
    page = Page(write_report(tmp_path / "run" / "report.html", evaluations, **more))
    check_page(page)
    return page


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """The page of a whole evaluation."""
    return write(
        tmp_path_factory.mktemp("video"),
        [made_metrics.video()],
        pictures=made_metrics.pictures(),
        training=[("demo", made_metrics.history())],
        tables={"Options": {"data": "<clips> & more", "model_options": {}}},
        explanation="What it is about.",
    )


def sections(page):
    return [heading for heading in page.headings if heading in SECTIONS]


SECTIONS = [
    "Overview",
    "Scores",
    "Pictures",
    "Over the horizon",
    "Distances of distributions",
    "Calibration",
    "Likelihood",
    "Latents",
    "Training",
    "Options",
    "Environment",
]


def test_a_whole_evaluation_has_every_section(video):
    assert sections(video) == SECTIONS
    contents = [link for link in video.references if link.startswith("#")][:11]
    assert len(set(contents)) == 11
    assert len(video.pictures) == 4


@pytest.mark.parametrize(
    "said",
    [
        # The headline in one line, with its protocol, and what it means.
        "Best of 100: PSNR 18.66 ± 0.16 dB (copy last frame 16.27), SSIM 0.7",
        "Against the best baseline, the mean over the samples is better in PSNR (by ",
        "; protocol svg-2-28",
        "the mean over the frames of 256 clips, ± its standard error over the clips. "
        "Sources share the clips, so that",
        "Futures are overconfident: the samples' spread is 0.714 times the error of "
        "their mean, and intervals of 80 % hold 61 % of the pixels.",
        "What it is about.",
        "What the scores are PSNR Likeness of pixels",
        # The protocol in words, and whole.
        "2 given frames; 28 predicted frames; 256 clips; first window of longer clips; "
        "100 samples; best sample by each metric itself; seed 0; SSIM (Gaussian",
        "num_predicted 28",
        # Rows and columns of the scores.
        "PSNR dB, higher is better",
        "distance[mobilenet_v1] lower is better",
        "copy last frame baseline",
        "reconstruction reference",
        "★ 18.66 ± 0.16",
        "☆ 18.2",
        "Best of 100 is chosen with the truth in hand: ☆ best mean of the others. "
        "References know",
        # Distances, and the warning in words.
        "12.35 ± 0.31 11.20 256 256 100 4.100",
        "⚠ Warning. frechet[mobilenet_v1]: 256 examples are fewer than twice",
        "kernel[mobilenet_v1] 0.0213 ± 0.0017 – –",
        # Verdicts.
        "overconfident: intervals of 50, 80, 90 and 95 % hold 36, 61, 71 and 79 %",
        "close to calibrated: errors are 1.02 times as large as sigma says",
        "overconfident: both ends are too full",
        "overconfident: the samples' spread is 0.714 times the error of their mean",
        "overconfident: CRPS is 1.29 times what the ensemble expects of itself",
        "Ensembles of 100 samples",
        "CRPS over what is expected 1.290 (CRPS 0.0310 ± 0.0010; expected 0.02400) 1",
        "blue 0.05304 0.05200 1.020",
        # Likelihood, latents, surprise.
        "importance-weighted bound, nats 171,300 ± 320",
        "bits per dimension (density) 2.345 ± 0.012",
        "11 of 16 latents are active (0.01 nats per frame or more)",
        "most surprising: a.mp4",
        "least surprising: clip 34",
        # Training, options, environment.
        "loss, nats per clip",
        "validation",
        "data <clips> & more model_options none",
        "Some Processor (avx512f)",
        "seconds of evaluation 321.5",
    ],
)
def test_it_says(video, said):
    assert said in video.said


def test_drawings_have_labels_and_text(video):
    curves = [label for label in video.labels if "over the frames" in label]
    assert len(curves) >= 4 and "copy last frame" in curves[0]
    # Metrics; reconstructions, futures; likelihood; latents; figures of training.
    assert video.num_drawings == 4 + 4 + 5 + 3 + 1 + 3
    assert "predicted frame" in video.words  # not drawn as outlines
    assert "currentColor" in video.text and "prefers-color-scheme: dark" in video.text


def test_an_image_evaluation_has_no_horizon(tmp_path):
    page = write(tmp_path, [made_metrics.image()])
    left_out = {"Over the horizon", "Pictures", "Training", "Options"}
    assert set(sections(page)) == set(SECTIONS) - left_out
    assert "Reconstruction: PSNR 21.50 ± 0.10 dB" in page.said
    assert "mean over 1,000 images" in page.said
    assert "★" not in page.said  # of one row none is the best
    assert "References" not in page.said
    assert "90\N{NO-BREAK SPACE}%" in page.text and " %" not in page.text
    assert "by frame" not in page.said and "sampled futures" not in page.said


@pytest.mark.parametrize(
    ("best", "mean", "said"),
    [
        ("max", 21.8, "is better in Sharpness (of edges) (by 1.8 px)."),
        ("min", 21.8, "is worse in Sharpness (of edges) (by 1.8 px)."),
        ("max", 20.1, "is about equal (within the errors) in Sharpness (of edges)."),
        (None, 21.8, ""),
    ],
)
def test_the_average_future_against_the_best_baseline(best, mean, said):
    found = made_metrics.video()
    metric = {"label": "Sharpness, of edges", "unit": "px", "best": best}
    others = (20.0, 19.0) if best == "max" else (20.0, 25.0)
    names = "mean", "copy_last", "other"
    found["sources"]["other"] = {"label": "other", "kind": "baseline"}
    scores = {
        name: {"mean": value, "error": 0.1}
        for name, value in zip(names, (mean, *others), strict=True)
    }
    found |= {"metrics": {"sharp": metric}, "scores": {"sharp": scores}}
    told = comparison.sentence(Run("run", found))
    start = "Against the best baseline, the mean over the samples "
    assert told == (said and start + said)
    for score in scores.values():
        score["error"] = None  # of one clip nobody knows it, and nothing is said
    assert comparison.sentence(Run("run", found)) == ""


@pytest.mark.parametrize(
    ("mean", "word"), [(0.9, "better"), (1.1, "better"), (1.9, "worse")]
)
def test_a_ratio_is_best_at_one(tmp_path, mean, word):
    """Below as above: nothing at all and three times as much are as bad as it gets."""
    found = made_metrics.video()
    metric = {"label": "Motion", "unit": "", "best": "nearest_one"}
    found["sources"]["other"] = {"label": "other", "kind": "baseline"}
    values = {"mean": mean, "copy_last": 0.5, "other": 3.0}
    scores = {
        name: {"mean": value, "error": 0.1, "curve": [value]}
        for name, value in values.items()
    }
    found |= {"metrics": {"motion": metric}, "scores": {"motion": scores}}
    told = comparison.sentence(Run("run", found))
    assert f" is {word} in Motion (by 0.40)." in told
    page = write(tmp_path, [found])
    assert f"★ {mean if word == 'better' else 0.5:.2f} ± 0.10" in page.said
    assert "Best at 1." in page.said and "as the truth" in page.said


def test_calibrations_that_disagree_are_both_told(tmp_path):
    found = made_metrics.video()
    found["calibration"]["futures"]["coverage"]["share"] = [0.73, 0.89, 0.94, 0.97]
    page = write(tmp_path, [found])
    assert (
        "Futures: the samples' spread is 0.714 times the error of their mean "
        "(overconfident), while intervals of 50 % hold 73 % of the pixels "
        "(underconfident)."
    ) in page.said
    assert page.said.count("Two kinds of figures may disagree") == 1
    del found["calibration"]["futures"]
    page = write(tmp_path, [found])
    assert (
        "Reconstructions are close to calibrated: errors are 1.02 times as large as "
        "sigma says, and intervals of "
    ) in page.said


def test_a_run_that_was_only_trained(tmp_path):
    page = write(
        tmp_path,
        [made_metrics.minimal("my <run>")],
        pictures=made_metrics.pictures()[:1],
        training=[("my <run>", made_metrics.history(2))],
        tables={
            "Scores": {"psnr": {"best": 21.43219, "mean": 20}, "held_out": True},
            "Options": {"data": "<clips>", "model_options": {}, "sizes": [1, 2]},
        },
    )
    assert page.headings[0] == "my <run>"
    assert sections(page) == ["Pictures", "Training", "Scores", "Options"]
    assert "psnr.best 21.432 psnr.mean 20 held_out yes" in page.said
    assert "data <clips> model_options none sizes 1, 2" in page.said


def test_the_error_of_a_ratio_of_crps_is_told_where_it_is_known(tmp_path):
    found = made_metrics.video()
    found["calibration"]["futures"]["crps"]["ratio_error"] = 0.04
    found["calibration"]["posterior"]["sigma"]["channels"].pop()
    page = write(tmp_path, [found])
    assert "expected 1.290 ± 0.040 (CRPS 0.0310 ± 0.0010;" in page.said
    assert "channel 1 0.04998" in page.said and "red" not in page.words


@pytest.mark.parametrize("num_rows", [0, 1, 2])
def test_training_of_few_rows(tmp_path, num_rows):
    """A run that was stopped early, or that has only the head of its table."""
    rows = made_metrics.history(num_rows)
    page = write(tmp_path, [{"title": "run"}], training=[("run", rows)])
    assert ("Training" in page.headings) == (num_rows > 0)
    other = ("other", made_metrics.history(3))
    page = write(tmp_path, [{"title": "run"}], training=[("run", rows), other])
    assert "Training" in page.headings and "other: training" in page.words


def test_a_title_alone_makes_a_page(tmp_path):
    page = write(tmp_path, [{"title": "empty"}])
    assert page.headings == ["empty"]
    with pytest.raises(ValueError, match="at least one dict"):
        write_report(tmp_path / "none.html", [])
    assert not (tmp_path / "none.html").exists()


def test_two_runs_stand_side_by_side(tmp_path):
    runs = made_metrics.video("one"), made_metrics.video("two", skill=0.1)
    histories = [("one", made_metrics.history()), ("two", made_metrics.history(9))]
    page = write(tmp_path, runs, training=histories)
    assert page.headings[0] == "one · two"
    assert "one: best of 100" in page.words and "two: best of 100" in page.words
    # Baselines that both share are drawn once, and the best of all is marked.
    assert page.words.count("copy last frame") == 2 + 4
    assert page.words.count("★") == 4
    assert "two: close to calibrated: errors are 1.02" in page.said
    assert "two: training" in page.words
    assert "⚠ Warning. The runs" not in page.said
    # One protocol for both.
    assert page.said.count("Protocol svg-2-28: 2 given frames") == 1
    assert page.said.count("num_predicted 28") == 1
    assert "Sources and runs share the clips" in page.said
    twice = write(tmp_path, [runs[0], runs[0]])
    assert twice.headings[0] == "one (1) · one (2)"
    assert twice.words.count("★") == 2 * 4  # equal, and both are the best


def test_pictures_of_several_runs_stand_under_their_names(tmp_path):
    runs = [made_metrics.minimal(title) for title in ("one", "two")]
    pictures = [
        picture._replace(run=run["title"])
        for run in runs
        for picture in made_metrics.pictures()
    ]
    page = write(tmp_path, runs, pictures=pictures)
    assert page.headings[2:] == [
        *("one: Clips", "one: Uncertainty", "two: Clips", "two: Uncertainty")
    ]


def test_protocols_that_differ_are_told(tmp_path):
    one, two = made_metrics.video("one"), made_metrics.video("two", skill=0.1)
    two["protocol"] |= {"num_samples": 10, "modified": {"num_samples": 10}}
    two["data"] |= {"fingerprint": "0" * 64}
    page = write(tmp_path, [one, two])
    assert "⚠ Warning. The runs were not evaluated alike" in page.said
    assert "differ in num_samples, data.fingerprint." in page.said
    assert "num_samples 100 10 data.fingerprint fedcba" in page.said
    assert "two: Protocol svg-2-28 was changed: num_samples = 10. Its" in page.said
    assert "protocol svg-2-28 (modified)" in page.said
    assert "each run by itself" in page.said
    assert "over the clips. Sources share the clips" in page.said
    assert page.words.count("★") == 2 * 4


def test_runs_are_compared_by_the_exact_mass(tmp_path):
    runs = [made_metrics.video(name) for name in ("one", "two", "three")]
    for found, bits in zip(runs, (3.0, 2.5, None), strict=True):
        found["likelihood"]["bits_per_dim_mass"] = {"mean": bits, "error": 0.1}
    page = write(tmp_path, runs)
    assert "(exact mass) 3.00 ± 0.10 ★ 2.50 ± 0.10" in page.said
    assert "Runs with other decoders are compared by the exact mass" in page.said
    alone = write(tmp_path, runs[:1])
    assert "compared by the exact mass" not in alone.said
    assert "(exact mass) 3.00 ± 0.10" in alone.said


def a_difference(mean, error):
    return {"mean": mean, "error": error, "count": 9}


def test_clear_differences_are_told(tmp_path):
    runs = [made_metrics.video(name) for name in ("one", "two", "three")]
    paired = [
        {
            "scores": {
                "psnr": {
                    "mean": a_difference(0.5, 0.1),
                    "best": a_difference(0.4, 0.1),
                    "copy_last": None,
                },
                "ssim": {"mean": a_difference(-0.02, 0.011)},
            },
            "likelihood": {
                "elbo": a_difference(-40.0, 14.0),
                "bound": a_difference(50.0, 14.0),
                "bits_per_dim_mass": a_difference(-0.3, 0.1),
            },
        },
        {"scores": {"psnr": {"mean": a_difference(-0.7, 0.1)}}, "likelihood": {}},
    ]
    page = write(tmp_path, runs, paired=paired)
    assert "Differences" in page.headings
    label = "PSNR (mean over the samples)"
    assert (
        f"Against one, two is better in {label} by 0.50 ± 0.10 dB, "
        "PSNR (best of 100) by 0.40 ± 0.10 dB, importance-weighted bound by 50 ± 14 "
        "nats, bits per dimension (exact mass) by 0.30 ± 0.10; worse in ELBO by "
        "40 ± 14 nats; the rest is not clear."
    ) in page.said
    assert f"Against one, three is worse in {label} by 0.70 ± 0.10 dB. " in page.said
    assert "0.50 ± 0.10 dB (better)" in page.said and "less one" in page.said


@pytest.mark.parametrize(
    ("count", "is_clear"),
    [(2, False), (3, False), (9, True), (1000, True)],  # t is 12.7, 4.3, 2.3, 1.96
)
def test_of_few_examples_less_is_clear(count, is_clear):
    found = {"mean": 2.5, "error": 1.0, "count": count}
    paired = [{"scores": {"psnr": {"mean": found}}, "likelihood": {}}]
    runs = name_runs([made_metrics.video(name) for name in ("one", "two")])
    (said,) = differences.sentences(runs, paired)
    assert said == (
        "Against one, two is better in PSNR (mean over the samples) by 2.5 ± 1.0 dB."
        if is_clear
        else "Against one, two is neither clearly better nor worse."
    )


def test_of_one_example_or_a_ratio_no_winner_is_named():
    runs = name_runs([made_metrics.video(name) for name in ("one", "two")])
    for metric, error in (("psnr", None), ("ratio", 0.1)):
        scores = {metric: {"mean": a_difference(9.0, error)}}
        found = [{"scores": scores, "likelihood": {}}]
        runs[0].part("metrics")["ratio"] = {"label": "Ratio", "best": "nearest_one"}
        assert differences.sentences(runs, found) == []


def test_what_is_not_known_here_appears_by_itself(tmp_path):
    found = made_metrics.video()
    found["metrics"]["sharpness"] = {"label": "Sharpness", "unit": "px", "best": "min"}
    score = {"mean": 1.25, "error": 0.5, "curve": [1.0, 1.5]}
    found["scores"]["sharpness"] = {"oracle": score, "best": {**score, "mean": 9.0}}
    found["scores"]["unnamed"] = {"nobody": {"mean": 3.5}}
    found["sources"]["oracle"] = {"label": "an oracle", "kind": "guess"}
    found["distances"]["sliced"] = {"value": 77.5}
    found["likelihood"]["entropy"] = {"mean": 42.5, "error": 0.5}
    found["calibration"]["prior"] = {
        "label": "prior samples",
        "sharp_ratio": {"ratio": 2.5, "error": 0.1, "calibrated": 1.0},
    }
    page = write(tmp_path, [found])
    for said in (
        "Sharpness px, lower is better",
        "an oracle guess – – – – ★ 1.25 ± 0.50 –",
        "nobody – – – – – 3.500",
        "sliced 77.50",
        "entropy 42.50 ± 0.50",
        "Prior samples",
        "sharp ratio 2.50 ± 0.10 1.000",
    ):
        assert said in page.said, said
    assert any(label.startswith("Sharpness of best of 100") for label in page.labels)


def test_nothing_from_the_data_is_read_as_markup(tmp_path):
    evil = '<script>alert("1")</script>"\'&$x$_'
    found = made_metrics.video(evil)
    found["sources"]["best"]["label"] = evil
    found["metrics"]["psnr"] |= {"label": evil, "unit": evil, "description": evil}
    found["distances"]["kernel[mobilenet_v1]"] |= {"label": evil, "warning": evil}
    found["surprise"]["clips"][0]["name"] = evil
    found["rates"]["unit"] = evil
    found["protocol"] |= {"name": evil, evil: evil}
    picture = Picture(evil, evil, b"GIF89a", "image/gif", evil, evil)
    page = write(
        tmp_path,
        [found, found],
        pictures=[picture],
        training=[(evil, made_metrics.history())],
        tables={evil: {evil: evil}},
        explanation=evil,
    )
    assert page.headings[0] == f"{evil} (1) · {evil} (2)"
    assert page.pictures[0]["alt"] == evil
    assert evil in page.words


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_what_there_is_not_is_a_dash(tmp_path, nothing):
    found = made_metrics.video()
    found["scores"]["psnr"]["best"] |= {"mean": nothing, "error": nothing}
    found["scores"]["ssim"]["best"] = None
    found["scores"]["psnr"]["mean"]["curve"][3] = nothing
    found["scores"]["moved"]["mean"] |= dict.fromkeys(
        ("curve", "curve_error"), [nothing] * 28
    )
    found["scores"]["moved"] = {"mean": found["scores"]["moved"]["mean"]}
    found["distances"]["kernel[mobilenet_v1]"]["value"] = nothing
    found["likelihood"]["elbo"]["mean"] = nothing
    calibration = found["calibration"]["futures"]
    calibration["coverage"]["share"][2] = nothing
    calibration["crps"]["ratio"] = nothing
    calibration["spread_skill"]["steps"][0]["spread"] = nothing
    calibration["pit"]["steps"][0] = [nothing] * 40
    page = write(tmp_path, [found])
    assert "best of 100 – – ★" in page.said
    assert "kernel[mobilenet_v1] – –" in page.said
    assert "nan" not in page.said.lower().split() and "inf" not in page.said.split()
    assert "None" not in page.words


def test_parts_that_are_empty_have_no_section(tmp_path):
    found = made_metrics.video()
    nothing = dict.fromkeys(
        ("scores", "distances", "likelihood", "rates", "surprise", "calibration")
    )
    page = write(tmp_path, [found | nothing])
    assert sections(page) == ["Overview", "Environment"]
    page = write(tmp_path, [found | {name: {} for name in nothing}])
    assert sections(page) == ["Overview", "Environment"]


def test_every_source_of_many_looks_different(tmp_path):
    found = made_metrics.video()
    score = found["scores"]["psnr"]["best"]
    names = [f"source {number}" for number in range(14)]
    found["scores"] = {"psnr": {name: score for name in names}}
    page = write(tmp_path, [found])
    keys = re.findall(r'<li><svg class="key".*?</svg>(.*?)</li>', page.text)
    looks = re.findall(r'<li>(<svg class="key".*?</svg>)source', page.text)
    assert set(names) <= set(keys) and len(looks) == len(set(looks)) == 14


def test_a_source_has_one_colour_in_all_drawings(tmp_path):
    one, two = made_metrics.video("one"), made_metrics.video("two", skill=0.1)
    for found in (one, two):  # not every source has every score
        del found["scores"]["psnr"]["best"], found["scores"]["ssim"]["mean"]
    for runs in ([one], [one, two]):
        page = write(tmp_path, runs)
        keys = re.findall(r'style="color: ([^"]+)".*?</svg>(.*?)</li>', page.text)
        labels = [label for _, (label, _, _) in made_metrics.SOURCES.items()]
        for source in labels:
            found = {colour for colour, label in keys if label.endswith(source)}
            assert len(found) == 1, (source, found)


def test_a_metric_without_a_direction_and_with_a_long_name(tmp_path):
    found = made_metrics.video()
    label = "Distance of mobilenet_v1_0.25_128_quant features"
    found["metrics"] = {"psnr": {"label": label, "unit": "", "best": None}}
    found["scores"] = {"psnr": found["scores"]["psnr"]}
    page = write(tmp_path, [found])
    assert "Bands are one standard error over the clips." in page.words
    drawings = re.findall(r'<div role="img".*?</div>', page.text, re.DOTALL)
    inside = [re.sub("<[^>]*>", " ", text) for text in drawings]
    assert label in page.said and not any(label in text for text in inside)
    found["metrics"]["psnr"]["unit"] = "dB"
    page = write(tmp_path, [found])
    assert "dB" in page.words


def test_eight_sources_have_eight_colours(tmp_path):
    found = made_metrics.video()
    score = found["scores"]["psnr"]["best"]
    found["scores"] = {"psnr": {f"source {number}": score for number in range(8)}}
    page = write(tmp_path, [found])
    keys = re.findall(r'style="color: ([^"]+)".*?</svg>source', page.text)
    assert len(set(keys)) == 8


def test_axes_have_short_plain_numbers(tmp_path):
    rows = [
        {"step": 1e4 * step, "loss": -1e5 * step, "sigma": 10 ** (-step / 3)}
        for step in range(1, 10)
    ]
    page = write(tmp_path, [{"title": "run"}], training=[("run", rows)])
    assert {"20k", "−800k", "0.1", "0.01"} <= set(page.words)
    few = [row | {"sigma": 0.05 + 0.01 * row["step"] / 1e4} for row in rows]
    page = write(tmp_path, [{"title": "run"}], training=[("run", few)])
    assert {"0.06", "0.1", "0.14"} <= set(page.words)
    assert not re.search(r"mathdefault|\\|1e5", page.said)


def test_each_bin_of_a_histogram_has_a_band_of_its_own():
    low, high = [0.9, 0.5, 0.8, 0.9], [1.1, 1.5, 1.2, 1.1]
    level = ("calibrated", 1.0)
    line = drawing.Line("truth", [], [1.0, 1.2, 0.9, 0.9])
    made = [
        drawing.histogram([line], "rank", "density", level, band).svg
        for band in (None, ("chance", low, high))
    ]
    old, new = (set(re.findall(r' d="([^"]+)"', text)) for text in made)
    # Steps at the top and at the bottom, of three heights each.
    heights = [len(set(re.findall(r"[\d.]+ ([\d.]+)", path))) for path in new - old]
    assert 6 in heights


def test_notes_of_an_evaluation_are_warnings(tmp_path):
    page = write(tmp_path, [{"title": "run", "notes": ["No calibration: <why>."]}])
    assert "⚠ Warning. No calibration: <why>." in page.said


def test_it_is_quick_and_small(tmp_path):
    evaluation, history = made_metrics.video(), made_metrics.history(2000)
    seconds = []
    while not seconds or (min(seconds) > 3.0 and len(seconds) < 3):
        start = time.process_time()
        path = write_report(tmp_path / "r.html", [evaluation], (), [("demo", history)])
        seconds.append(time.process_time() - start)
    assert min(seconds) < 3.0
    assert path.stat().st_size < 1.5e6


def test_the_same_evaluation_makes_the_same_page(tmp_path):
    one, two = (
        write_report(tmp_path / name, [made_metrics.image()]).read_bytes()
        for name in ("a.html", "b.html")
    )
    assert one == two


def test_pictures_are_read_with_their_kind(tmp_path):
    path = tmp_path / "a #1.GIF"
    path.write_bytes(b"GIF89a")
    picture = read_picture(path, "Futures")
    assert (picture.alt, picture.media_type) == ("Futures", "image/gif")
    assert picture.uri == "data:image/gif;base64,R0lGODlh"
    with pytest.raises(ValueError, match=r"`path` must be a .png, .gif or .webp file"):
        read_picture(tmp_path / "clip.mp4", "Futures")
