"""How a download can fail."""


class DownloadError(OSError):
    """A download did not end well; the message tells why and the way out."""


class DiskFullError(DownloadError):
    """There is no room for the file: another URL would not help."""


class CutError(Exception):
    """The connection broke, or was not made: another attempt may do better."""
