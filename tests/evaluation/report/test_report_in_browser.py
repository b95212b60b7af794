"""The page as a browser shows it, where one is installed."""

import json
import re
import shutil
import subprocess

import made_metrics
import pytest

from tfsigmavae.evaluation.report import write_report

NAMES = "chromium", "chromium-browser", "google-chrome"
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)}")

# Writes what it finds into the page, which the browser prints.
PROBE = """
<script>
addEventListener("load", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  const images = [...document.images];
  const wide = [...document.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest(".scroll"));
  const drawings = [...document.querySelectorAll("figure div > svg")];
  const found = {
    width: innerWidth,
    scroll: document.documentElement.scrollWidth,
    broken: images.filter(i => !(i.complete && i.naturalWidth > 0)).length,
    images: images.length,
    empty: drawings.filter(d => d.getBoundingClientRect().height < 100).length,
    drawings: drawings.length,
    wide: wide.map(e => e.tagName + "." + e.className),
    smallest: Math.min(...drawings.flatMap(d => [...d.querySelectorAll("text")].map(
      t => parseFloat(getComputedStyle(t).fontSize)
        * d.getBoundingClientRect().width / d.viewBox.baseVal.width))),
    colour: getComputedStyle(document.body).backgroundColor,
    text: getComputedStyle(document.querySelector("figure text")).fill,
  };
  const note = document.createElement("pre");
  note.id = "found";
  note.textContent = JSON.stringify(found);
  document.body.append(note);
});
</script>
"""


def look(path, width, folder, *flags):
    """What a window of this width shows, and what the console says."""
    framed = folder / f"{path.stem}-probe.html"
    page = path.read_text(encoding="utf-8")
    framed.write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    # Headless windows are 500 wide at least; a frame is as wide as one likes.
    outer = folder / f"{path.stem}-outer.html"
    outer.write_text(
        f'<!doctype html><body style="margin:0"><iframe src="{framed.name}" '
        f'style="width:{width}px;height:900px;border:0"></iframe><script>'
        "addEventListener('load', () => document.body.append("
        "document.querySelector('iframe').contentDocument.getElementById('found')));"
        "</script></body>"
    )
    result = subprocess.run(
        [
            BROWSER,
            *["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
            *["--allow-file-access-from-files", "--enable-logging=stderr", "--v=0"],
            f"--user-data-dir={folder / 'profile'}",
            *["--virtual-time-budget=5000", "--dump-dom", *flags],
            outer.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', result.stdout, re.DOTALL)
    return json.loads(found), console


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    two = made_metrics.video("a_second_run_with_quite_a_long_name", skill=0.1)
    two["protocol"]["num_samples"] = 10
    options = {"data": "/a/path/that/is/long/" * 9, "f" * 70: "g" * 300}
    write_report(
        folder / "one.html",
        [made_metrics.video()],
        made_metrics.pictures(),
        [("demo", made_metrics.history())],
        {"Options": options},
    )
    write_report(folder / "two.html", [made_metrics.video(), two])
    return folder


@pytest.mark.parametrize(("name", "width"), [("one", 400), ("one", 1280), ("two", 400)])
def test_nothing_is_missing_and_nothing_sticks_out(pages, tmp_path, name, width):
    found, console = look(pages / f"{name}.html", width, tmp_path)
    assert console == []
    assert found["width"] == width and found["scroll"] <= width
    assert found["wide"] == []
    assert found["broken"] == 0 and found["images"] == (4 if name == "one" else 0)
    assert found["empty"] == 0 and found["drawings"] >= 17
    assert found["smallest"] >= 10  # pixels of a letter in a drawing


def test_dark_readers_get_a_dark_page(pages, tmp_path):
    dark = "--blink-settings=preferredColorScheme=0"
    light = look(pages / "one.html", 400, tmp_path)[0]
    found, console = look(pages / "one.html", 400, tmp_path, dark)
    assert console == []

    def brightness(colour):
        return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3

    assert brightness(light["colour"]) > 200 > 100 > brightness(light["text"])
    assert brightness(found["colour"]) < 100 < 200 < brightness(found["text"])


def test_the_probe_sees_what_is_wrong(tmp_path):
    """A broken picture, something wide, an error of a script."""
    path = tmp_path / "bad.html"
    path.write_text(
        '<!doctype html><meta name="viewport" content="width=device-width"><body>'
        '<img src="data:image/png;base64,AAAA" alt="x"><div style="width:700px">x</div>'
        "<figure><div><svg viewBox='0 0 9 9'><text y='9'>x</text></svg></div></figure>"
        "<script>nowhere()</script></body>"
    )
    found, console = look(path, 400, tmp_path)
    assert found["broken"] == 1 and found["scroll"] >= 700
    assert "DIV." in found["wide"]
    assert any("nowhere is not defined" in line for line in console)
