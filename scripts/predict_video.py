"""Samples futures with a trained model and draws them as GIF and film strip.

    python scripts/predict_video.py --model runs/demo/model.keras --data data/pushing

Columns are clips; rows are the truth, the reconstruction, the best of all samples, two
samples and their mean. Given frames are framed green, predicted ones red. The last line
printed is the result as JSON.
"""

import argparse
import json
import pathlib

import console
import saved


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, help="a run folder or its model.keras")
    add("--data", required=True, help="folder with train/ and test/, or a record file")
    add("--split", default="test", help="train or test (default: %(default)s)")
    add("--output", help="folder to write (default: predictions/ beside the model)")
    add("--num-frames", type=int, default=10, help="to predict (default: %(default)s)")
    add("--num-samples", type=int, default=10, help="per clip (default: %(default)s)")
    add("--num-clips", type=int, default=4, help="columns (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the samples (default: %(default)s)")
    add("--format", default="gif", choices=["gif", "mp4", "webp", "apng"])
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    from tfsigmavae.video import first_clips, load_clips, write_prediction

    model, path = saved.load(args.model)
    source = load_clips(
        args.data,
        args.split,
        frame_shape=model.frame_shape,
        with_actions=model.action_size > 0,
    )
    clips = first_clips(source, args.num_clips, model.num_context + args.num_frames)
    default = path.parent / "predictions"
    animation, strip = write_prediction(
        model,
        clips["frames"],
        pathlib.Path(args.output) if args.output else default,
        num_frames=args.num_frames,
        num_samples=args.num_samples,
        seed=args.seed,
        actions=clips.get("actions"),
        format=args.format,
    )
    print(json.dumps({"animation": str(animation), "film_strip": str(strip)}))


if __name__ == "__main__":
    console.run(main)
