"""Videos that are kept open, so that the next reading need not open them again."""

import contextlib
import threading

from tfsigmavae_video.data.video_files import open_video


class OpenVideos:
    """Lends open videos to threads: one to one thread at a time.

    A video that two threads read at once is opened twice. Copies made by pickle begin
    with none open.

    Args:
        limit: how many videos to keep open that nobody reads.
    """

    def __init__(self, limit=16):
        self.limit = limit
        self._lock = threading.Lock()
        self._idle = []  # (path, member, video), the last one used last

    @contextlib.contextmanager
    def lend(self, path, member=None):
        """Gives an open `VideoFile` for the `with` block; after an error it is closed.

        Args:
            path, member: see `open_video`.
        """
        video = self._take(path, member) or open_video(path, member)
        try:
            yield video
        except BaseException:
            video.close()
            raise
        with self._lock:
            self._idle.append((path, member, video))
            surplus = self._idle[: -self.limit or None]
            del self._idle[: len(surplus)]
        for *_, old in surplus:
            old.close()

    def _take(self, path, member):
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][:2] == (path, member):
                    return self._idle.pop(place)[2]
        return None

    def __reduce__(self):
        return type(self), (self.limit,)
