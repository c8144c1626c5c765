"""Worker of `latency.py`: times inferences with one runtime, and needs nothing but numpy.

Reads JSON lines: {"load": name, "file": path, "threads": n} or {"time": name, "calls": n}; answers with one line each.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

KINDS = {
    "litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}


def main() -> None:
    """Serve until the other end closes."""
    import numpy as np

    module = importlib.import_module(KINDS[sys.argv[1]])
    loaded = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "load" in asked:
            made = module.Interpreter(model_path=asked["file"], num_threads=asked["threads"])
            made.allocate_tensors()
            given = made.get_input_details()[0]
            noise = np.random.default_rng(1).integers(0, 256, given["shape"])
            made.set_tensor(given["index"], noise.astype(given["dtype"]))
            for _ in range(5):
                made.invoke()
            loaded[asked["load"]] = made
            answer = []
        else:
            answer = []
            for _ in range(asked["calls"]):
                began = time.perf_counter()
                loaded[asked["time"]].invoke()
                answer.append((time.perf_counter() - began) * 1e3)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
