"""Downloads that go on where they stopped, and are checked; standard library only.

from tfsigmavae.downloads import download

download("http://localhost:8000/clips.tar", "data/clips.tar")
"""

from tfsigmavae.downloads.download import download
from tfsigmavae.downloads.errors import DownloadError

__all__ = ["DownloadError", "download"]
