"""What a kind of locator is: a name for the settings, and what makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hemato_edge.vision.locate.locator import Locator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocatorOptions:
    """What the settings say to a locator that is made.

    Attributes:
        path: a file of the locator's own, such as a bundle; None for the one that it has at hand.
        min_score: detections under this score are not reported, 0…1; None for the locator's own thresholds.
        threads: of one inference.
        runtime: see `hemato_edge.models.engines.choice.find_runtime`.
        trusted_keys: see `hemato_edge.models.bundle.read_bundle`.
    """

    path: Path | None = None
    min_score: float | None = None
    threads: int = 1
    runtime: str = "auto"
    trusted_keys: Path | None = None


class RecordedLocator(Locator, Protocol):
    """A locator that a session can count with: it says for the record which one it is."""

    provenance: str
    """Name, and version or hash; the same detections are promised where it is the same."""


@dataclass(frozen=True, slots=True)
class LocatorKind:
    """A kind of locator. Another package enters one under the entry point group `hemato_edge.locators`.

    Attributes:
        name: what `locator.kind` in the settings calls it.
        make: makes one, verified; raises ModelError where it cannot work here.
    """

    name: str
    make: Callable[[LocatorOptions], RecordedLocator]
