"""An exported image VAE, loaded where nothing but TensorFlow is imported."""

import numpy as np
from fresh_process import run_python

from tfsigmavae.export import export_saved_model


def check_served(model, images, folder, codes_atol=1e-5):
    """Exports to `folder`; every endpoint gives what the model itself gives."""
    export_saved_model(model, folder / "served")
    np.save(folder / "images.npy", images)
    run_python(
        f"""
        import numpy as np, sys, tensorflow as tf
        model = tf.saved_model.load({str(folder / "served")!r})
        images = np.load({str(folder / "images.npy")!r})
        codes = model.encode(images)
        np.savez({str(folder / "served.npz")!r}, codes=codes,
                 decoded=model.decode(codes), rebuilt=model.reconstruct(images),
                 sample=model.sample(num=4, seed=3))
        assert "tensorflow_probability" not in sys.modules
        """
    )
    served = np.load(folder / "served.npz")
    # Another graph of the same float32 operations.
    np.testing.assert_allclose(served["codes"], model.encode(images), atol=codes_atol)
    np.testing.assert_allclose(served["rebuilt"], model(images), atol=1e-5)
    np.testing.assert_allclose(served["decoded"], model(images), atol=1e-5)
    np.testing.assert_allclose(served["sample"], model.sample(4, seed=3), atol=1e-5)
