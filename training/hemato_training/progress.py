"""Showing how far long work has come, without the working code knowing a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

T = TypeVar("T")


class Reporter(Protocol):
    """Receives progress."""

    def track(self, items: Iterable[T], what: str, total: int) -> Generator[T, None, None]:
        """Yield the items one by one; called once per stretch of work, stretches never overlap; may be closed early."""
        ...

    def note(self, text: str) -> None:
        """One line worth keeping, such as an epoch's figures."""
        ...


class Silent:
    """Tells nobody."""

    def track(self, items: Iterable[T], what: str, total: int) -> Generator[T, None, None]:
        """Yield the items."""
        yield from items

    def note(self, text: str) -> None:
        """Drop the line."""


class Screen:
    """A bar on standard error, if that is a terminal; notes are plain lines."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def track(self, items: Iterable[T], what: str, total: int) -> Generator[T, None, None]:
        """Yield the items, moving a bar that vanishes when they are through."""
        if not self._console.is_terminal:  # rich would leave an empty line for each bar in a log
            yield from items
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            for item in items:
                yield item
                bar.advance(task)

    def note(self, text: str) -> None:
        """Print the line."""
        self._console.print(text)
