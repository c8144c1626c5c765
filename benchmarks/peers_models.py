"""Makes the peers' models, in the peers' own environment: called by `peers.py`, not by hand.

    python peers_models.py FOLDER

FOLDER holds fields/NNN.npy (480, 640, 3) uint8 BGR and `crops.npz`, and gets the models. The networks are Ultralytics'
YOLO11n and YOLOv8n as published (80 classes), exported by Ultralytics itself, square at 640 × 640 and once more at the
fields' own 480 × 640; with the published weights where they can be downloaded, else with random ones. The int8 ones are
calibrated on the fields. `weights.json` records which were used.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import urllib.error
from pathlib import Path
from typing import Any

os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # no automatic installations
os.environ["KERAS_BACKEND"] = "torch"  # only so that torch can write the Keras model as ONNX

import cv2
import numpy as np

NETWORKS = ("yolo11n", "yolov8n")
SHAPES = {"640x640": (640, 640), "480x640": (480, 640)}  # height, width
CALIBRATION_FIELDS = 20


def calibration_set(folder: Path) -> Path:
    """The fields as a data set in Ultralytics' format; returns its description."""
    home = folder / "calibration"
    fields = [np.load(path) for path in sorted((folder / "fields").glob("*.npy"))]
    for split in ("train", "val"):
        (home / "images" / split).mkdir(parents=True, exist_ok=True)
        (home / "labels" / split).mkdir(parents=True, exist_ok=True)
        for i, field in enumerate(fields[:CALIBRATION_FIELDS]):
            cv2.imwrite(str(home / "images" / split / f"{i:03}.png"), field)
            (home / "labels" / split / f"{i:03}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    described = home / "data.yaml"
    described.write_text(f"path: {home.resolve()}\ntrain: images/train\nval: images/val\nnames: [cell]\n")
    return described


def settle(model: Any, fields: Path) -> None:
    """Fit the batch norm of random weights to the fields: else activations vanish, and int8 has nothing to round."""
    import torch

    pictures = [cv2.imread(str(path))[:, :, ::-1] / np.float32(255) for path in sorted(fields.glob("*.png"))[:8]]
    batch = torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)))
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the plain mean over all batches
            layer.reset_running_stats()
    model.train()
    with torch.no_grad():
        model(batch)
    model.eval()


def network(name: str, data: Path) -> tuple[Any, str]:
    """A YOLO with its published weights, or random ones if they are unavailable; and which of the two."""
    from ultralytics import YOLO

    try:
        return YOLO(f"{name}.pt"), "published"
    except (OSError, urllib.error.URLError, RuntimeError) as error:
        print(f"{name}: random weights ({str(error).splitlines()[0][:90]})", file=sys.stderr)
        made = YOLO(f"{name}.yaml")
        settle(made.model, data.parent / "images" / "train")
        return made, "random"


def export_yolo(folder: Path) -> dict[str, str]:
    """Every network in every shape: ONNX (for ONNX Runtime and OpenCV), NCNN, LiteRT int8. Existing files are kept."""
    data = calibration_set(folder)
    suffixes = {"onnx": ".onnx", "ncnn": "", "litert": ".tflite"}
    weights: dict[str, str] = {}
    for name, (label, size), form in itertools.product(NETWORKS, SHAPES.items(), suffixes):
        kept = folder / f"{name}-{label}-{form}{suffixes[form]}"
        source = folder / f"{name}-weights.txt"
        if not kept.exists():
            made, weights[name] = network(name, data)  # new each time: an export changes the network
            source.write_text(weights[name])
            more = {"quantize": 8, "data": str(data)} if form == "litert" else {}
            Path(made.export(format=form, imgsz=list(size), device="cpu", verbose=False, **more)).rename(kept)
        weights[name] = source.read_text()
    return weights


def export_mobilenet(folder: Path, crops: np.ndarray, labels: int) -> None:
    """MobileNetV2 1.0 of Keras, random weights, kept for `predict`, and in full int8 for ONNX Runtime.

    The int8 one follows ONNX Runtime's guide for convolutions: static, QDQ, per channel.
    """
    import keras
    import torch
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Crops(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(crops)

        def get_next(self):
            crop = next(self.left, None)
            return None if crop is None else {"input": crop[None] / np.float32(127.5) - 1}

    size = crops.shape[1]
    model = keras.applications.MobileNetV2((size, size, 3), weights=None, classes=labels)
    model.save(folder / "mobilenet.keras")
    whole, prepared = folder / "mobilenet-float.onnx", folder / "mobilenet-prepared.onnx"
    torch.onnx.export(
        model.eval(), (torch.zeros(1, size, size, 3),), whole, input_names=["input"], opset_version=18, dynamo=False
    )
    quant_pre_process(whole, prepared)
    quantize_static(prepared, folder / "mobilenet-int8.onnx", Crops(), per_channel=True)


def main() -> None:
    """Command line."""
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)  # downloads and exports go beside the rest
    with np.load("crops.npz") as kept:
        crops, labels = kept["crops"], int(kept["labels"])
    export_mobilenet(folder, crops, labels)
    (folder / "weights.json").write_text(json.dumps(export_yolo(folder)))


if __name__ == "__main__":
    main()
