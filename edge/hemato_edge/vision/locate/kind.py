"""A kind of locator: its name in the settings, and its constructor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hemato_edge.vision.locate.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocatorOptions:
    """The settings passed to a locator.

    Attributes:
        path: a file for the locator, such as a bundle; None for its default.
        min_score: detections below this score are not reported, 0…1; None for the locator's own thresholds.
        threads: per inference.
        runtime: see `hemato_edge.models.engines.choice.find_runtime`.
        trusted_keys: see `hemato_edge.models.bundle.read_bundle`.
    """

    path: Path | None = None
    min_score: float | None = None
    threads: int = 1
    runtime: str = "auto"
    trusted_keys: Path | None = None


class RecordedLocator(Locator, Protocol):
    """A locator that a session can count with: it identifies itself for the record."""

    provenance: str
    """Name, and version or hash; equal provenance implies equal detections."""


@dataclass(frozen=True, slots=True)
class LocatorKind:
    """A kind of locator. Another package registers one in the entry point group `hemato_edge.locators`.

    Attributes:
        name: its `locator.kind` in the settings.
        make: constructs one, verified; raises ModelError if it cannot work here.
    """

    name: str
    make: Callable[[LocatorOptions], RecordedLocator]
