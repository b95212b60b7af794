"""Samples futures with a trained model and draws them as GIF and film strip.

    tfsigmavae predict --model runs/demo --data data/pushing
    tfsigmavae predict --model runs/mine --data clip.mp4 --start end
    tfsigmavae predict ... --actions left --actions up,up,right

Columns are clips; rows are the truth, the reconstruction, the best of all samples, two
samples and their mean. With --actions, columns are futures of one clip under these, and
rows are samples. Given frames are framed green, predicted ones red. Videos are read as
those that the model was trained on, and play at their own rate. The last line printed
is the result as JSON.
"""

import json
import pathlib
import sys

from tfsigmavae_commands import console, outcome, predict_flags, saved

HOW = ("num_frames", "num_samples", "seed", "format")


def main(argv=None):
    args = predict_flags.parse(argv, __doc__)
    console.load()
    from tfsigmavae import video

    saved.import_all(args.modules)
    model, path = saved.load_video_model(args.model)
    plans = video.read_plans(args.actions, model.action_size)
    is_single = video.is_video(args.data) and not plans
    options = saved.data_options(path, args.data, dict(args.data_options))
    how = {key: getattr(args, key) for key in HOW}
    output = pathlib.Path(args.output or path.parent / "predictions")
    if args.start != 0 and not is_single:
        raise ValueError("--start is for one video, and without --actions.")
    if is_single:
        how |= {"start": args.start}
        drawn = video.predict_file(model, args.data, output, **how, **options)
    else:
        length = model.num_context + args.num_frames
        options |= {"min_frames": length, "with_actions": model.action_size > 0}
        options |= {"frame_shape": model.frame_shape}
        source = video.load_clips(args.data, args.split, **options)
        clips = video.first_clips(source, args.num_clips, length)
        shown = f"{len(clips['frames'])} of the {len(source)} clips of the {args.split}"
        print(f"Drawing {shown} split (--split, --num-clips).", file=sys.stderr)
        fps = video.playing_fps(source, args.format)
        how |= {"actions": clips.get("actions"), "fps": fps}
        draw = video.write_prediction
        if plans:
            draw, how = video.write_steered, how | {"plans": plans}
        drawn = draw(model, clips["frames"], folder=output, **how)
    texts = "what may come next: open it in a browser", "the same as one picture"
    outcome.tell_made(dict(zip(map(str, drawn), texts, strict=False)))
    print(json.dumps({"animation": str(drawn[0]), "film_strip": str(drawn[1])}))
