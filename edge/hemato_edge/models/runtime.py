"""The TFLite runtime, whichever is installed: LiteRT (`ai-edge-litert`) or the older `tflite-runtime`."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.card import ClassifierCard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle

_MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
_BATCHES = (4, 1)
"""Batch sizes an interpreter is prepared for where it may use several threads, largest first; a last group of three is
padded to four. On one thread a batch saves 4 % at most (`hemato-edge bench`) and costs 5 MB: there it is one by one."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """An importable TFLite runtime: its name ("litert" or "tflite-runtime"), version and interpreter class."""

    name: str
    version: str
    interpreter: Callable[..., Any]


def find_runtime(wanted: str = "auto") -> Runtime:
    """The runtime to use: LiteRT before tflite-runtime, or the one asked for.

    Args:
        wanted: "auto", "litert" or "tflite-runtime".

    Raises:
        ModelError: if none can be imported; says what to install.
    """
    names = list(_MODULES) if wanted == "auto" else [wanted]
    for name in names:
        try:
            module = importlib.import_module(_MODULES[name])
        except ImportError:
            continue
        runtime = Runtime(name, _version(_MODULES[name].split(".")[0]), module.Interpreter)
        if name == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
            # it imports, and then dies in Interpreter() with pages of C API warnings
            raise ModelError(
                f"tflite-runtime {runtime.version} cannot work with numpy {np.__version__}.",
                "Type `pip install 'hemato-edge[tflite]'`, which brings a set that works, or "
                "`pip install ai-edge-litert`.",
            )
        return runtime
    raise ModelError(
        f"No TFLite runtime can be imported (looked for {', '.join(names)}).",
        "Type `pip install ai-edge-litert`; for tflite-runtime `pip install 'hemato-edge[tflite]'` (Python < 3.12).",
    )


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return "unknown"


def start_interpreter(bundle: Bundle, runtime: Runtime, threads: int, batch: int = 1) -> Any:
    """An interpreter of a bundle's model with its tensors allocated, for `batch` inputs at a time.

    Raises:
        ModelError: if the runtime cannot load it.
    """
    try:
        made = runtime.interpreter(model_content=bundle.flatbuffer, num_threads=threads)
        if batch > 1:
            detail = made.get_input_details()[0]
            made.resize_tensor_input(detail["index"], [batch, *detail["shape"][1:]])
        made.allocate_tensors()
    except (RuntimeError, ValueError, SystemError, ImportError) as error:
        raise ModelError(*_why_not_loaded(runtime, bundle, error)) from error
    return made


def delegate_partitions(interpreter: Any) -> int:
    """In how many pieces a delegate (XNNPACK) runs the graph: 0 none of it, 1 the whole in one go, more: split."""
    # there is no public way to ask
    return sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())


class Model:
    """A verified bundle of a classifier, ready to answer.

    Args:
        bundle: what `read_bundle` returned.
        threads: how many threads one inference may use.
        runtime: from `find_runtime`.

    Raises:
        ModelError: if it is no classifier, the runtime cannot load it, or its tensors do not have the shapes and types
            of its card.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, runtime: Runtime | None = None) -> None:
        if not isinstance(bundle.card, ClassifierCard):
            raise ModelError(
                f"{bundle.path} is a model to {bundle.card.task} cells, not to classify them.",
                "Name a classifier, or leave out --model to use the one that ships.",
            )
        self.bundle = bundle
        self.card = bundle.card
        self.runtime = runtime or find_runtime()
        self._threads = threads
        self._interpreters: dict[int, Any] = {}
        with native_lines_to_log():
            first = self._interpreter(1)
        signature = first.get_input_details()[0]["shape_signature"]
        self._batches = _BATCHES if int(signature[0]) == -1 and threads > 1 else (1,)
        self._check_shapes(first)
        with native_lines_to_log():
            for size in self._batches:
                self._interpreter(size)

    def logits(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, labels) float32 of crops (n, S, S, 3) uint8 in the card's channel order."""
        return self._run(batch, want_maps=False)[0]

    def logits_and_maps(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Logits (n, labels) and class activation maps (n, h, w, labels), both float32.

        The maps are None for a model without that output. Their mean over h and w plus a bias is the logit, so they
        show exactly which part of the crop spoke for a label (Zhou et al. 2016; equal to Grad-CAM for this head).
        """
        return self._run(batch, want_maps=True)

    def verify(self) -> float:
        """Run the golden inputs; returns the largest difference of a logit.

        Raises:
            ModelError: if it exceeds the card's tolerance: this device does not compute what the converter computed.
        """
        expected = self.bundle.golden_outputs["logits"]
        difference = float(np.abs(self.logits(self.bundle.golden_inputs) - expected).max())
        refuse_difference(self.bundle, self.runtime, difference, "a logit differs by")
        return difference

    def delegate_partitions(self) -> int:
        """See `delegate_partitions`."""
        return delegate_partitions(self._interpreter(1))

    def _run(
        self, batch: NDArray[np.uint8], *, want_maps: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        spec = self.card.input
        if batch.dtype != np.uint8 or batch.shape[1:] != (spec.size, spec.size, 3):
            msg = f"the model takes (n, {spec.size}, {spec.size}, 3) uint8, not {batch.shape} {batch.dtype}"
            raise ValueError(msg)
        logits: list[NDArray[np.float32]] = []
        maps: list[NDArray[np.float32]] = []
        start = 0
        while start < len(batch):
            left = len(batch) - start
            size = next(b for b in self._batches if b - 1 <= left or b == 1)
            group = batch[start : start + size]
            outputs = self._invoke(group, size, want_maps=want_maps)
            logits.append(outputs[0][: len(group)])
            if outputs[1] is not None:
                maps.append(outputs[1][: len(group)])
            start += len(group)
        if not logits:
            return np.zeros((0, len(self.card.labels)), np.float32), None
        return np.concatenate(logits), np.concatenate(maps) if maps else None

    def _invoke(
        self, group: NDArray[np.uint8], size: int, *, want_maps: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        interpreter = self._interpreter(size)
        detail = interpreter.get_input_details()[0]
        if len(group) < size:
            group = np.concatenate([group, np.zeros((size - len(group), *group.shape[1:]), np.uint8)])
        interpreter.set_tensor(detail["index"], group)
        interpreter.invoke()
        logits: NDArray[np.float32] | None = None
        maps: NDArray[np.float32] | None = None
        for output in interpreter.get_output_details():
            if len(output["shape"]) == 2:
                logits = dequantised(interpreter.get_tensor(output["index"]), output)
            elif want_maps:
                maps = dequantised(interpreter.get_tensor(output["index"]), output)
        if logits is None:
            raise ModelError(f"{self.bundle.path} has no logits among its outputs.")
        return logits, maps

    def _interpreter(self, size: int) -> Any:
        if size not in self._interpreters:
            self._interpreters[size] = start_interpreter(self.bundle, self.runtime, self._threads, size)
        return self._interpreters[size]

    def _check_shapes(self, interpreter: Any) -> None:
        card = self.card
        given = interpreter.get_input_details()
        taken = [list(o["shape"]) for o in interpreter.get_output_details()]
        wanted = [1, card.input.size, card.input.size, 3]
        if len(given) != 1 or list(given[0]["shape"]) != wanted or given[0]["dtype"] is not np.uint8:
            shape, kind = list(given[0]["shape"]), given[0]["dtype"].__name__
            raise ModelError(
                f"{self.bundle.path} takes {shape} {kind}, but its card says {wanted} uint8.",
                "Convert it again with `hemato-edge convert`.",
            )
        if [1, len(card.labels)] not in [[int(v) for v in shape] for shape in taken]:
            raise ModelError(
                f"{self.bundle.path} gives {taken}, but its card names {len(card.labels)} labels.",
                "Convert it again with `hemato-edge convert`.",
            )


def refuse_difference(bundle: Bundle, runtime: Runtime, difference: float, what: str) -> None:
    """The end of a golden check.

    Raises:
        ModelError: if the difference exceeds the card's tolerance: this device does not compute what the converter did.
    """
    tolerance = bundle.card.golden.tolerance
    if not difference <= tolerance:
        raise ModelError(
            f"The golden check of {bundle.path.name} failed: {what} {difference:.3f}, "
            f"allowed is {tolerance:.3f} ({runtime.name} {runtime.version}).",
            "Reinstall the runtime (`pip install --force-reinstall ai-edge-litert`) and get the model again.",
        )


def dequantised(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    """What an integer tensor stands for, float32; `detail` is the interpreter's description of it."""
    scale, zero_point = detail["quantization"]
    real: NDArray[np.float32] = (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
    return real


@contextmanager
def native_lines_to_log() -> Iterator[None]:
    """Send what the runtime's C++ half prints to stderr into our log: it greets at every start.

    Only while interpreters are made, in the thread that loads the model, before others run.
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
                level = logging.INFO if line.startswith("INFO") else logging.WARNING
                logging.getLogger(__name__).log(level, line)


def _why_not_loaded(runtime: Runtime, bundle: Bundle, error: Exception) -> tuple[str, str]:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{runtime.name} cannot load {bundle.path}: {first}", "Convert it again with `hemato-edge convert`."
