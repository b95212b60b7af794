"""What a server's answer is, by its headers: the file, or something in its place."""

from tfsigmavae.downloads.errors import DownloadError

_PAGES = ("text/html", "application/xhtml+xml")
_PAGE_SUFFIXES = (".html", ".htm", ".xhtml")
# Some servers call a file that is compressed a file with this coding.
_GZIP, _GZIP_SUFFIXES = ("gzip", "x-gzip"), (".gz", ".tgz")


def check_is_file(url, response, path) -> None:
    """Raises unless an answer may be the bytes of the file that was asked for.

    Args:
        url: that was asked.
        response: `http.client.HTTPResponse`.
        path: `pathlib.Path` of the file to make.

    Raises:
        DownloadError: if it is a web page, which is what portals and lost links give,
            is encoded, or has no content.
    """
    suffix = path.suffix.lower()
    if response.status not in (200, 203, 206):
        raise _no_file(url, f"answers {response.status} {response.reason}")
    kind = response.headers.get_content_type()
    if kind in _PAGES and suffix not in _PAGE_SUFFIXES:
        raise _no_file(url, f"gives a web page ({kind}) in place of '{path.name}'")
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    is_of_file = coding in _GZIP and suffix in _GZIP_SUFFIXES
    if coding not in ("", "identity") and not is_of_file:
        raise _no_file(url, f"gives the file encoded ({coding}), which was not asked")


def content_length(url, response) -> int | None:
    """How many bytes are announced, if any; an error where that is no number."""
    told = response.headers.get("Content-Length")
    if told is None:
        return None
    if not (told.strip().isascii() and told.strip().isdecimal()):
        raise _no_file(url, f"gives the length '{told}'")
    return int(told)


def mark(response) -> dict:
    """What tells one state of a file on a server from another."""
    headers = response.headers
    return {"etag": headers.get("ETag"), "last_modified": headers.get("Last-Modified")}


def _no_file(url, what):
    return DownloadError(
        f"'{url}' {what}. Look at it in a browser, or name another place (`--url`)."
    )
