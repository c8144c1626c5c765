"""The models: their hashes, their golden vectors, the runtime, and how much of them XNNPACK runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemato_edge.doctor.child import ask_python
from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.doctor.subject import Subject
    from hemato_edge.settings import Settings

SHIPPED_CLASSIFIER, SHIPPED_LOCATOR = ":classifier", ":locator"
"""What stands for the models that come with the package: this process does not load what reads them."""
_VERIFY = "`hemato-edge model verify`"
_FEW = 0.8
"""Share of delegated operations under which something is amiss; LiteRT takes 0.98 of the shipped
models'."""


def models(subject: Subject) -> Iterator[Finding]:
    """One line for the runtime, and one for each model that would be used."""
    if not subject.machine.live:
        yield skipped("model", "a captured machine runs nothing")
        return
    settings = subject.settings
    asked = ("-m", "hemato_edge.doctor.checked_models", settings.model.runtime, *bundles_of(settings))
    answer, reason = ask_python(*asked)
    checked: list[dict[str, Any]] = answer["models"] if answer else []
    yield _runtime(checked, reason)
    for model in checked:
        yield _model(model, reason)


def bundles_of(settings: Settings) -> list[str]:
    """The bundles that a run with these settings would use: a path each, or what stands for one that ships."""
    paths = [str(settings.model.path or SHIPPED_CLASSIFIER)]
    if settings.locator.kind in ("auto", "learned"):  # no other kind's file is a bundle
        paths.append(str(settings.locator.path or SHIPPED_LOCATOR))
    return paths


def _runtime(checked: list[dict[str, Any]], reason: str) -> Finding:
    if reason:
        return _unfinished("runtime", f"the models were not all run: {reason}", reason)
    name = next((model["runtime"] for model in checked if "runtime" in model), None)
    if name is None:
        first = checked[0]
        return failed("runtime", first["error"], first["fix"] or f"{_VERIFY} says more.")
    shares = [(m["delegated"], m["operations"]) for m in checked if m.get("operations")]
    said = f"{name}; XNNPACK runs " + (
        ", ".join(f"{a} of {b} operations" for a, b in shares) or "nothing that is known"
    )
    if any(taken < _FEW * operations for taken, operations in shares):
        why = "tflite-runtime leaves int8 to slow kernels" if name.startswith("tflite") else "the processor's features"
        return warned(
            "runtime",
            f"{said}: the rest runs many times slower ({why})",
            "`pip install ai-edge-litert`, and let /proc/cpuinfo be readable (a unit's ProcSubset=pid hides it).",
        )
    return passed("runtime", said)


def _model(model: dict[str, Any], reason: str) -> Finding:
    if "error" in model:
        return failed("model", model["error"], model["fix"] or f"{_VERIFY} says more.")
    said = f"{model['name']}, sha256 {model['sha256'][:12]}"
    if "difference" not in model:
        return _unfinished("model", f"{said}; its golden vectors were not run: {reason}", reason)
    return passed("model", f"{said}, golden vectors within {model['difference']:.3g} of {model['tolerance']:.3g}")


def _unfinished(probe: str, said: str, reason: str) -> Finding:
    """A slow or busy board is no fault; a crash is one."""
    if "longer than" in reason:
        return warned(probe, said, f"{_VERIFY} takes its time.")
    return failed(probe, said, "`pip install --force-reinstall ai-edge-litert numpy`")
