"""Downloads a data set of the papers; the same command goes on where it stopped.

    tfsigmavae data download bair --output data/bair
    tfsigmavae train video --preset bair --data data/bair --output runs/bair

`bair` is one tar of 32 GB that is read as it is, `kth` 1.2 GB of avi files, `mnist` and
`fashion_mnist` the digits (or clothes) of Moving MNIST and of `train images`. Files
that are there are checked, not downloaded. The last line is JSON.
"""

import json
import time

from tfsigmavae_commands import console, source
from tfsigmavae_commands.parsing import Parser


def main(argv=None):
    origins = source.names("tfsigmavae_video.data.origins")["ORIGINS"]
    parser = Parser("data download", __doc__)
    add = parser.add_argument
    add("name", choices=list(origins), help="data set")
    add("--output", help="folder for the files (default: data/NAME)")
    add("--url", help="another place: address of the folder that holds the files")
    add("--retries", type=int, default=5, help="default: %(default)s")
    args = parser.parse_args(argv)
    console.load()
    from tfsigmavae_video.data.fetching import fetch

    started = time.time()
    output = args.output or f"data/{args.name}"
    paths = fetch(args.name, output, args.url, retries=args.retries)
    result = {"path": output, "files": [path.name for path in paths]}
    print(json.dumps({**result, "seconds": round(time.time() - started, 1)}))
