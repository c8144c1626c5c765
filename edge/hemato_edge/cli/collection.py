"""When Python looks for garbage: not while modules are loaded, since each search goes through all that was loaded."""

from __future__ import annotations

import gc


def pause_collection() -> None:
    """Look for no garbage until `resume_collection`."""
    gc.disable()


def resume_collection() -> None:
    """Look for garbage again, except in what was loaded until now: it stays to the end of the process.

    Nothing is done where garbage is looked for already: what a run leaves that begins anew would stay, too.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
