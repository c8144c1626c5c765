"""The engine of both TFLite runtimes, whose interpreters share one interface."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.models.engines.delegation import delegated_operations
from hemato_edge.models.engines.engine import Delegation, Engine, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_GROUP = 4
"""Batch size with several threads; a last group of three is padded. On one thread a batch saves 4 % at most
(`hemato-edge bench`) and costs 5 MB, so pictures are run one by one."""


class TFLiteEngine(Engine):
    """A flatbuffer in a TFLite interpreter.

    Args:
        interpreter: the runtime's class.
        content: the flatbuffer; one input, uint8.
        threads: per inference.
        most: largest batch.
    """

    def __init__(self, interpreter: Callable[..., Any], content: bytes, threads: int, most: int = 1) -> None:
        self._class = interpreter
        self._content = content
        self._threads = threads
        self._note: Callable[[float], None] | None = None
        self._interpreters: dict[int, Any] = {}
        self._places: dict[int, tuple[int, list[tuple[str, int]]]] = {}
        with native_lines_to_log():
            first = self._interpreter(1)
            (given,) = first.get_input_details()
            if given["dtype"] is not np.uint8:
                msg = f"it takes {given['dtype'].__name__} instead of uint8"
                raise ValueError(msg)
            self.input_shape = tuple(int(side) for side in given["shape"][1:])
            may_group = int(given["shape_signature"][0]) == -1 and threads > 1 and most >= _GROUP
            self._groups = (_GROUP, 1) if may_group else (1,)
            self._interpreter(self._groups[0])
        details = first.get_output_details()
        self.outputs = _shapes(first)
        self.steps = {d["name"]: d["quantization"] for d in details if np.issubdtype(d["dtype"], np.integer)}

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """See `Engine.run`."""
        return {name: self.real(name, values) for name, values in self.raw(images).items()}

    def raw(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """See `Engine.raw`: int8 for a full-integer graph."""
        parts: list[dict[str, NDArray[Any]]] = []
        start = 0
        while start < len(images):
            left = len(images) - start
            size = next(group for group in self._groups if group - 1 <= left or group == 1)
            parts.append(self._invoke(images[start : start + size], size))
            start += size
        if len(parts) == 1:
            return parts[0]
        empty = {name: np.zeros((0, *shape), np.float32) for name, shape in self.outputs.items()}
        return {name: np.concatenate([part[name] for part in parts]) if parts else empty[name] for name in self.outputs}

    def resize(self, height: int, width: int) -> bool:
        """See `Engine.resize`: what stays is packed weights; the memory between layers is laid out anew."""
        before, wanted = self.input_shape, (height, width, *self.input_shape[2:])
        if wanted == before:
            return True
        try:
            self._take(wanted)
        except (RuntimeError, ValueError):
            self._take(before)
            return False
        return True

    def _take(self, shape: tuple[int, ...]) -> None:
        self.input_shape = shape
        for size, interpreter in self._interpreters.items():
            interpreter.resize_tensor_input(self._places[size][0], [size, *shape])
            interpreter.allocate_tensors()
        self.outputs = _shapes(self._interpreter(1))

    def bare(self, batch: int) -> Callable[[], object]:
        """See `Engine.bare`: nothing but the interpreter's own `invoke`."""
        with native_lines_to_log():
            interpreter = self._interpreter(batch)
        given = interpreter.get_input_details()[0]
        noise = np.random.default_rng(1).integers(0, 256, given["shape"]).astype(given["dtype"])
        interpreter.set_tensor(given["index"], noise)
        invoke: Callable[[], object] = interpreter.invoke
        return invoke

    def watch(self, note: Callable[[float], None]) -> None:
        """See `Engine.watch`: the interpreter's own `invoke` is timed."""
        self._note = note

    def delegation(self) -> Delegation:
        """See `Engine.delegation`."""
        interpreter = self._interpreter(1)
        delegated, operations = delegated_operations(interpreter)
        # there is no public way to ask
        pieces = sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())
        return Delegation(delegated, operations, pieces)

    def _invoke(self, group: NDArray[np.uint8], size: int) -> dict[str, NDArray[Any]]:
        interpreter, wanted = self._interpreter(size), len(group)
        if wanted < size:
            group = np.concatenate([group, np.zeros((size - wanted, *group.shape[1:]), np.uint8)])
        given, answers = self._places[size]
        interpreter.tensor(given)()[:] = group  # `set_tensor` would copy it twice where it is a part of a picture
        began = time.perf_counter()
        interpreter.invoke()
        if self._note is not None:
            self._note((time.perf_counter() - began) * 1e3)
        return {name: interpreter.get_tensor(index)[:wanted] for name, index in answers}

    def real(self, name: str, values: NDArray[Any]) -> NDArray[np.float32]:
        """See `Engine.real`."""
        scale, zero_point = self.steps.get(name, (1.0, 0))
        real = values.astype(np.float32)
        real -= np.float32(zero_point)
        real *= np.float32(scale)
        return real

    def _interpreter(self, size: int) -> Any:
        """The interpreter for this batch size, its tensors allocated."""
        if size not in self._interpreters:
            made = self._class(model_content=self._content, num_threads=self._threads)
            if size > 1:
                detail = made.get_input_details()[0]
                made.resize_tensor_input(detail["index"], [size, *self.input_shape])
            made.allocate_tensors()
            self._interpreters[size] = made
            answers = [(d["name"], d["index"]) for d in made.get_output_details()]
            self._places[size] = made.get_input_details()[0]["index"], answers
        return self._interpreters[size]


def _shapes(interpreter: Any) -> dict[str, tuple[int, ...]]:
    """Shape of each output per picture, by name."""
    return {d["name"]: tuple(int(side) for side in d["shape"][1:]) for d in interpreter.get_output_details()}


def tflite_runtime_of(name: str, package: str, interpreter: Callable[..., Any]) -> Runtime:
    """A runtime that runs flatbuffers with this interpreter class."""

    def start(content: bytes, threads: int, most: int) -> Engine:
        return TFLiteEngine(interpreter, content, threads, most)

    try:
        found = version(package)
    except PackageNotFoundError:
        found = "unknown"
    return Runtime(name, found, start, reads_tflite=True)


@contextmanager
def native_lines_to_log(level: int | None = None) -> Iterator[None]:
    """Redirect what the runtime's C++ part prints to stderr into our log, such as its banner at every start.

    Used only while interpreters are created or converted, in the thread that loads the model, before others run.

    Args:
        level: of these lines; by default of a warning, and of information for those that say so.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                usual = logging.INFO if line.startswith("INFO") else logging.WARNING
                logging.getLogger(__name__).log(usual if level is None else level, "%s", line)
