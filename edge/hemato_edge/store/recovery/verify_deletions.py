"""Verifies the traces of deleted sessions: each is linked to the chain that it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hemato_edge.store import chain
from hemato_edge.store.rows import canonical_json
from hemato_edge.store.seal import KEY, SEAL
from hemato_edge.store.write.deletions import BEFORE, END

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hemato_edge.store.heads import Head
    from hemato_edge.store.records import Deletion
    from hemato_edge.store.recovery.verify_chain import ChainState
    from hemato_edge.store.seal import SealKey


def verify_deletions(
    deletions: Sequence[Deletion], chains: Sequence[ChainState], key: SealKey | None = None
) -> Iterator[str]:
    """What is wrong with the traces, a sentence each.

    Args:
        deletions: all traces of the database.
        chains: of the sessions that are there.
        key: to verify the seals with; None: they are not looked at.
    """
    there = {one.session for one in chains}
    for one in deletions:
        if one.session in there:
            yield f"session {one.session} is there, though it was deleted"
        said: dict[str, Any] = json.loads(one.said)
        before = _link(said.get(BEFORE))
        if chain.next_link(before, one.entry, chain.DELETED, one.said, []) != one.link:
            yield f"what stands of the deletion of session {one.session} was edited"
        elif key is not None:
            sealed = bool(said.get(KEY)) or any(state.key for state in chains if state.session < one.session)
            open_text = canonical_json({name: value for name, value in said.items() if name != SEAL})
            link = chain.next_link(before, one.entry, chain.DELETED, open_text, [])
            if (SEAL in said or sealed) and not key.holds(said.get(SEAL), link):
                yield f"session {one.session} was deleted without the key"


def fits_head(deletion: Deletion, head: Head) -> bool:
    """Whether a head that was noted outside of the database is one of the chain that the deletion ended."""
    said = json.loads(deletion.said)
    known = [[deletion.entry, deletion.link.hex()], [deletion.entry - 1, said.get(BEFORE)], said.get(END)]
    return [head.entry, head.link] in known


def _link(text: object) -> bytes:
    try:
        return bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
