"""Where the reproduction keeps what.

OUTPUT/plan.json     every run and its options     results.csv  one row a run
OUTPUT/report.md     what held, and what did not   plots/*.png
OUTPUT/features/STUDY/   the feature network       logs/NAME.log
OUTPUT/runs/NAME/    the run folder, scores.json and pictures.npz
"""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Files:
    """Paths below one output folder."""

    output: pathlib.Path

    @property
    def plan(self):
        return self.output / "plan.json"

    @property
    def results(self):
        return self.output / "results.csv"

    @property
    def report(self):
        return self.output / "report.md"

    @property
    def plots(self):
        return self.output / "plots"

    def features(self, study):
        return self.output / "features" / study

    def features_record(self, study):
        return self.features(study) / "features.json"

    def run(self, name):
        return self.output / "runs" / name

    def summary(self, name):
        return self.run(name) / "summary.json"

    def scores(self, name):
        return self.run(name) / "scores.json"

    def history(self, name):
        return self.run(name) / "history.csv"

    def pictures(self, name):
        return self.run(name) / "pictures.npz"

    def log(self, name):
        return self.output / "logs" / f"{name}.log"
