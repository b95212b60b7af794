"""Downloads from a server in a thread that does all that servers and networks do."""

import contextlib
import errno
import fcntl
import hashlib
import http.server
import os
import re
import threading

import numpy as np
import pytest

from tfsigmavae import downloads
from tfsigmavae.downloads import DownloadError, news, transfer
from tfsigmavae.files import read_json

CONTENT = np.random.default_rng(0).bytes(100_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# A little at a time, and no waiting.
QUICK = {"wait": 0.0, "timeout": 5.0, "progress": False}


class Server(http.server.BaseHTTPRequestHandler):
    """What the tests set on the server decides what it does."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        content, first = server.content, 0
        etag, condition = server.headers.get("ETag"), self.headers.get("If-Range")
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.conditions.append(condition)
        may_resume = condition in (None, etag) or server.ignores_conditions
        if asked and server.has_ranges and may_resume:
            first = int(asked[1])
            if first >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            told = first + server.shift
            self.send_header(
                "Content-Range", f"bytes {told}-{len(content) - 1}/{len(content)}"
            )
        else:
            self.send_response(server.status)
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - first))
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        end = server.cuts.pop(0) if server.cuts else len(content)
        self.wfile.write(content[first : max(end, first)] + server.more)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    served.content, served.headers, served.asked = CONTENT, {"ETag": '"one"'}, []
    # Where connections break; answers that are errors; and what else servers do.
    served.cuts, served.statuses, served.conditions = [], [], []
    served.ignores_conditions, served.status, served.more = False, 200, b""
    served.has_ranges, served.tells_length, served.shift = True, True, 0
    served.url = f"http://127.0.0.1:{served.server_port}/clips.tar"
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 1_000)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_is_recorded(server, tmp_path):
    path = downloads.download(server.url, tmp_path / "new" / "clips.tar", **QUICK)
    assert path.read_bytes() == CONTENT
    record = read_json(path.with_name("clips.tar.json"))
    assert (record["size"], record["sha256"]) == (len(CONTENT), SHA256)
    assert record["origin"]["url"] == server.url
    assert names(path.parent) == ["clips.tar", "clips.tar.json"]


def test_what_is_there_is_checked_and_not_downloaded(server, tmp_path):
    path = downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    downloads.download(server.url, path, **QUICK)
    assert server.asked == [None]
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(DownloadError, match=f"SHA-256 .*not {SHA256}.*Delete it"):
        downloads.download(server.url, path, **QUICK)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DownloadError, match="99,999 bytes, not 100,000"):
        downloads.download(server.url, path, **QUICK)
    # One that was copied there is written down.
    other = tmp_path / "copied.tar"
    other.write_bytes(b"abc")
    downloads.download(server.url, other, **QUICK)
    assert read_json(tmp_path / "copied.tar.json")["size"] == 3


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [10, 40_000, 40_000, 99_999]
    path = downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    assert path.read_bytes() == CONTENT
    firsts = [None, *(f"bytes={n}-" for n in (10, 40_000, 40_000, 99_999))]
    assert server.asked == firsts


def test_another_call_goes_on(server, tmp_path):
    path = tmp_path / "clips.tar"
    server.cuts = [60_000, 0, 0]
    with pytest.raises(DownloadError, match="failed 2 times.*cut after 60,000 of 100,"):
        downloads.download(server.url, path, retries=1, **QUICK)
    assert names(tmp_path) == ["clips.tar.partial", "clips.tar.partial.json"]
    server.asked.clear()
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT and server.asked == ["bytes=60000-"]
    assert server.conditions[-1] == '"one"'


def test_a_file_that_has_changed_is_begun_anew(server, tmp_path, capsys):
    path = tmp_path / "clips.tar"
    changes = {
        "another etag": ('"two"', CONTENT[::-1][:50_000]),
        "shorter": ('"one"', CONTENT[:50_000]),
        "another size": ('"one"', CONTENT[::-1] + b"more"),
    }
    for change, (etag, new) in changes.items():
        server.headers = {"ETag": '"one"'}
        server.cuts = [60_000, 0]
        with pytest.raises(DownloadError):
            downloads.download(server.url, path, retries=0, **QUICK)
        server.headers = {"ETag": etag}
        server.content = new
        downloads.download(server.url, path, **{**QUICK, "progress": None})
        assert path.read_bytes() == new, change
        assert "another one now" in capsys.readouterr().err
        path.unlink()
        path.with_name("clips.tar.json").unlink()
        server.content = CONTENT


def test_a_server_without_ranges_begins_again(server, tmp_path, capsys):
    server.has_ranges = False
    server.cuts = [60_000, 70_000, 100]
    path = tmp_path / "clips.tar"
    downloads.download(server.url, path, **{**QUICK, "progress": None})
    assert path.read_bytes() == CONTENT
    assert capsys.readouterr().err.count("cannot be resumed there") == 3
    # It gives up where nothing new comes, though there are bytes each time.
    path.unlink()
    server.cuts = [60_000] * 9
    with pytest.raises(DownloadError, match="failed 3 times in a row"):
        downloads.download(server.url, path, retries=2, **QUICK)


def test_a_wrong_range_is_told(server, tmp_path):
    server.shift, server.cuts = 7, [60_000]
    with pytest.raises(
        DownloadError, match="from 60000 on and sent 'bytes 60007-.*url"
    ):
        downloads.download(server.url, tmp_path / "clips.tar", **QUICK)


def test_without_a_length_the_end_is_the_end(server, tmp_path):
    server.tells_length = False
    path = downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    assert path.read_bytes() == CONTENT
    path.unlink()
    path.with_name("clips.tar.json").unlink()
    server.cuts = [60_000]  # looks like the end: only its size can tell
    path = downloads.download(server.url, path, size=len(CONTENT), **QUICK)
    assert path.read_bytes() == CONTENT


def test_a_file_that_is_missing_is_told(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(
        DownloadError, match="cannot be had: the server says 404.*--url"
    ):
        downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    assert not names(tmp_path) and len(server.asked) == 1


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    server.statuses = [503, 429, 500]
    path = downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    assert path.read_bytes() == CONTENT


def test_a_refused_connection_is_told(server, tmp_path):
    url = "http://127.0.0.1:9/clips.tar"  # the port of discard, where nobody listens
    with pytest.raises(DownloadError, match="failed 2 times .*no connection.*refused"):
        downloads.download(url, tmp_path / "clips.tar", retries=1, **QUICK)
    assert not names(tmp_path)
    # The next mirror may do; of both, each is told.
    downloads.download([url, server.url], tmp_path / "a.tar", retries=0, **QUICK)
    server.statuses = [404]
    with pytest.raises(DownloadError, match="refused.*says 404"):
        downloads.download([url, server.url], tmp_path / "b.tar", retries=0, **QUICK)


def test_a_mirror_goes_on_only_where_a_checksum_tells(server, tmp_path):
    mirror = server.url.replace("clips", "mirror")
    for sha256, asked in ((SHA256, "bytes=60000-"), (None, None)):
        path = tmp_path / f"{asked}.tar"
        server.cuts = [60_000, 0]
        with contextlib.suppress(DownloadError):
            with_one = {**QUICK, "retries": 0, "sha256": sha256}
            downloads.download(server.url, path, **with_one)
        assert path.with_name(path.name + ".partial").stat().st_size == 60_000
        server.asked.clear()
        downloads.download(mirror, path, sha256=sha256, **QUICK)
        assert path.read_bytes() == CONTENT and server.asked == [asked]


def test_a_page_in_place_of_the_file_is_told(server, tmp_path):
    server.content = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match="has 26 bytes, and the file has 100,000"):
        downloads.download(server.url, tmp_path / "a.tar", size=100_000, **QUICK)
    server.content = CONTENT[::-1]
    with pytest.raises(DownloadError, match=f"SHA-256 .*not {SHA256}"):
        downloads.download(server.url, tmp_path / "a.tar", sha256=SHA256, **QUICK)
    assert not (tmp_path / "a.tar").exists()


def test_a_full_disk_is_told_and_the_same_call_goes_on(server, tmp_path, monkeypatch):
    path = tmp_path / "clips.tar"
    usage = transfer.shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(
            transfer.shutil, "disk_usage", lambda folder: usage._replace(free=99_999)
        )
        with pytest.raises(DownloadError, match="disk is full.*100,000 more.*99,999"):
            downloads.download(server.url, path, **QUICK)
    room = [30_000]

    def write(self, stream, chunk, original=transfer.Transfer._write):
        room[0] -= len(chunk)
        if room[0] < 0:
            stream.write(chunk[:500])
            stream = FullStream()
        original(self, stream, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(transfer.Transfer, "_write", write)
        with pytest.raises(DownloadError, match="disk is full.*same again"):
            downloads.download([server.url] * 2, path, **QUICK)
    server.asked.clear()
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT and server.asked == ["bytes=30500-"]


class FullStream:
    def write(self, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_two_processes_do_not_write_to_one_file(server, tmp_path):
    path = tmp_path / "clips.tar"
    with (
        downloads.download.__globals__["_alone"](tmp_path / "clips.tar.partial"),
        pytest.raises(DownloadError, match="Another process is downloading"),
    ):
        downloads.download(server.url, path, **QUICK)


def test_other_urls_are_refused(tmp_path):
    with pytest.raises(ValueError, match="http:// or https://, got 'ftp://x/y'"):
        downloads.download("ftp://x/y", tmp_path / "y")


@pytest.mark.parametrize(
    "arguments, text",
    [
        (
            (1.2e9, 32_274_964_480, 85.06e6),
            "1.2 of 32.3 GB (3 %), 85.1 MB/s, 6 min left",
        ),
        ((5e5, 1_648_877, 1e4), "0.5 of 1.6 MB (30 %), 0.0 MB/s, 2 min left"),
        ((0, 10**9, 0.0), "0.0 of 1.0 GB (0 %), 0.0 MB/s, unknown time left"),
        ((2e6, None, 1e6), "2.0 MB, 1.0 MB/s"),
    ],
)
def test_rate_and_time_left_are_told(arguments, text):
    assert news.describe(*arguments) == text


def test_times_are_told_as_people_do():
    told = [news.duration(seconds) for seconds in (7, 89, 100, 5_340, 7_500)]
    assert told == ["7 s", "89 s", "2 min", "89 min", "2 h 5 min"]


def test_progress_is_one_line_or_a_line_now_and_then(
    server, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(news, "_SECONDS_SHOWN", 0.0)
    downloads.download(server.url, tmp_path / "a.tar", progress=True)
    shown = capsys.readouterr().err
    assert "\ra.tar: 0.1 of 0.1 MB (100 %)" in shown and "a.tar: checking" in shown
    assert shown.count("\n") == 2
    monkeypatch.setattr(news, "_SECONDS_BETWEEN_LINES", 0.0)
    downloads.download(server.url, tmp_path / "b.tar")
    assert "\r" not in capsys.readouterr().err


def cut(server, path, **options):
    """A download that stops after 60,000 bytes."""
    server.cuts = [60_000, 0]
    with pytest.raises(DownloadError):
        downloads.download(server.url, path, retries=0, **QUICK, **options)
    server.cuts = []
    server.asked.clear()
    server.conditions.clear()


PAGE = {"Content-Type": "text/html; charset=utf-8", "ETag": '"page"'}


def test_a_web_page_is_refused_and_leaves_nothing(server, tmp_path):
    """A portal answers 200 whatever is asked."""
    path = tmp_path / "clips.tar"
    server.content, server.headers = b"<html>please log in</html>", PAGE
    with pytest.raises(DownloadError, match=r"web page \(text/html\) in place of"):
        downloads.download(server.url, path, **QUICK)
    assert not names(tmp_path)
    # One that was asked for is a file as others are.
    downloads.download(server.url, tmp_path / "page.html", **QUICK)
    assert (tmp_path / "page.html").read_bytes() == server.content


def test_a_web_page_does_not_replace_what_has_come(server, tmp_path):
    path = tmp_path / "clips.tar"
    cut(server, path)
    server.content, server.headers = b"<html>please log in</html>", PAGE
    with pytest.raises(DownloadError, match="web page"):
        downloads.download(server.url, path, **QUICK)
    server.content, server.headers = CONTENT, {"ETag": '"one"'}
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT and server.asked[-1] == "bytes=60000-"


def test_a_record_of_a_deleted_file_does_not_count(server, tmp_path):
    path = tmp_path / "clips.tar"
    server.content = b"another file"
    downloads.download(server.url, path, **QUICK)
    server.content = CONTENT
    path.write_bytes(CONTENT)
    with pytest.raises(DownloadError, match=r"'clips.tar.json' says\). Delete it"):
        downloads.download(server.url, path, **QUICK)
    path.unlink()
    downloads.download(server.url, path, **QUICK)
    assert read_json(tmp_path / "clips.tar.json")["sha256"] == SHA256
    downloads.download(server.url, path, **QUICK)


@pytest.mark.parametrize("tells_length", [True, False])
def test_more_bytes_than_announced_are_refused(server, tmp_path, tells_length):
    path = tmp_path / "clips.tar"
    cut(server, path)
    server.tells_length, server.more = False, b"and more"
    if tells_length:
        server.headers = {"ETag": '"one"', "Content-Length": "40008"}
    with pytest.raises(DownloadError, match="sends more than the 100,000 bytes"):
        downloads.download(server.url, path, **QUICK)
    assert (tmp_path / "clips.tar.partial").stat().st_size == 60_000
    server.more, server.headers = b"", {"ETag": '"one"'}
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT
    # Nor where only the caller knows the size.
    server.more = b"and more"
    with pytest.raises(DownloadError, match="sends more than the 100,000 bytes"):
        downloads.download(server.url, tmp_path / "b", size=len(CONTENT), **QUICK)


@pytest.mark.parametrize(
    "headers, words",
    [
        ({"Content-Length": "abc"}, "gives the length 'abc'"),
        ({"Content-Encoding": "gzip"}, "gives the file encoded"),
    ],
)
def test_answers_that_make_no_sense_are_told(server, tmp_path, headers, words):
    server.tells_length, server.headers = False, headers
    with pytest.raises(DownloadError, match=words):
        downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    assert not names(tmp_path)


def test_a_compressed_file_is_not_an_encoded_one(server, tmp_path):
    """Apache says so of files whose name ends in .gz, and sends them as they are."""
    server.headers = {"Content-Encoding": "x-gzip"}
    path = downloads.download(server.url, tmp_path / "clips.tgz", **QUICK)
    assert path.read_bytes() == CONTENT


def test_an_answer_without_content_is_told(server, tmp_path):
    server.status = 204
    with pytest.raises(DownloadError, match="answers 204 No Content"):
        downloads.download(server.url, tmp_path / "clips.tar", **QUICK)


def test_a_part_that_was_not_asked_for_is_taken_if_it_is_the_beginning(
    server, tmp_path
):
    server.status = 206
    server.headers = {"Content-Range": "bytes 0-99999/100000"}
    path = downloads.download(server.url, tmp_path / "a.tar", **QUICK)
    assert path.read_bytes() == CONTENT
    server.headers = {"Content-Range": "bytes 5-99999/100000"}
    with pytest.raises(DownloadError, match="from 0 on and sent 'bytes 5-"):
        downloads.download(server.url, tmp_path / "b.tar", **QUICK)


@pytest.mark.parametrize("notes", ["{", "[]", '{"url": 1}', "\xff"])
def test_damaged_notes_begin_anew(server, tmp_path, capsys, notes):
    path = tmp_path / "clips.tar"
    cut(server, path)
    notes_file = tmp_path / "clips.tar.partial.json"
    notes_file.write_bytes(notes.encode("latin1"))
    downloads.download(server.url, path, **{**QUICK, "progress": None})
    assert path.read_bytes() == CONTENT and server.asked == [None]
    assert "partial.json' is damaged: beginning again" in capsys.readouterr().err


def test_a_damaged_record_is_told(server, tmp_path):
    path = downloads.download(server.url, tmp_path / "clips.tar", **QUICK)
    (tmp_path / "clips.tar.json").write_text("{")
    with pytest.raises(DownloadError, match="clips.tar.json' is damaged. Delete it"):
        downloads.download(server.url, path, **QUICK)


def test_a_folder_is_no_file_to_make(server, tmp_path):
    with pytest.raises(DownloadError, match="is a folder. Name the file"):
        downloads.download(server.url, tmp_path, **QUICK)


def test_a_checksum_may_be_in_capitals(server, tmp_path):
    path = tmp_path / "clips.tar"
    for _ in range(2):
        downloads.download(server.url, path, sha256=SHA256.upper(), **QUICK)
    assert read_json(tmp_path / "clips.tar.json")["sha256"] == SHA256


def test_what_another_process_has_made_meanwhile_is_taken(
    server, tmp_path, monkeypatch
):
    path = tmp_path / "clips.tar"
    alone = downloads.download.__globals__["_alone"]

    @contextlib.contextmanager
    def later(partial):
        monkeypatch.undo()
        downloads.download(server.url, path, **QUICK)
        with alone(partial):
            yield

    monkeypatch.setitem(downloads.download.__globals__, "_alone", later)
    downloads.download(server.url, path, **QUICK)
    assert server.asked == [None]
    assert names(tmp_path) == ["clips.tar", "clips.tar.json"]


@pytest.mark.parametrize("ending", ["finishes", "fails"])
def test_another_process_may_end_just_before_the_lock(
    server, tmp_path, monkeypatch, ending
):
    """The file that was opened has then another name, or none."""
    path, flock = tmp_path / "clips.tar", fcntl.flock

    def late(stream, how):
        monkeypatch.undo()
        if ending == "fails":
            os.unlink(stream.name)
        else:
            downloads.download(server.url, path, **QUICK)
        flock(stream, how)

    monkeypatch.setattr(fcntl, "flock", late)
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT and server.asked == [None]
    assert names(tmp_path) == ["clips.tar", "clips.tar.json"]


def test_a_weak_mark_is_not_a_condition(server, tmp_path):
    """A server must not compare it by If-Range: RFC 9110, 13.1.5."""
    path = tmp_path / "clips.tar"
    server.headers = {"ETag": 'W/"one"'}
    cut(server, path)
    downloads.download(server.url, path, **QUICK)
    assert server.conditions == [None] and server.asked == ["bytes=60000-"]


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"'])
def test_a_part_of_another_file_is_not_put_behind_it(server, tmp_path, etag):
    """Of the same size, from a server that ignores the condition."""
    path = tmp_path / "clips.tar"
    server.headers = {"ETag": etag}
    cut(server, path)
    server.ignores_conditions = True
    server.headers, server.content = {"ETag": '"two"'}, CONTENT[::-1]
    downloads.download(server.url, path, **QUICK)
    assert path.read_bytes() == CONTENT[::-1]
    assert server.asked == ["bytes=60000-", None]
