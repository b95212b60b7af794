"""Exports a trained model as a SavedModel for TensorFlow Serving.

    python scripts/export_model.py --model runs/demo/model.keras --output export/svg/1

The last line printed is JSON: the folder and its endpoints.
"""

import argparse
import json

import console
import saved


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", required=True, help="a run folder or its model.keras"
    )
    parser.add_argument("--output", required=True, help="folder to create")
    args = parser.parse_args(argv)
    from tfsigmavae import export_saved_model

    model, _ = saved.load(args.model)
    path = export_saved_model(model, args.output)
    endpoints = {
        name: [spec.name for spec in signature]
        for name, (_, signature) in model.export_endpoints().items()
    }
    print(json.dumps({"path": str(path), "endpoints": endpoints}))


if __name__ == "__main__":
    console.run(main)
