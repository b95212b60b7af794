"""Package metadata, and how folders of the source are called once installed."""

import os
import pathlib
import re

from setuptools import find_packages, setup
from setuptools.command.editable_wheel import editable_wheel

HERE = pathlib.Path(__file__).parent
# Where the sources are. README.md, which the package index shows too, and mkdocs.yml
# name it as well; a test holds them together.
REPOSITORY = "https://github.com/tfsigmavae/tfsigmavae"
# Import name -> folder.
FOLDERS = {
    "tfsigmavae": "tfsigmavae",
    "tfsigmavae_commands": "scripts/commands",
    "tfsigmavae_video": "video",
}
LINKS = ".links"
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


class EditableWheel(editable_wheel):
    """`pip install -e`: a folder of links on the path, named as the packages are.

    By itself setuptools would hide packages whose folders are called otherwise behind
    an import hook, which no editor can look through; and Python would take a clone in
    the working directory, `./tfsigmavae/`, for a package without files before it asks
    the hook.
    """

    def finalize_options(self):
        links = pathlib.Path(self.distribution.src_root or os.curdir, LINKS)
        try:
            links.mkdir(exist_ok=True)
            for name, folder in FOLDERS.items():
                (links / name).unlink(missing_ok=True)
                (links / name).symlink_to(pathlib.Path("..", folder), True)
            self.distribution.package_dir = {"": LINKS}
        except OSError:  # no right to make links: setuptools' hook
            pass
        super().finalize_options()


setup(
    name="tfsigmavae",
    version=VERSION,
    description="Calibrated VAEs and stochastic video prediction in Keras 3",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfsigmavae authors",
    url=REPOSITORY,
    project_urls={
        "Source": REPOSITORY,
        "Documentation": f"{REPOSITORY}/tree/main/docs",
        "Changelog": f"{REPOSITORY}/blob/main/CHANGELOG.md",
    },
    license_expression="Apache-2.0",
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
    packages=[
        package
        for name, folder in FOLDERS.items()
        for package in [name, *(f"{name}.{part}" for part in find_packages(folder))]
    ],
    package_dir=dict(FOLDERS),
    cmdclass={"editable_wheel": EditableWheel},
    entry_points={"console_scripts": ["tfsigmavae=tfsigmavae_commands.__main__:main"]},
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
        # The site, `make docs`. ruff: breaks long signatures into lines. The last
        # mkdocstrings for Python 3.10 fails with later pymdown-extensions.
        "docs": [
            "mkdocs>=1.6,<2",
            "mkdocs-material>=9.6,<10",
            "mkdocstrings>=1.0",
            "mkdocstrings-python>=2.0",
            "pymdown-extensions<11; python_version < '3.11'",
            "ruff>=0.9",
        ],
        # xdist: two workers nearly halve the time of the tests. scikit-image,
        # scoringrules and scipy: oracles of formulas; scipy also writes SVHN's files.
        # hypothesis: damages files. basedpyright: pyright, with a Node.js of its own.
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
            "basedpyright>=1.31",
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
