"""Whole data sets from a local server: files, zips, and what the table says."""

import functools
import hashlib
import http.server
import io
import threading
import zipfile

import pytest

from tfsigmavae.downloads import DownloadError
from tfsigmavae_video.data import fetching, origins
from tfsigmavae_video.data.fetching import fetch

QUICK = {"progress": False, "retries": 0, "timeout": 5.0}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=folder)
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.folder, served.url = folder, f"http://127.0.0.1:{served.server_port}"
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def zip_of(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}_uncomp.avi", content)
    return stream.getvalue()


@pytest.fixture
def kth(server):
    for action in "boxing handclapping handwaving jogging running walking".split():
        name = f"person01_{action}_d1"
        content = zip_of(**{name: action})
        (server.folder / f"{action}.zip").write_bytes(content)
    (server.folder / "00sequences.txt").write_text("person01_boxing_d1 frames 1-9\n")
    return server


def test_kth_is_unpacked_into_a_folder_for_each_action(kth, tmp_path):
    folder = tmp_path / "data" / "kth"
    paths = fetch("kth", folder, kth.url, **QUICK)
    assert [path.name for path in paths][:2] == ["00sequences.txt", "boxing"]
    video = folder / "running" / "person01_running_d1_uncomp.avi"
    assert video.read_text() == "running"
    # Again: nothing is asked for; the zips are not needed any more.
    (kth.folder / "boxing.zip").unlink()
    (folder / "boxing.zip").unlink()
    assert fetch("kth", folder, kth.url, **QUICK) == paths


def test_a_broken_zip_is_told_and_nothing_half_unpacked(kth, tmp_path):
    (kth.folder / "boxing.zip").write_bytes(b"PK and no more")
    with pytest.raises(DownloadError, match="boxing.zip' is no zip file.*Delete it"):
        fetch("kth", tmp_path / "kth", kth.url, **QUICK)
    assert not (tmp_path / "kth" / "boxing").exists()


def test_one_file_may_be_named_by_its_own_url(server, tmp_path, monkeypatch):
    name, content = "bair_robot_pushing_dataset_v0.tar", b"tar"
    facts = {name: (len(content), hashlib.sha256(content).hexdigest())}
    entry = {"places": ["http://127.0.0.1:9/"], "files": facts}
    monkeypatch.setitem(fetching.ORIGINS, "bair", entry)
    (server.folder / name).write_bytes(content)
    for number, url in enumerate((server.url, f"{server.url}/{name}")):
        (path,) = fetch("bair", tmp_path / str(number), url, **QUICK)
        assert path.read_bytes() == content
    with pytest.raises(DownloadError, match="no connection"):
        fetch("bair", tmp_path / "known", **QUICK)


def test_unknown_names_are_told(tmp_path):
    with pytest.raises(ValueError, match="Unknown `name` 'cifar'.*'bair', 'kth', 'mni"):
        fetch("cifar", tmp_path)


def test_the_table_is_complete():
    for origin in origins.ORIGINS.values():
        assert all(place.endswith("/") for place in origin["places"])
        for size, sha256 in origin["files"].values():
            assert (size is None) == (sha256 is None)
            assert sha256 is None or len(sha256) == 64


def test_the_table_agrees_with_tensorflow_datasets():
    tfds = pytest.importorskip(
        "tensorflow_datasets", reason="tensorflow-datasets has sizes on record"
    )
    folder = tfds.core.tfds_path()
    lines = (folder / "url_checksums" / "mnist.txt").read_text().splitlines()
    lines += (folder / "url_checksums" / "fashion_mnist.txt").read_text().splitlines()
    bair = folder / "datasets" / "bair_robot_pushing_small" / "checksums.tsv"
    lines += bair.read_text().splitlines()
    known = {}
    for line in lines:
        url, size, sha256, *_ = line.split()
        known[url] = (int(size), sha256)
    for name in ("bair", "mnist", "fashion_mnist"):
        (place,) = origins.ORIGINS[name]["places"]
        for file, facts in origins.ORIGINS[name]["files"].items():
            assert known[place + file] == facts
