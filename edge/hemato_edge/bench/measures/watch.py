"""Models that record the time of each inference, without changes to their callers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.locator_model import LocatorModel
from hemato_edge.vision.classify.classifier import TFLiteClassifier
from hemato_edge.vision.locate.choice import TFLiteLocator, load_locator

if TYPE_CHECKING:
    from hemato_edge.models.engines.engine import Engine, Runtime
    from hemato_edge.settings import Settings
    from hemato_edge.vision.locate.locator import Locator


@dataclass(slots=True)
class Invocations:
    """Milliseconds of each inference since the last `take`."""

    ms: list[float] = field(default_factory=list)

    def take(self) -> list[float]:
        """The inferences so far; clears them."""
        taken, self.ms = self.ms, []
        return taken


def watched(runtime: Runtime, seen: Invocations) -> Runtime:
    """The same runtime; its engines record every inference in `seen`."""

    def start(content: bytes, threads: int, most: int) -> Engine:
        engine = runtime.start(content, threads, most)
        engine.watch(lambda ms: seen.ms.append(ms))
        return engine

    return replace(runtime, start=start)


@dataclass(slots=True)
class TimedModels:
    """Locator and classifier of the settings, with their timings; `located` stays empty for the classical one."""

    locator: Locator
    classifier: TFLiteClassifier
    located: Invocations
    classified: Invocations

    def take_ms(self) -> float:
        """Milliseconds inside the models since the last call."""
        return sum(self.located.take()) + sum(self.classified.take())


def load_models(settings: Settings, threads: int | None = None) -> TimedModels:
    """Both models, verified, with this number of threads; None for the number in the settings.

    Raises:
        ModelError: see `load_classifier` and `load_locator`.
    """
    threads = threads or settings.model.threads
    runtime = find_runtime(settings.model.runtime)
    located, classified = Invocations(), Invocations()
    bundle = read_bundle(settings.model.path or shipped_classifier(), settings.model.trusted_keys)
    classifier = TFLiteClassifier(ClassifierModel(bundle, threads, watched(runtime, classified)))
    locator = load_locator(
        **settings.locator.model_dump(), **{**settings.model.model_dump(exclude={"path"}), "threads": threads}
    )
    if isinstance(locator, TFLiteLocator):
        own = read_bundle(settings.locator.path or shipped_locator(), settings.model.trusted_keys)
        locator = TFLiteLocator(LocatorModel(own, threads, watched(runtime, located)), settings.locator.min_score)
    return TimedModels(locator, classifier, located, classified)
