"""Samples futures with a trained model and draws them as GIF and film strip.

    python scripts/predict_video.py --model runs/demo/model.keras --data data/pushing
    python scripts/predict_video.py --model runs/mine --data clip.mp4 --start end
    python scripts/predict_video.py ... --actions left --actions up,up,right

Columns are clips; rows are the truth, the reconstruction, the best of all samples, two
samples and their mean. With --actions, columns are futures of one clip under these, and
rows are samples. Given frames are framed green, predicted ones red. Videos are read as
those that the model was trained on, and play at their own rate. The last line printed
is the result as JSON.
"""

import argparse
import json
import pathlib

import console
import flags
import saved

ACTIONS = """sequence of actions for the future, the last one held: 'left,left,up' (also
right, down, stay; for models of the pushing data), or a .csv or .npy file with a row of
numbers a step; repeat the flag for a column each"""
HOW = ("num_frames", "num_samples", "seed", "format")


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, help="a run folder or its model.keras")
    add("--data", required=True, help="a video, a folder of videos, or a data set")
    add("--split", default="test", help="train or test (default: %(default)s)")
    add("--start", default="0", help="first frame given of one video, or 'end'")
    add("--output", help="folder to write (default: predictions/ beside the model)")
    add("--actions", action="append", default=[], help=ACTIONS)
    add("--num-frames", type=int, default=10, help="to predict (default: %(default)s)")
    add("--num-samples", type=int, help="per clip (default: 10; 2 with --actions)")
    add("--num-clips", type=int, help="clips (default: 4; 1 with --actions)")
    add("--seed", type=int, default=0, help="of the samples (default: %(default)s)")
    add("--format", default="gif", choices=["gif", "mp4", "webp", "apng"])
    option = {"type": flags.option, "nargs": "+", "default": []}
    add("--data-options", **option, metavar="NAME=VALUE", help="other than training's")
    args = parser.parse_args(argv)
    samples, clips = (2, 1) if args.actions else (10, 4)
    args.num_samples = samples if args.num_samples is None else args.num_samples
    args.num_clips = clips if args.num_clips is None else args.num_clips
    return args


def main(argv=None):
    args = parse(argv)
    from tfsigmavae import video

    model, path = saved.load(args.model)
    plans = video.read_plans(args.actions, model.action_size)
    options = saved.data_options(path, args.data, dict(args.data_options))
    how = {key: getattr(args, key) for key in HOW}
    output = pathlib.Path(args.output or path.parent / "predictions")
    if video.is_video(args.data) and not plans:
        how |= {"start": args.start if args.start == "end" else int(args.start)}
        drawn = video.predict_file(model, args.data, output, **how, **options)
    else:
        length = model.num_context + args.num_frames
        options |= {"min_frames": length, "with_actions": model.action_size > 0}
        options |= {"frame_shape": model.frame_shape}
        source = video.load_clips(args.data, args.split, **options)
        clips = video.first_clips(source, args.num_clips, length)
        how |= {"actions": clips.get("actions"), "fps": video.playing_fps(source)}
        draw = video.write_prediction
        if plans:
            draw, how = video.write_steered, how | {"plans": plans}
        drawn = draw(model, clips["frames"], folder=output, **how)
    print(json.dumps({"animation": str(drawn[0]), "film_strip": str(drawn[1])}))


if __name__ == "__main__":
    console.run(main)
