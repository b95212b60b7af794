"""The same for many videos: several at once, with news on stderr."""

import concurrent.futures
import sys
import time

# Opening waits for the disk, and FFmpeg does not hold the interpreter.
_NUM_THREADS = 8
_SECONDS_BETWEEN_NEWS = 10


def map_videos(function, items, done: str) -> list:
    """Calls a function for each item in threads; results in the order of the items.

    Args:
        function: of one item. Its first exception is raised.
        items: list.
        done: what has been done, in words: "opened" gives "12 of 90 videos opened".
    """
    results, told = [], time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        for result in pool.map(function, items):
            results.append(result)
            if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                print(
                    f"{len(results):,} of {len(items):,} videos {done}", file=sys.stderr
                )
                told = time.monotonic()
    return results
