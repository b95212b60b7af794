"""What `import tfsigmavae` brings at once, and what comes when it is first used."""

import importlib
import json
import pkgutil

import keras
import numpy as np
import pytest
from fresh_process import run_python

import tfsigmavae as sv

LAZY = ["tfsigmavae.data", "tfsigmavae.pictures", "tfsigmavae.callbacks"]


def _registered_in_our_modules():
    """Names that Keras has of all modules of the library, video's left out."""
    for module in pkgutil.walk_packages(sv.__path__, "tfsigmavae."):
        if module.name != "tfsigmavae.video":
            importlib.import_module(module.name)
    return {
        name
        for name, thing in keras.saving.get_custom_objects().items()
        if thing.__module__.startswith("tfsigmavae.")
    }


def test_layers_alone_need_no_pictures_and_register_all_that_a_model_may_hold(tmp_path):
    code = """
        import json, sys
        # `None` stands for a package that is not installed.
        sys.modules |= dict.fromkeys(["PIL", "imageio", "pymunk"])
        import keras
        import tfsigmavae.layers as tfpl
        registered = list(keras.saving.get_custom_objects())
        import tfsigmavae as sv
        sv.ConvVAE((8, 8, 1), latent_size=2)
        loaded = [name for name in sys.modules if "tfsigmavae" in name]
        print(json.dumps([loaded, registered]))
    """
    loaded, names = json.loads(run_python(code, cwd=tmp_path).splitlines()[-1])
    assert "tfsigmavae.layers" in loaded and not set(LAZY) & set(loaded)
    assert not [name for name in loaded if name.startswith("tfsigmavae_video")]
    assert _registered_in_our_modules() == set(names)


def test_a_saved_model_is_found_and_what_comes_later_is_there_when_asked_for(tmp_path):
    model = sv.ConvVAE((8, 8, 1), latent_size=2, seed=0)
    image = np.full([1, 8, 8, 1], 0.5, np.float32)
    expected = np.sum(model.reconstruct(image))
    model.save(tmp_path / "model.keras")
    code = """
        import keras
        import numpy as np
        import tfsigmavae as sv
        model = keras.models.load_model("model.keras")
        assert type(model) is sv.ConvVAE
        image = np.full([1, 8, 8, 1], 0.5, np.float32)

        assert {"video", "data", "RunFolder"} <= set(dir(sv))
        assert sv.data.images.load and sv.pictures.write_png and sv.video.SVGLP
        from tfsigmavae import StopOnInterrupt, TrainingCheckpoint, data, images
        assert StopOnInterrupt is sv.StopOnInterrupt and data is sv.data
        names = {}
        exec("from tfsigmavae import *", names)
        assert set(sv.__all__) <= set(names)
        print(float(np.sum(model.reconstruct(image))))
    """
    printed = run_python(code, cwd=tmp_path).splitlines()[-1]
    np.testing.assert_allclose(float(printed), expected, rtol=1e-5)


def test_other_names_are_missing_as_from_any_module():
    assert not hasattr(sv, "no_such_name")
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from tfsigmavae import no_such_name")
