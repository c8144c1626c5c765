"""What an engine is: a network, loaded by some runtime, that turns pictures into named arrays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Delegation:
    """How much of a graph a delegate (XNNPACK) runs; what is left over runs many times slower.

    Attributes:
        delegated: operations that it runs.
        operations: all of the graph's.
        partitions: in how many pieces: 0 none of it, 1 the whole in one go, more: split.
    """

    delegated: int
    operations: int
    partitions: int


class Engine(Protocol):
    """A network that is ready to run. Subclass it: only `run` and the first two attributes are a must.

    It is made, used and dropped in one thread. What it computes is checked against the bundle's golden pairs before
    anything is counted.
    """

    input_shape: tuple[int, ...]
    """Height, width and channels of a picture that it takes."""
    outputs: Mapping[str, tuple[int, ...]]
    """Shape of each output for one picture, by name."""
    steps: Mapping[str, tuple[float, int]] = {}
    """Scale and zero point of the outputs that are whole numbers inside; empty where that is not known."""

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Every output by name, (n, …) float32, of images (n, height, width, channels) uint8, n from 0 on."""
        ...

    def bare(self, batch: int) -> Callable[[], object]:
        """An inference of `batch` pictures of noise, to be called and timed again and again.

        Raises:
            ValueError or RuntimeError: it cannot be of that batch.
        """
        noise = np.random.default_rng(1).integers(0, 256, (batch, *self.input_shape), np.uint8)
        return lambda: self.run(noise)

    def watch(self, note: Callable[[float], None]) -> None:
        """From now on report the milliseconds of each inference."""
        run = self.run

        def timed(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
            began = time.perf_counter()
            answers = run(images)
            note((time.perf_counter() - began) * 1e3)
            return answers

        self.run = timed  # type: ignore[method-assign]  # of this one engine

    def delegation(self) -> Delegation | None:
        """How much of the graph a delegate runs; None where that is not known."""
        return None


class Start(Protocol):
    """Starts an engine."""

    def __call__(self, content: bytes, threads: int, most: int) -> Engine:
        """An engine of a compiled network.

        Args:
            content: the part of the bundle that is for this runtime.
            threads: how many an inference may use.
            most: how many pictures are given at once at most, as a hint.

        Raises:
            RuntimeError, ValueError, SystemError or ImportError: it cannot be loaded.
        """
        ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that is there on this device.

    Another package enters a function that returns one, under the entry point group `hemato_edge.engines`; it raises
    ModelError where the runtime cannot work here.

    Attributes:
        name: what `model.runtime` in the settings calls it, and the card of a bundle that holds a part for it.
        version: of the runtime, for the record.
        start: makes its engines.
        reads_tflite: whether it can run the flatbuffer of a bundle that holds no part for it.
    """

    name: str
    version: str
    start: Start
    reads_tflite: bool = False
