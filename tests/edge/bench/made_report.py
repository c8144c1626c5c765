"""A report of a device that does not exist, with figures that follow rules."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np

from hemato_edge.bench.figures import Climate, Device, Figure, Gap, MemoryFacts, ModelFacts, Report, SceneFacts, figure
from hemato_edge.bench.measures.inference import inference_name


def made_figure(name: str, median: float, seed: int = 1) -> Figure:
    chance = np.random.default_rng(seed)
    return figure(name, [(median * (1 + 0.02 * chance.random(20))).tolist() for _ in range(5)])


def made_report(**changes: object) -> Report:
    figures = [
        made_figure(inference_name(task, threads, batch), ms * batch / threads**0.85)
        for task, ms in (("classifier", 1.0), ("locator", 4.0))
        for threads in (1, 2)
        for batch in (1, 4)
    ]
    figures += [made_figure(f"frame.{name}", ms) for name, ms in (("still", 10), ("moving", 20), ("worst", 36))]
    figures += [
        made_figure(f"stage.worst.{name}", ms) for name, ms in (("quality", 2), ("locate", 24), ("classify", 9))
    ]
    figures += [
        made_figure("start.first_cell", 900),
        made_figure("store.commit", 3),
        made_figure("sustained.worst", 36),
    ]
    scenes = [("still", 10.5, 90.0), ("moving", 21.0, 30.0), ("worst", 37.0, 25.0)]
    report = Report(
        version="0",
        utc=datetime(2026, 1, 1, tzinfo=timezone.utc),
        seconds=90.0,
        quick=False,
        device=Device(
            board="Board 1",
            system="Debian",
            machine="Linux 6 aarch64",
            processor="Cortex",
            features=("asimddp",),
            processors=4,
            governors=("ondemand",),
            highest_mhz=2400.0,
            memory_mb=4000.0,
            versions={"hemato-edge": "0"},
            runtime="litert 2",
            threads=1,
            models=(
                ModelFacts(task="locate", name="locator", sha256="0" * 64, operations=90, delegated=86, partitions=7),
            ),
        ),
        climate=tuple(
            Climate(
                moment=moment,
                temperature_c=50.0,
                frequency_mhz=2400.0,
                throttled_now=(),
                throttled_since_boot=(),
                load=0.1,
            )
            for moment in ("before", "during", "after")
        ),
        figures=tuple(figures),
        scenes=tuple(
            SceneFacts(
                scene=name,
                frames_per_second=1000 / p95,
                p50_ms=p95 - 0.5,
                p95_ms=p95,
                inference_share=0.6,
                holds_fps=1000 / p95,
                camera_fps=rate,
            )
            for name, p95, rate in scenes
        ),
        memory=MemoryFacts(frames=150, run_mb=100.0, run_peak_mb=110.0, bench_peak_mb=200.0),
        steadiness=None,
        limits=(),
        doubts=(),
        gaps=(Gap(name="a", reason="because"), Gap(name="b", reason="because")),
    )
    return report.model_copy(update=changes)
