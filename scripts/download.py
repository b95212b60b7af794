"""Downloads a data set of the papers; the same command goes on where it stopped.

    python scripts/download.py bair --output data/bair
    python scripts/train_video.py --preset bair --data data/bair --output runs/bair

`bair` is one tar of 32 GB that is read as it is, `kth` 1.2 GB of avi files, `mnist` and
`fashion_mnist` the digits (or clothes) of Moving MNIST and of `train_image.py`. Files
that are there are checked, not downloaded. The last line is JSON.
"""

import argparse
import json
import time

import console
import source


def main(argv=None):
    origins = source.names("tfsigmavae_video.data.origins")["ORIGINS"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("name", choices=list(origins), help="data set")
    add("--output", help="folder for the files (default: data/NAME)")
    add("--url", help="another place: address of the folder that holds the files")
    add("--retries", type=int, default=5, help="default: %(default)s")
    args = parser.parse_args(argv)
    from tfsigmavae_video.data.fetching import fetch

    started = time.time()
    output = args.output or f"data/{args.name}"
    paths = fetch(args.name, output, args.url, retries=args.retries)
    result = {"path": output, "files": [path.name for path in paths]}
    print(json.dumps({**result, "seconds": round(time.time() - started, 1)}))


if __name__ == "__main__":
    console.run(main)
