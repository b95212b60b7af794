"""A stand-in for Keras' export, which writes what a test says.

Not `tf.saved_model.save`: Keras loads that anew in a process that has not exported
before, and a test that puts its own there then passes or fails by its place in the run.
"""

import pathlib

import keras


def write_instead(monkeypatch, action):
    """Lets `ExportArchive.write_out` call `action(folder)`, a `pathlib.Path`."""

    class Archive:
        def track(self, model):
            pass

        def add_variable_collection(self, name, variables):
            pass

        def add_endpoint(self, name, function, input_signature=None):
            pass

        def write_out(self, folder, **_):
            action(pathlib.Path(folder))

    monkeypatch.setattr(keras.export, "ExportArchive", Archive)
