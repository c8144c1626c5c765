"""A made-up accelerator: its compiler packs a flatbuffer, and its engine computes what was packed.

`python -m packed_engine BUNDLE FILE` compiles.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np

from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.engines.engine import Engine, Runtime
from hemato_edge.models.engines.litert import interpreter_class

MAGIC = b"PACKED"


class PackedEngine(Engine):
    def __init__(self, content: bytes) -> None:
        if not content.startswith(MAGIC):
            raise ValueError("it was not compiled for this accelerator")
        self._interpreter = interpreter_class()(model_content=zlib.decompress(content[len(MAGIC) :]))
        self._input = self._interpreter.get_input_details()[0]
        self.resize(*self._input["shape"][1:3])

    def resize(self, height: int, width: int) -> bool:
        self.input_shape = (int(height), int(width), int(self._input["shape"][3]))
        self._interpreter.resize_tensor_input(self._input["index"], [1, *self.input_shape])
        self._interpreter.allocate_tensors()
        self._details = self._interpreter.get_output_details()
        self.outputs = {detail["name"]: tuple(map(int, detail["shape"][1:])) for detail in self._details}
        return True

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        found: dict[str, list[np.ndarray]] = {name: [np.zeros((0, *s), "f4")] for name, s in self.outputs.items()}
        for image in images:
            self._interpreter.set_tensor(self._input["index"], image[None])
            self._interpreter.invoke()
            for detail in self._details:
                scale, zero_point = detail["quantization"]
                values = self._interpreter.get_tensor(detail["index"]).astype("f4")
                found[detail["name"]].append((values - zero_point) * np.float32(scale))
        return {name: np.concatenate(parts) for name, parts in found.items()}


def find() -> Runtime:
    return Runtime("packed", "2.5", lambda content, threads, most: PackedEngine(content))


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(MAGIC + zlib.compress(read_bundle(Path(sys.argv[1])).flatbuffer))
