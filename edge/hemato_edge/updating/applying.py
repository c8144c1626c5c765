"""An update from its file to the program in use; and back."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import UpdateError
from hemato_edge.updating.package import order_of
from hemato_edge.updating.releases import BASE, State
from hemato_edge.updating.staging import check_space, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hemato_edge.updating.package import Update
    from hemato_edge.updating.releases import Releases

    Restart = Callable[[], "str | None"]
    """Starts the service anew, and says why that failed; None where it runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an update or a rollback has come to: versions before and now, and whether anything was changed."""

    before: str
    now: str
    changed: bool


def apply(
    update: Update,
    releases: Releases,
    *,
    force: bool = False,
    restart: Restart | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Use an update. An end at any moment leaves the old program or the new one in use; the same call then goes on.

    Args:
        update: signed by a trusted key.
        releases: of this environment.
        force: also an older version than the one in use.
        restart: starts the service; None: whoever calls does.
        tell: called with each step before it is done.

    Raises:
        UpdateError: it does not fit, is older, fails its trial, or the service does not start with it; the old program
            is in use then.
        OutputError: the environment cannot be written.
    """
    with _alone(releases):
        state = releases.state()
        before, earlier = releases.version_of(state.current), state.previous
        if update.release == state.current and state.trusted:
            return Outcome(before, before, changed=False)
        if update.release != state.current:
            _check_order(update, before, force=force)
            check_space(update, releases.folder)
            if not releases.place(update.release).is_dir():
                stage(update, releases, tell)
            tell("use the new version")
            releases.use(update.release, previous=state.current, trusted=False)
            state = State(update.release, state.current, trusted=False)
        else:
            earlier = None  # another call has put it to use, and nobody knows what was before the one before
        if restart is not None:
            tell("start the service")
            failed = restart()
            if failed is not None:
                back = state.previous or BASE
                tell(f"it does not start; back to version {releases.version_of(back)}")
                releases.use(back, previous=earlier, trusted=True)
                raise _not_started(update, failed, restart())
        releases.note(State(update.release, state.previous, trusted=True))
        releases.tidy()
    return Outcome(releases.version_of(state.previous or ""), update.version, changed=True)


def roll_back(releases: Releases, restart: Restart | None, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """Use the release before the one in use; a second call goes forward again.

    Raises:
        UpdateError: there is none, or the service does not start.
    """
    with _alone(releases):
        state = releases.state()
        if state.previous is None:
            raise UpdateError("There is no version to go back to.", "`hemato-edge update status` tells what is there.")
        tell(f"use version {releases.version_of(state.previous)}")
        releases.use(state.previous, previous=state.current, trusted=True)
        failed = None if restart is None else restart()
    if failed is not None:
        raise UpdateError(f"The service does not start: {failed}", "See `journalctl -u hemato-edge -n 30`.")
    return Outcome(releases.version_of(state.current), releases.version_of(state.previous), changed=True)


def _not_started(update: Update, failed: str, again: str | None) -> UpdateError:
    """What is told where the service does not start; `again`: why it does not with the old version either, or None."""
    fix = "A database that the new version has migrated has a copy beside it (BACKUP in its folder)."
    if again is not None:
        return UpdateError(f"Neither {update.version} nor the old version starts: {failed}; {again}", fix)
    return UpdateError(f"The service does not start with {update.version} ({failed}); the old version runs again.", fix)


def _check_order(update: Update, before: str, *, force: bool) -> None:
    if order_of(update.version) < order_of(before) and not force:
        raise UpdateError(
            f"{update.path} has version {update.version}, older than {before}, which is in use.",
            "`hemato-edge update rollback` goes back to the version before; --force installs any older one.",
        )


@contextmanager
def _alone(releases: Releases) -> Iterator[None]:
    """One update at a time, until the block or the process ends; what it writes, others than root can read."""
    mask = os.umask(0o022)
    try:
        releases.folder.mkdir(exist_ok=True)
        lock = os.open(releases.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        os.umask(mask)
        raise UpdateError(
            f"{releases.folder} cannot be written ({error.strerror}).",
            "Type `sudo $(command -v hemato-edge) update …` where the environment is root's.",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UpdateError("Another update is at work here.", "Wait for its end, then type it again.") from error
    finally:
        os.close(lock)
        os.umask(mask)
