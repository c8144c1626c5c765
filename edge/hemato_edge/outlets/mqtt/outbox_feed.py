"""Copies from the store into the outbox: committed data of sessions recorded with MQTT enabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.outlets.mqtt.messages import COUNTS, SESSION, counts_content, session_content, session_key
from hemato_edge.outlets.mqtt.outbox import Progress
from hemato_edge.store.records import RUNNING

if TYPE_CHECKING:
    from hemato_edge.outlets.mqtt.outbox import Outbox
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord

ASKED_FOR = "mqtt.host"
"""The setting by which a person asks for it. Each session keeps the settings that it was recorded with."""


class Filler:
    """Feeds an outbox from the store.

    Args:
        outbox: to fill.
        limit: messages it holds at most; beyond that the rest waits in the store.
        with_label: whether the sample's label is sent as well.
    """

    def __init__(self, outbox: Outbox, limit: int, *, with_label: bool) -> None:
        self._outbox = outbox
        self._limit = limit
        self._with_label = with_label

    def fill(self, reader: Reader, *, renew: bool) -> bool:
        """Add messages for everything new in the store.

        Args:
            reader: of the store.
            renew: send the counts of a running session anew. Not while the broker cannot be reached: the store has the
                newest, and the SD card is spared.

        Returns:
            Whether everything was taken over; False where the outbox was full.

        Raises:
            StoreError: the store or the outbox cannot be used.
        """
        progress = self._outbox.progress()
        first = progress.next_session
        sessions = reader.sessions_since(max(1, first - 1))
        if first > 1 and (not sessions or sessions[0].id != first - 1 or session_key(sessions[0]) != progress.last_key):
            progress = Progress()  # another store lies here now
            sessions = reader.sessions_since(1)
        newest = sessions[-1].id if sessions else 0
        with self._outbox.transaction():
            room = self._limit - self._outbox.waiting()
            for record in sessions:
                if record.id < progress.next_session:
                    continue
                if room < len((SESSION, COUNTS)):
                    self._outbox.set_progress(progress)
                    return False
                room -= self._tell(reader, record, newest, renew=renew)
                if record.id == progress.next_session and _is_settled(record, newest):
                    progress = Progress(record.id + 1, session_key(record), progress.relabel)
            progress, whole = self._tell_relabelled(reader, progress, newest, room)
            self._outbox.set_progress(progress)
        return whole

    def _tell_relabelled(self, reader: Reader, progress: Progress, newest: int, room: int) -> tuple[Progress, bool]:
        """Send counts again for completely sent sessions that were reviewed since."""
        for session, relabel in reader.relabelled_since(progress.relabel):
            if session < progress.next_session:
                if room < len((SESSION, COUNTS)):
                    return progress, False
                room -= self._tell(reader, reader.session(session), newest, renew=True)
            progress = Progress(progress.next_session, progress.last_key, relabel)
        return progress, True

    def _tell(self, reader: Reader, record: SessionRecord, newest: int, *, renew: bool) -> int:
        """Add the messages of one session to the outbox; returns their number."""
        if record.settings.get(ASKED_FOR) is None:
            return 0
        session, retain = (record.id, session_key(record)), record.id == newest
        made = self._outbox.tell(session, SESSION, session_content(record, with_label=self._with_label), retain=retain)
        if record.state == RUNNING and not renew and self._outbox.has_told(session[1], COUNTS):
            return int(made)
        content = counts_content(record, reader.totals(record.id))
        return int(made) + int(self._outbox.tell(session, COUNTS, content, retain=retain))


def _is_settled(record: SessionRecord, newest: int) -> bool:
    """Whether a session has ended, on record: only a person's review can still change it."""
    return record.state != RUNNING and (record.ended_utc is not None or record.id < newest)
