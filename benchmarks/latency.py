"""Inference time of the classifier by input size, architecture, number format and runtime, interleaved in one run.

The networks are MobileNetV2 1.0 at several input sizes and EfficientNetB0, with random weights, built and converted
here (time does not depend on training): full int8 as shipped, and float32 of the same graph. The shipped classifier is
included. Each runtime has its own process: LiteRT, the interpreter in TensorFlow, and, with `--python`, tflite-runtime
2.14 in another environment:

    python3.11 -m venv DIR && DIR/bin/pip install tflite-runtime==2.14.0 'numpy<2'

Each round runs every model in every runtime for a few inferences, in random order, so that a busy machine slows all
alike: compare ratios, not milliseconds. "of 224" is the median relative to MobileNetV2 int8 at 224 pixels in the same
runtime; "of litert" relative to the same model in LiteRT. The spread is the interquartile range over the median; if it
is larger than the difference of interest, use a quiet machine.

    python benchmarks/latency.py [--sizes 96 128 160 224] [--python DIR/bin/python] [--threads 1] [--rounds 40] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle, shipped_classifier

REFERENCE = "mobilenet_v2 224 int8"
CALLS = 5


def make_models(folder: Path, sizes: list[int], architectures: list[str], *, floats: bool) -> dict[str, Path]:
    """Name → file of every model to time."""
    import tensorflow as tf

    from hemato_convert.flatbuffer.graph import export_graph
    from hemato_convert.flatbuffer.quantise import quantise
    from hemato_training.networks.backbones import build_classifier

    wanted = [("mobilenet_v2", size) for size in sorted({*sizes, 224})]
    wanted += [(name, 224) for name in architectures if name != "mobilenet_v2"]
    files = {}
    for name, size in wanted:
        graph = export_graph(
            build_classifier(name, size, len(CLASSIFIER_LABELS), weights="none"),
            static_batch=name.startswith("efficientnet"),  # one delegate partition instead of seventeen
        )
        pictures = np.random.default_rng(size).integers(0, 256, (8, size, size, 3)).astype(np.uint8)
        made = {"int8": quantise(graph, pictures)}
        if floats:
            with contextlib.redirect_stdout(io.StringIO()):  # the converter prints a page
                made["float"] = tf.lite.TFLiteConverter.from_keras_model(graph).convert()
        for kind, content in made.items():
            files[f"{name} {size} {kind}"] = folder / f"{name}-{size}-{kind}.tflite"
            files[f"{name} {size} {kind}"].write_bytes(content)
    files["shipped int8"] = folder / "shipped.tflite"
    files["shipped int8"].write_bytes(read_bundle(shipped_classifier()).flatbuffer)
    return files


class Worker:
    """One runtime in its own process."""

    def __init__(self, kind: str, python: str) -> None:
        script = Path(__file__).with_name("runtime_worker.py")
        self._process = subprocess.Popen(
            [python, str(script), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def ask(self, **what: object) -> list[float]:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended ({self._process.wait()}) at {what}")
        answer: list[float] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def start(kinds: dict[str, str], files: dict[str, Path], threads: int) -> dict[tuple[str, str], Worker]:
    """(runtime, model) → its worker; whatever a runtime cannot load is skipped with a message."""
    pairs = {}
    for kind, python in kinds.items():
        worker = Worker(kind, python)
        for name, file in files.items():
            try:
                worker.ask(load=name, file=str(file), threads=threads)
            except (RuntimeError, BrokenPipeError) as error:
                print(f"{kind}, {name}: left out: {error}", file=sys.stderr)
                worker = Worker(kind, python)
                for earlier in (n for k, n in pairs if k == kind):
                    worker.ask(load=earlier, file=str(files[earlier]), threads=threads)
                pairs.update({(k, n): worker for k, n in pairs if k == kind})
                continue
            pairs[kind, name] = worker
    return pairs


def measure(pairs: dict[tuple[str, str], Worker], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Milliseconds of every pair, all of them in every round."""
    times: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    order = list(pairs)
    chance = random.Random(1)
    for _ in range(rounds):
        chance.shuffle(order)
        for kind, name in order:
            times[kind, name] += pairs[kind, name].ask(time=name, calls=CALLS)
    return times


def rows_of(times: dict[tuple[str, str], list[float]], files: dict[str, Path]) -> list[dict[str, Any]]:
    """One row per pair, the fastest runtime's first."""
    median = {pair: float(np.median(own)) for pair, own in times.items()}
    rows = []
    for (kind, name), own in times.items():
        low, high = np.percentile(own, [25, 75])
        reference, litert = median.get((kind, REFERENCE)), median.get(("litert", name))
        rows.append(
            {
                "runtime": kind,
                "model": name,
                "ms": round(median[kind, name], 3),
                "p95": round(float(np.percentile(own, 95)), 3),
                "least": round(min(own), 3),
                "spread": round(float(high - low) / median[kind, name], 3),
                "of_224": round(median[kind, name] / reference, 3) if reference else None,
                "of_litert": round(median[kind, name] / litert, 2) if litert else None,
                "bytes": files[name].stat().st_size,
            }
        )
    return rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[96, 128, 160, 224])
    parser.add_argument("--architectures", nargs="+", default=["mobilenet_v2", "efficientnet_b0"])
    parser.add_argument("--python", help="an interpreter of another environment that has tflite-runtime 2.14")
    parser.add_argument("--no-float", action="store_true", help="int8 only")
    parser.add_argument("--no-tensorflow", action="store_true", help="without TensorFlow's own interpreter")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    kinds = {"litert": sys.executable}
    if not arguments.no_tensorflow:
        kinds["tensorflow"] = sys.executable
    if arguments.python:
        kinds["tflite-runtime"] = arguments.python
    with tempfile.TemporaryDirectory() as folder:
        files = make_models(Path(folder), arguments.sizes, arguments.architectures, floats=not arguments.no_float)
        pairs = start(kinds, files, arguments.threads)
        rows = rows_of(measure(pairs, arguments.rounds), files)
        for worker in set(pairs.values()):
            worker.close()
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "rounds": arguments.rounds, "rows": rows}, indent=1))
        return
    print(f"{arguments.threads} thread(s), {arguments.rounds} rounds of {CALLS}")
    heads = (("ms", 9), ("p95", 9), ("least", 9), ("spread", 8), ("of 224", 8), ("of litert", 10), ("bytes", 11))
    print(f"{'runtime':15}{'model':28}" + "".join(f"{head:>{width}}" for head, width in heads))
    for row in rows:
        relative = "".join(f"{'–' if row[k] is None else row[k]:>{w}}" for k, w in (("of_224", 8), ("of_litert", 10)))
        print(
            f"{row['runtime']:15}{row['model']:28}{row['ms']:9.3f}{row['p95']:9.3f}{row['least']:9.3f}"
            f"{row['spread']:8.2f}{relative}{row['bytes']:11,}"
        )


if __name__ == "__main__":
    main()
