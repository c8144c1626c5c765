"""The engine contract: a network loaded by some runtime, from pictures to named arrays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Delegation:
    """How much of a graph a delegate (XNNPACK) runs; other operations are many times slower.

    Attributes:
        delegated: number of operations it runs.
        operations: number of all operations.
        partitions: number of subgraphs it runs: 0 none, 1 the whole graph, more: split.
    """

    delegated: int
    operations: int
    partitions: int


class Engine(Protocol):
    """A loaded network. To be subclassed: only `run` and the first two attributes are required.

    It is created, used and dropped in one thread. Its outputs are checked against the bundle's golden pairs before
    anything is counted.
    """

    input_shape: tuple[int, ...]
    """Height, width and channels of an input picture."""
    outputs: Mapping[str, tuple[int, ...]]
    """Shape of each output per picture, by name."""
    steps: Mapping[str, tuple[float, int]] = {}
    """Scale and zero point of integer outputs; empty if unknown."""

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Every output by name, (n, …) float32, for images (n, height, width, channels) uint8, n ≥ 0."""
        ...

    def raw(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """As `run`, with the network's own numbers, which `real` turns into real ones and which rise with these."""
        return dict(self.run(images))

    def real(self, name: str, values: NDArray[Any]) -> NDArray[np.float32]:
        """The real numbers float32 that values (…) of an output of `raw` stand for."""
        return values

    def resize(self, height: int, width: int) -> bool:
        """Take pictures of this size from now on, of a fully convolutional network; False, nothing changed: it cannot.

        `input_shape` and `outputs` are those of the new size then.
        """
        return (height, width) == tuple(self.input_shape[:2])

    def bare(self, batch: int) -> Callable[[], object]:
        """An inference of `batch` pictures of noise, to be called repeatedly for timing.

        Raises:
            ValueError or RuntimeError: this batch is not possible.
        """
        noise = np.random.default_rng(1).integers(0, 256, (batch, *self.input_shape), np.uint8)
        return lambda: self.run(noise)

    def watch(self, note: Callable[[float], None]) -> None:
        """Report the milliseconds of each inference from now on."""
        run = self.run

        def timed(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
            began = time.perf_counter()
            answers = run(images)
            note((time.perf_counter() - began) * 1e3)
            return answers

        self.run = timed  # type: ignore[method-assign]  # for this engine only

    def delegation(self) -> Delegation | None:
        """How much of the graph a delegate runs; None if unknown."""
        return None


class Start(Protocol):
    """Starts an engine."""

    def __call__(self, content: bytes, threads: int, most: int) -> Engine:
        """An engine of a compiled network.

        Args:
            content: the part of the bundle for this runtime.
            threads: per inference.
            most: largest batch, as a hint.

        Raises:
            RuntimeError, ValueError, SystemError or ImportError: it cannot be loaded.
        """
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime available on this device.

    Another package registers a function that returns one, in the entry point group `hemato_edge.engines`; it raises
    ModelError if the runtime cannot work here.

    Attributes:
        name: its `model.runtime` in the settings, and its name in the card of a bundle with a part for it.
        version: of the runtime, for the record.
        start: creates its engines.
        reads_tflite: whether it can run the flatbuffer of a bundle without a part for it.
    """

    name: str
    version: str
    start: Start
    reads_tflite: bool = False
