"""Where the data sets of the papers can be downloaded. Plain data.

Sizes and SHA-256 are those that tensorflow-datasets has on record; of files without
them, the first download is written down.
"""

_BAIR = "http://rail.eecs.berkeley.edu/datasets/"
_KTH = "https://www.csc.kth.se/cvap/actions/"
_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_KTH_ACTIONS = "boxing handclapping handwaving jogging running walking".split()

# Name -> places, each the beginning of a URL, and files: name -> (bytes, SHA-256).
ORIGINS = {
    "bair": {
        "places": [_BAIR],
        "files": {
            "bair_robot_pushing_dataset_v0.tar": (
                32_274_964_480,
                "c6f8d164ab2be07174ef597e3e070d7466f3142caddc467b6af119b9458cd9cd",
            ),
        },
    },
    "kth": {
        "places": [_KTH],
        "files": dict.fromkeys(
            ["00sequences.txt", *(f"{action}.zip" for action in _KTH_ACTIONS)],
            (None, None),
        ),
    },
    "mnist": {
        "places": [_MNIST],
        "files": {
            "train-images-idx3-ubyte.gz": (
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            "train-labels-idx1-ubyte.gz": (
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            "t10k-images-idx3-ubyte.gz": (
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        },
    },
    "fashion_mnist": {
        "places": [_FASHION],
        "files": {
            "train-images-idx3-ubyte.gz": (
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            "train-labels-idx1-ubyte.gz": (
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            "t10k-images-idx3-ubyte.gz": (
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            "t10k-labels-idx1-ubyte.gz": (
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        },
    },
}
