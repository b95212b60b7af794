"""Package metadata. The folder `video/` is installed as `tfsigmavae_video`."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "tfsigmavae/version.py").read_text()
)[1]

# Both ends of each range were installed together and run. `import
# tensorflow_probability` loads tf-keras, which itself asks for TensorFlow's minor, so
# pip always picks a matching pair; TFP 0.25 refuses TensorFlow before 2.18.
INSTALL_REQUIRES = [
    "tensorflow>=2.18,<2.22",
    "tf-keras>=2.18,<2.22",
    "tensorflow-probability>=0.25,<0.26",
    "keras>=3.12,<4",
    "numpy>=1.26",
    "imageio>=2.31",
    "pillow>=10.1",
    "pymunk>=6.6",
    "jinja2>=3.1",
    "matplotlib>=3.8",
]

setup(
    name="tfsigmavae",
    version=VERSION,
    description="Calibrated VAEs and stochastic video prediction in Keras 3",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfsigmavae authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "keras",
        "tensorflow",
        "tensorflow-probability",
        "tfp.layers",
        "keras 3",
        "probabilistic layers",
        "distribution layers",
        "mixture density network",
        "bayesian neural network",
        "vae",
        "variational autoencoder",
        "stochastic video prediction",
        "sigma-vae",
        "svg-lp",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["tfsigmavae", "tfsigmavae.*"])
    + ["tfsigmavae_video"]
    + ["tfsigmavae_video." + name for name in find_packages("video")],
    package_dir={"tfsigmavae_video": "video"},
    package_data={
        "tfsigmavae": ["py.typed", "evaluation/report/templates/*"],
        "tfsigmavae_video": ["py.typed"],
    },
    zip_safe=False,
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "tensorboard": ["tensorboard>=2.18"],
        # The bound on etils spares pip a search of minutes on Python 3.10.
        "datasets": [
            "tensorflow-datasets>=4.9.6",
            "etils<1.14; python_version < '3.11'",
        ],
        "mp4": ["imageio[pyav]>=2.31"],
        # 17.0 ends the process on some mpg files, 16 takes full range for limited.
        "video": ["av>=17.1"],
        "reproduce": [],  # all need matplotlib now; commands may still name it
        "svhn": [],  # its files are read without SciPy now
        # xdist: two workers nearly halve the time of the tests. scikit-image,
        # scoringrules and scipy: oracles of formulas; scipy also writes SVHN's files.
        # hypothesis: damages files.
        # setuptools: so that the test of the package builds it without the network.
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "av>=17.1",
            "scikit-image>=0.22",
            "scipy>=1.11",
            "scoringrules>=0.7",
            "hypothesis>=6.100",
            "ruff>=0.9",
            "build>=1.2",
            "setuptools>=77",
        ],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
