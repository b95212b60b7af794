"""Package metadata. The folder `video/` is installed as `tfsigmavae_video`."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "tfsigmavae/version.py").read_text()
)[1]

# `import tensorflow_probability` loads tf-keras, which must match TensorFlow's minor.
INSTALL_REQUIRES = [
    "tensorflow>=2.21,<2.22",
    "tf-keras>=2.21,<2.22",
    "tensorflow-probability>=0.25,<0.26",
    "keras>=3.12,<4",
    "numpy>=1.26",
    "imageio>=2.31",
    "pillow>=10",
    "pymunk>=6.6",
]

setup(
    name="tfsigmavae",
    version=VERSION,
    description="Calibrated VAEs and stochastic video prediction in Keras 3",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["tfsigmavae", "tfsigmavae.*"])
    + ["tfsigmavae_video"]
    + ["tfsigmavae_video." + name for name in find_packages("video")],
    package_dir={"tfsigmavae_video": "video"},
    package_data={"tfsigmavae": ["py.typed"], "tfsigmavae_video": ["py.typed"]},
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "tensorboard": ["tensorboard>=2.18"],
        "datasets": ["tensorflow-datasets>=4.9.6"],
        "mp4": ["imageio[pyav]"],
        "test": ["pytest>=8", "ruff>=0.6", "build>=1.2"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
