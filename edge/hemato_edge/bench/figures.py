"""The result of a `bench` run as one versioned document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "hemato-edge/bench/1"
"""Its number grows whenever a reader of the old one would be misled."""
WATCHED = "program.watched"
"""The figure of the moving scene while somebody watches; `program.moving` is that of the same frames unwatched."""
Unit = Literal["ms", "frames/s", "MB"]
Verdict = Literal[
    "faster",
    "slower",
    "no difference shown",
    "too few measurements",
    "not to be trusted",
    "only in the old run",
    "only in this run",
]
Moment = Literal["before", "during", "after"]


class Part(BaseModel):
    """Base of all parts."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Figure(Part):
    """One quantity, measured many times in visits spread over the run."""

    name: str = Field(description="stable name, for comparisons: classifier.threads_2.batch_4")
    unit: Unit
    count: int = Field(description="measurements")
    mean: float
    min: float
    p50: float
    p90: float
    p95: float
    p99: float
    spread: float = Field(description="interquartile range divided by the median")
    drift: float = Field(description="median of the last third divided by that of the first third, minus one")
    visits: tuple[tuple[float, ...], ...] = Field(description="every measurement, in the order in which it was taken")

    @property
    def values(self) -> list[float]:
        """All measurements in their order."""
        return [value for visit in self.visits for value in visit]


def figure(name: str, visits: list[list[float]], unit: Unit = "ms") -> Figure:
    """The figures of some visits with at least one measurement."""
    kept = tuple(tuple(float(f"{value:.5g}") for value in visit) for visit in visits if visit)
    values = np.array([value for visit in kept for value in visit])
    low, middle, high = np.percentile(values, [25, 50, 75])
    p90, p95, p99 = (float(v) for v in np.percentile(values, [90, 95, 99]))
    third = max(1, len(values) // 3)
    first, last = float(np.median(values[:third])), float(np.median(values[-third:]))
    return Figure(
        name=name,
        unit=unit,
        count=len(values),
        mean=float(values.mean()),
        min=float(values.min()),
        p50=float(middle),
        p90=p90,
        p95=p95,
        p99=p99,
        spread=float((high - low) / middle) if middle else 0.0,
        drift=last / first - 1 if first else 0.0,
        visits=kept,
    )


class ModelFacts(Part):
    """One model on this device."""

    task: Literal["classify", "locate"]
    name: str
    sha256: str
    operations: int
    delegated: int = Field(description="operations run by the delegate (XNNPACK); the others are many times slower")
    partitions: int = Field(description="number of subgraphs it runs: 1 is best")


class Device(Part):
    """Where the figures were measured."""

    board: str
    system: str
    machine: str
    processor: str
    features: tuple[str, ...] = Field(description="instructions that speed up int8 inference")
    processors: int = Field(description="usable by this process")
    governors: tuple[str, ...]
    highest_mhz: float | None
    memory_mb: float | None
    versions: dict[str, str]
    runtime: str
    threads: int = Field(description="model.threads in the settings")
    models: tuple[ModelFacts, ...]


class Climate(Part):
    """State of the board at one moment; None: not reported."""

    moment: Moment
    temperature_c: float | None
    frequency_mhz: float | None
    throttled_now: tuple[str, ...] | None
    throttled_since_boot: tuple[str, ...] | None
    load: float = Field(description="load average over the last minute")


class SceneFacts(Part):
    """Cost of the frames of one scene."""

    scene: Literal["still", "moving", "worst"]
    frames_per_second: float = Field(description="the whole program: median over stretches, queues and store included")
    p50_ms: float
    p95_ms: float
    inference_share: float = Field(description="of a frame's time: spent inside the two models")
    holds_fps: float = Field(description="sustained frame rate: the 95th percentile of a frame's time fits into it")
    camera_fps: float = Field(description="the nearest lower rate that cameras offer; 0: none")


class MemoryFacts(Part):
    """Resident memory, 10^6 bytes, of `run` on the demo slide in a process of its own, and of this process."""

    frames: int
    run_mb: float | None
    run_peak_mb: float | None
    bench_peak_mb: float


class Steadiness(Part):
    """The worst case without pauses: the last third against the first."""

    seconds: float
    frames: int
    ratio: float
    low: float = Field(description="99 % interval of the ratio")
    high: float
    steady: bool = Field(description="no slowdown shown: the interval extends down to 1.03 or less")


class Gap(Part):
    """Something that could not be measured, and why."""

    name: str
    reason: str


class Comparison(Part):
    """One figure against an earlier run."""

    name: str
    unit: Unit
    old: float | None = Field(description="median")
    new: float | None
    ratio: float | None = Field(description="new over old")
    low: float | None = Field(description="99 % interval of the ratio")
    high: float | None
    verdict: Verdict


class Report(Part):
    """The whole document."""

    schema_: Literal["hemato-edge/bench/1"] = Field("hemato-edge/bench/1", alias="schema")
    version: str = Field(description="of hemato-edge")
    utc: datetime
    seconds: float = Field(description="duration of the bench")
    quick: bool
    device: Device
    climate: tuple[Climate, ...]
    figures: tuple[Figure, ...]
    scenes: tuple[SceneFacts, ...]
    memory: MemoryFacts
    steadiness: Steadiness | None
    limits: tuple[str, ...] = Field(description="the bottlenecks of this device, as sentences")
    doubts: tuple[str, ...] = Field(description="why the figures are unreliable; empty: no reason found")
    gaps: tuple[Gap, ...]
    comparison: tuple[Comparison, ...] = ()

    def figure(self, name: str) -> Figure | None:
        """The figure of that name."""
        return next((one for one in self.figures if one.name == name), None)

    def as_json(self) -> str:
        """One JSON document."""
        return self.model_dump_json(by_alias=True, indent=1)
