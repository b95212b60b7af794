"""Opens the model that a script is given, and data as those of its training."""


def load(path):
    """The model of a run folder or `model.keras`, and the path of its file."""
    import tfsigmavae.video  # noqa: F401 (registers the models)
    from tfsigmavae_video.models.saved_run import open_run

    return open_run(path)


def load_video_model(path):
    """As `load`; a model of images is refused."""
    model, file = load(path)
    from tfsigmavae_video.models import VideoModel

    if not isinstance(model, VideoModel):
        raise ValueError(
            f"'{file}' holds a {type(model).__name__}, a model of images: only models "
            "of videos predict. (`tfsigmavae evaluate` takes both.)"
        )
    return model, file


def data_options(file, data, given: dict) -> dict:
    """Options with which the model's training data were opened, for other data.

    Args:
        file: path of the model.
        data: path of the data to open; options that its kind does not have are left
            out, and of one video those that do not tell how to take its frames.
        given: options that win.
    """
    from tfsigmavae_video.data import loading
    from tfsigmavae_video.data.video_files import is_video
    from tfsigmavae_video.models import saved_run

    if is_video(data):
        return saved_run.reading_options(file) | given
    allowed = loading.option_defaults(data)
    found = saved_run.data_options(file).items()
    return {name: value for name, value in found if name in allowed} | given
