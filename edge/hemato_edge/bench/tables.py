"""A run as text tables, the same for a terminal, a pipe and an issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.bench.boards import board_estimate
from hemato_edge.bench.figures import WATCHED
from hemato_edge.bench.measures.inference import combination_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.bench.figures import Climate, Comparison, Figure, Report

_DISTRIBUTION = ("median", "mean", "least", "p90", "p95", "p99", "spread", "drift", "n")
_NONE = "–"
_SCENES = {
    "still": "still stage, a known field",
    "moving": "moving stage",
    "worst": "worst case: every cell is new",
}
_START = {
    "start.models_ready": "program started, models loaded and verified",
    "start.camera_open": "first picture read",
    "start.first_cell": "first cell on disk",
    "start.processor_time": "total processor time",
    "models.load": "of it: loading and verifying both models",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Text in rows; the first column is words, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(report: Report) -> Iterator[Table]:
    """The tables of a run, most important first; empty ones are omitted."""
    for table in (
        _scenes(report),
        _distributions(report, "Frames and their stages, ms", ("frame.", "stage.")),
        _start(report),
        _inferences(report),
        _distributions(report, "Around the models and on the disk, ms", ("around.", "store.", "sustained.")),
        _climate(report.climate),
    ):
        if table.rows:
            yield table


def comparison_table(comparisons: tuple[Comparison, ...]) -> Table:
    """A run compared with an earlier one."""
    rows = tuple(
        (one.name, _number(one.old), _number(one.new), _ratio(one.ratio), _interval(one), one.verdict)
        for one in comparisons
    )
    return Table("Against the old run (new over old)", ("", "old", "new", "ratio", "99 % interval", "verdict"), rows)


def facts_of(report: Report) -> list[str]:
    """The device and its software, one fact per line."""
    device, memory = report.device, report.memory
    lines = [
        f"{device.board or 'a board without a name'}, {device.system}, {device.machine}",
        f"{device.processor or 'processor unknown'}: {device.processors} usable, features "
        f"{' '.join(device.features) or 'unknown'}; governor {', '.join(device.governors) or 'none'}"
        + (f", up to {device.highest_mhz:.0f} MHz" if device.highest_mhz else "")
        + (f"; memory {device.memory_mb:.0f} MB" if device.memory_mb else ""),
        ", ".join(f"{name} {version}" for name, version in device.versions.items()),
    ]
    lines += [
        f"{model.name} ({model.sha256[:12]}): {model.delegated} of {model.operations} operations delegated, "
        f"in {model.partitions} piece{'s' if model.partitions != 1 else ''}"
        for model in device.models
    ]
    if memory.run_peak_mb is not None and memory.run_mb is not None:
        lines.append(
            f"Memory of `run` over {memory.frames} frames of the demo: {memory.run_mb:.0f} MB at the end, "
            f"{memory.run_peak_mb:.0f} MB at its peak (this bench: {memory.bench_peak_mb:.0f} MB)"
        )
    return lines


def verdicts_of(report: Report) -> list[str]:
    """Key results: sustained camera rate, steadiness, bottlenecks, and an estimate for other boards."""
    lines = []
    for one in report.scenes:
        rate = f"{one.camera_fps:g} frames/s" if one.camera_fps else "no camera rate"
        lines.append(f"Holds {rate}: {_SCENES[one.scene]} (95 % of frames take {one.p95_ms:.3g} ms or less)")
    alone, watched = report.figure("program.moving"), report.figure(WATCHED)
    if alone is not None and watched is not None and alone.p50:
        lines.append(
            f"Somebody watches, ten pictures a second: {watched.p50:.3g} frames/s on a moving stage, "
            f"{watched.p50 / alone.p50:.2f} of the rate with nobody"
        )
    steady = report.steadiness
    if steady is not None:
        said = "No slowing shown" if steady.steady else "SLOWS DOWN"
        lines.append(
            f"{said}: {steady.frames} frames without a pause in "
            f"{steady.seconds:.0f} s, last third over first {steady.ratio:.2f} "
            f"(99 % interval {steady.low:.2f} to {steady.high:.2f})"
        )
    return [*lines, *(f"Limit: {one}" for one in report.limits), board_estimate(report)]


def _scenes(report: Report) -> Table:
    rows = tuple(
        (
            _SCENES[one.scene],
            f"{one.frames_per_second:.1f}",
            f"{one.p50_ms:.1f}",
            f"{one.p95_ms:.1f}",
            f"{100 * one.inference_share:.0f} %",
            f"{one.camera_fps:g}",
        )
        for one in report.scenes
    )
    columns = ("End to end, 640 × 480", "frames/s", "median ms", "p95 ms", "inference", "camera rate held")
    return Table("The whole program", columns, rows)


def _distributions(report: Report, title: str, prefixes: tuple[str, ...]) -> Table:
    chosen = [one for one in report.figures if one.name.startswith(prefixes) and one.unit == "ms"]
    return Table(title, ("", *_DISTRIBUTION), tuple((one.name, *_distribution(one)) for one in chosen))


def _start(report: Report) -> Table:
    chosen = [(said, one) for name, said in _START.items() if (one := report.figure(name)) is not None]
    return Table(
        "Cold start, ms since the process began", ("", *_DISTRIBUTION), tuple((s, *_distribution(f)) for s, f in chosen)
    )


def _inferences(report: Report) -> Table:
    rows = []
    for one in report.figures:
        found = combination_of(one.name)
        if found is not None:
            name = f"{found.task}, {found.threads} thread{'s' if found.threads > 1 else ''}, batch {found.batch}"
            rows.append(
                (found.task, found.threads, found.batch, (name, _number(one.p50 / found.batch), *_distribution(one)))
            )
    rows.sort(key=lambda row: row[:3])
    columns = ("", "each", *_DISTRIBUTION)
    return Table("Inference, ms a batch (each: median a crop or window)", columns, tuple(row[3] for row in rows))


def _climate(climates: tuple[Climate, ...]) -> Table:
    during = [one for one in climates if one.moment == "during"]
    hottest = max(during, key=lambda one: one.temperature_c or 0.0, default=None)
    words = sorted({word for one in during for word in one.throttled_now or ()})
    rows = []
    for one in (climates[0], hottest, climates[-1]):
        if one is None:
            continue
        throttled = words if one is hottest and words else one.throttled_now
        rows.append(
            (
                one.moment if one is not hottest else "hottest during",
                _NONE if one.temperature_c is None else f"{one.temperature_c:.0f} °C",
                _NONE if one.frequency_mhz is None else f"{one.frequency_mhz:.0f} MHz",
                _words(throttled),
                _words(one.throttled_since_boot),
                f"{one.load:.2f}",
            )
        )
    columns = ("The board", "temperature", "frequency", "throttled now", "since boot", "load")
    return Table("", columns, tuple(rows))


def _distribution(one: Figure) -> tuple[str, ...]:
    numbers = (one.p50, one.mean, one.min, one.p90, one.p95, one.p99)
    return (*map(_number, numbers), f"{100 * one.spread:.0f} %", f"{100 * one.drift:+.0f} %", str(one.count))


def _number(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"


def _interval(one: Comparison) -> str:
    return _NONE if one.low is None or one.high is None else f"{one.low:.2f} – {one.high:.2f}"


def _words(words: tuple[str, ...] | list[str] | None) -> str:
    if words is None:
        return "unknown"
    return ", ".join(words) or "no"
