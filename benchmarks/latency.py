"""Time of one inference of the classifier by input size, int8, one thread, interleaved in one run.

The networks are MobileNetV2 1.0 with random weights, built and converted here (time does not hang on what was learnt);
the shipped classifier runs among them. Each round asks every model once, so a busy machine slows all alike: read the
ratio to 224 pixels, not the milliseconds.

    python benchmarks/latency.py [--sizes 96 112 128 160 224] [--rounds 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from hemato_convert.graph import export_graph
from hemato_convert.quantise import quantise
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.runtime import find_runtime
from hemato_training.architectures import build_classifier

REFERENCE = 224


def made(size: int) -> bytes:
    """A full-int8 MobileNetV2 1.0 of that input size."""
    model = build_classifier("mobilenet_v2", size, len(CLASSIFIER_LABELS), weights="none")
    pictures = np.random.default_rng(size).integers(0, 256, (8, size, size, 3)).astype(np.uint8)
    return quantise(export_graph(model), pictures)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 112, 128, 160, REFERENCE])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    models = {str(size): made(size) for size in sorted({*arguments.sizes, REFERENCE})}
    models["shipped"] = read_bundle(shipped_classifier()).flatbuffer
    runtime = find_runtime()
    interpreters = {}
    for name, content in models.items():
        interpreter = runtime.interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        given = interpreter.get_input_details()[0]
        interpreter.set_tensor(given["index"], np.full(given["shape"], 128, np.uint8))
        interpreters[name] = interpreter
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(arguments.rounds + 10):
        for name, interpreter in interpreters.items():
            began = time.perf_counter()
            interpreter.invoke()
            if turn >= 10:
                times[name].append(1e3 * (time.perf_counter() - began))
    median = {name: float(np.median(own)) for name, own in times.items()}
    rows = [
        {"model": name, "ms": round(ms, 3), "of_224": round(ms / median[str(REFERENCE)], 3), "bytes": len(models[name])}
        for name, ms in median.items()
    ]
    if arguments.json:
        print(json.dumps({"runtime": f"{runtime.name} {runtime.version}", "rows": rows}, indent=1))
        return
    print(f"{runtime.name} {runtime.version}, one thread, median of {arguments.rounds}")
    print(f"{'input':>8}{'ms':>9}{'of 224':>9}{'bytes':>11}")
    for row in rows:
        print(f"{row['model']:>8}{row['ms']:9.3f}{row['of_224']:9.3f}{row['bytes']:11,}")


if __name__ == "__main__":
    main()
