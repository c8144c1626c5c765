"""Interpretation of the figures: sustained camera rate, bottlenecks, steadiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.bench.comparison import LEAST_CHANGE, ratio_interval
from hemato_edge.bench.figures import SceneFacts, Steadiness
from hemato_edge.bench.measures.inference import inference_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_edge.bench.figures import Device, Figure
    from hemato_edge.bench.measures.frames import Costs
    from hemato_edge.bench.measures.scenes import SceneName

CAMERA_RATES = (1.0, 2.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 60.0, 90.0, 120.0, 200.0)
"""Frame rates of cameras (UVC cameras: 5 to 30; Pi sensors: up to 120 and 200)."""
_LEAST_GAIN = 1.1
_LARGE_DRIFT = 0.1
_WIDE = 0.25
_LEAST_DELEGATED = 0.9


def camera_rate(p95_ms: float) -> tuple[float, float]:
    """The rate at which 95 of 100 frames are finished before the next, and the nearest lower camera rate."""
    held = 1000 / p95_ms
    return held, max((rate for rate in CAMERA_RATES if rate <= held), default=0.0)


def scene_facts(scene: SceneName, costs: Costs, rates: Sequence[float]) -> SceneFacts:
    """The result of one scene, from costs of at least one frame."""
    values = np.concatenate([visit for visit in costs.frame if visit])
    p50, p95 = (float(v) for v in np.percentile(values, [50, 95]))
    held, offered = camera_rate(p95)
    return SceneFacts(
        scene=scene,
        frames_per_second=float(np.median(rates)) if rates else 1000 / float(values.mean()),
        p50_ms=p50,
        p95_ms=p95,
        inference_share=min(1.0, costs.inference_share),
        holds_fps=held,
        camera_fps=offered,
    )


def steadiness(rounds: Sequence[Sequence[float]], seconds: float) -> Steadiness | None:
    """The last third of a long run against its first; None with fewer than three rounds."""
    if len(rounds) < 3:
        return None
    third = len(rounds) // 3
    ratio, low, high = ratio_interval(rounds[:third], rounds[-third:])
    frames = sum(map(len, rounds))
    steady = low <= 1 + LEAST_CHANGE
    return Steadiness(seconds=seconds, frames=frames, ratio=ratio, low=low, high=high, steady=steady)


def limits(
    figures: Mapping[str, Figure], scenes: Sequence[SceneFacts], device: Device, steady: Steadiness | None
) -> list[str]:
    """The bottlenecks of this device, the largest first, as sentences."""
    said = []
    worst = next((one for one in scenes if one.scene == "worst"), None)
    if worst is not None:
        said += _heaviest_stage(figures, worst)
    said += _threads(figures, device)
    for model in device.models:
        if model.delegated < _LEAST_DELEGATED * model.operations:
            left = model.operations - model.delegated
            said.append(
                f"The delegate leaves {left} of {model.operations} operations of {model.name} to slow kernels "
                f"({device.runtime}): see `hemato-edge doctor`."
            )
    commit = figures.get("store.commit")
    if commit is not None and worst is not None and commit.p95 > worst.p50_ms:
        said.append(f"The disk: a commit takes {commit.p95:.0f} ms (p95), longer than a frame.")
    if steady is not None and not steady.steady:
        said.append(
            f"It does not keep its speed: after {steady.seconds:.0f} s a frame takes {100 * (steady.ratio - 1):.0f} % "
            f"longer (99 % interval {100 * (steady.low - 1):.0f} to {100 * (steady.high - 1):.0f} %). Cool it better."
        )
    return said


def unsteady(figures: Mapping[str, Figure]) -> list[str]:
    """Doubts raised by the figures themselves: too many of them drift or scatter."""
    timed = [one for one in figures.values() if one.unit == "ms" and one.count >= 9]
    said = []
    wandering = sum(abs(one.drift) > _LARGE_DRIFT for one in timed)
    if timed and wandering > len(timed) / 3:
        said.append(f"{wandering} of {len(timed)} figures changed by more than 10 % while they were measured.")
    models = [one for one in timed if one.name.startswith(("classifier.", "locator."))]
    wide = sum(one.spread > _WIDE for one in models)
    if models and wide > len(models) / 3:
        said.append(f"{wide} of {len(models)} inference times scatter by more than a quarter.")
    return said


def _heaviest_stage(figures: Mapping[str, Figure], worst: SceneFacts) -> list[str]:
    prefix = "stage.worst."
    stages = {name.removeprefix(prefix): one.mean for name, one in figures.items() if name.startswith(prefix)}
    if not stages:
        return []
    heaviest = max(stages, key=lambda name: stages[name])
    share = stages[heaviest] / sum(stages.values())
    return [
        f"A frame of new cells spends {100 * share:.0f} % of its time in `{heaviest}`; "
        f"{100 * worst.inference_share:.0f} % of it is inside the models."
    ]


def _threads(figures: Mapping[str, Figure], device: Device) -> list[str]:
    now = figures.get(inference_name("locator", device.threads, 1))
    others = {
        n: one
        for n in range(1, device.processors + 1)
        if n != device.threads and (one := figures.get(inference_name("locator", n, 1))) is not None
    }
    if now is None or not others:
        return []
    best = min(others, key=lambda n: others[n].p50)
    gain = now.p50 / others[best].p50
    if gain < _LEAST_GAIN:
        return []
    return [f"With {best} threads the locator would be {gain:.1f} times as fast: try `hemato-edge bench --tune`."]
