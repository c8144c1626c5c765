"""One contestant in its own process: called by `peers.py`, not by hand.

    python peers_worker.py NAME THREADS FOLDER

Reads numbers of fields from stdin, one per line; answers each with a JSON line on stdout: `ms` (wall time), `cpu_ms`
(of all its threads) and `found`. At the end of input it reports its memory and versions. Loading of models and fields
is not timed. Each contestant only imports what such a program needs, and holds one field at a time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[np.ndarray, int], int]

MIN_SCORE = 0.25
NO_SCORE = 2.0
"""The threshold for random weights: their detections mean nothing, and the peers are spared suppressing them."""
MAX_OVERLAP = 0.45
SIDE = 640


def min_score_of(model: Path) -> float:
    """The threshold for a model's detections; see `NO_SCORE`."""
    weights = json.loads(model.with_name("weights.json").read_text())
    return MIN_SCORE if weights[model.name.split("-")[0]] == "published" else NO_SCORE


def padded(field: np.ndarray, height: int) -> np.ndarray:
    """A field (480, 640, 3) with grey bars above and below, as padded by Ultralytics ("letterbox")."""
    free = height - field.shape[0]
    if not free:
        return field
    return cv2.copyMakeBorder(field, free // 2, free - free // 2, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114))


def boxes_in(answer: np.ndarray, min_score: float) -> int:
    """Number of boxes in YOLO's output (4 + classes, places): best class, threshold, non-maximum suppression."""
    scores = answer[4:].max(axis=0)
    kept = scores > min_score
    if not kept.any():
        return 0
    boxes = answer[:4, kept].T
    boxes[:, :2] -= boxes[:, 2:] / 2
    classes = answer[4:, kept].argmax(axis=0)
    return len(cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores[kept].tolist(), classes.tolist(), min_score, MAX_OVERLAP))


def onnx_session(path: Path, threads: int) -> Any:
    """An ONNX Runtime session on the processor with this number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def yolo_onnxruntime(model: Path, height: int, threads: int) -> Work:
    """YOLO through ONNX Runtime."""
    session = onnx_session(model.with_name(f"{model.name}-onnx.onnx"), threads)
    name = session.get_inputs()[0].name
    floor = min_score_of(model)

    def work(field: np.ndarray, number: int) -> int:
        picture = cv2.dnn.blobFromImage(padded(field, height), 1 / 255, swapRB=True)
        return boxes_in(session.run(None, {name: picture})[0][0], floor)

    return work


def yolo_opencv(model: Path, height: int, threads: int) -> Work:
    """YOLO through OpenCV's own DNN module; the threads are OpenCV's."""
    network = cv2.dnn.readNetFromONNX(str(model.with_name(f"{model.name}-onnx.onnx")))
    floor = min_score_of(model)

    def work(field: np.ndarray, number: int) -> int:
        network.setInput(cv2.dnn.blobFromImage(padded(field, height), 1 / 255, swapRB=True))
        return boxes_in(network.forward()[0], floor)

    return work


def yolo_ncnn(model: Path, height: int, threads: int) -> Work:
    """YOLO through NCNN on the processor."""
    import ncnn

    network = ncnn.Net()
    network.opt.num_threads = threads
    folder = model.with_name(f"{model.name}-ncnn")
    network.load_param(str(folder / "model.ncnn.param"))
    network.load_model(str(folder / "model.ncnn.bin"))
    floor = min_score_of(model)

    def work(field: np.ndarray, number: int) -> int:
        picture = padded(field, height)
        given = ncnn.Mat.from_pixels(picture, ncnn.Mat.PixelType.PIXEL_BGR2RGB, SIDE, height)
        given.substract_mean_normalize([], [1 / 255] * 3)
        with network.create_extractor() as extractor:
            extractor.input("in0", given)
            return boxes_in(np.array(extractor.extract("out0")[1]), floor)

    return work


def yolo_tflite(model: Path, height: int, threads: int) -> Work:
    """YOLO in int8 through LiteRT; float input and output, as exported by Ultralytics."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(model.with_name(f"{model.name}-litert.tflite")), num_threads=threads)
    interpreter.allocate_tensors()
    given, taken = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    floor = min_score_of(model)

    def work(field: np.ndarray, number: int) -> int:
        interpreter.set_tensor(given["index"], cv2.dnn.blobFromImage(padded(field, height), 1 / 255, swapRB=True))
        interpreter.invoke()
        return boxes_in(interpreter.get_tensor(taken["index"])[0], floor)

    return work


def mobilenet_keras(folder: Path, crops: list[np.ndarray], threads: int) -> Work:
    """Keras `predict`, crop by crop."""
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    model = keras.models.load_model(folder / "mobilenet.keras", compile=False)

    def work(field: np.ndarray, number: int) -> int:
        for crop in crops[number]:
            model.predict(crop[None] / np.float32(127.5) - 1, verbose=0).argmax()
        return len(crops[number])

    return work


def mobilenet_onnx(folder: Path, crops: list[np.ndarray], threads: int) -> Work:
    """ONNX Runtime int8, crop by crop."""
    session = onnx_session(folder / "mobilenet-int8.onnx", threads)

    def work(field: np.ndarray, number: int) -> int:
        for crop in crops[number]:
            session.run(None, {"input": crop[None] / np.float32(127.5) - 1})[0].argmax()
        return len(crops[number])

    return work


YOLO = {
    "onnxruntime": yolo_onnxruntime,
    "opencv": yolo_opencv,
    "ncnn": yolo_ncnn,
    "tflite-int8": yolo_tflite,
}


def contestant(name: str, threads: int, folder: Path) -> Work:
    """The work of one contestant: a field (480, 640, 3) uint8 BGR and its number → number of objects found."""
    if name.startswith("ours"):
        sys.path.insert(0, str(Path(__file__).parent))
        from peers_ours import OURS

        return OURS[name](folder, threads)
    if name.startswith("mobilenet"):
        with np.load(folder / "crops.npz") as kept:
            crops = np.split(kept["crops"], kept["ends"][:-1])
        return {"mobilenet keras": mobilenet_keras, "mobilenet onnx-int8": mobilenet_onnx}[name](folder, crops, threads)
    network, shape, runtime = name.split()
    return YOLO[runtime](folder / f"{network}-{shape}", int(shape.split("x")[0]), threads)


def memory_mb() -> dict[str, float]:
    """Resident memory of this process now and at its peak, MB (2^20 bytes)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"rss_mb": int(lines["VmRSS"].split()[0]) / 1024, "peak_mb": int(lines["VmHWM"].split()[0]) / 1024}


def loaded_versions() -> dict[str, str]:
    """Versions of the relevant packages that this process has loaded."""
    packages = {"cv2": "opencv-python-headless", "ai_edge_litert": "ai-edge-litert", "hemato_edge": "hemato-edge"}
    named = ("numpy", "cv2", "onnxruntime", "ncnn", "ai_edge_litert", "tensorflow", "keras")
    return {packages.get(n, n): version(packages.get(n, n)) for n in named if n in sys.modules}


def main() -> None:
    """Load, then answer until the input ends."""
    name, threads, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # output of libraries is no answer
    cv2.setNumThreads(threads)
    work = contestant(name, threads, folder)
    print(json.dumps({"ready": name}), file=answers)
    for line in sys.stdin:
        number = int(line)
        field = np.load(folder / "fields" / f"{number:03}.npy")
        wall, cpu = time.perf_counter(), time.process_time()
        found = work(field, number)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"ms": wall * 1e3, "cpu_ms": cpu * 1e3, "found": found}), file=answers)
    last = {**memory_mb(), "versions": loaded_versions(), "stages": getattr(work, "stages", dict)()}
    print(json.dumps(last), file=answers)


if __name__ == "__main__":
    main()
