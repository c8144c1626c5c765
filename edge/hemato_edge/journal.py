"""Logging to the systemd journal, with searchable fields.

`journalctl HEMATO_EDGE_SESSION=3` finds a session's lines. The journal's native protocol is implemented by
logging-journald: pure Python, maintained, and it passes long lines in a sealed memory file as the protocol requires.
Its own handler is not used, since it has no fields of our names and fails on levels of other libraries.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from hemato_edge.credentials import without_secrets
from hemato_edge.escaped import as_utf8, on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IDENTIFIER = "hemato-edge"
FIELDS = "journal_fields"
"""Name of the log record's attribute with further fields: `log.info("…", extra={FIELDS: {"camera_state": "live"}})`."""
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Minimum level of a log record → syslog priority; below all of them 7, debugging."""


def goes_to_journal() -> bool:
    """Whether standard error is connected to the journal, by `JOURNAL_STREAM`: then a service manager runs us."""
    if not os.environ.get("JOURNAL_STREAM"):
        return False
    from logging_journald import check_journal_stream

    try:
        return bool(check_journal_stream())
    except (ValueError, OSError):  # not two numbers, or standard error is closed
        return False


class JournalHandler(logging.Handler):
    """Writes log records to the journal.

    Args:
        socket: the journal's; None for the default.
    """

    def __init__(self, socket: Path | None = None) -> None:
        from logging_journald import JournaldTransport

        super().__init__()
        self._transport = JournaldTransport(socket, connected=False)  # a restarted journal is found again
        self.setFormatter(logging.Formatter("%(message)s"))
        self.fields: dict[str, object] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; to standard error if the journal is gone."""
        try:
            self._transport.send(self._pairs(record))
        except OSError:
            sys.stderr.write(f"{record.levelname} {record.name}: {self.format(record)}\n")
        except Exception:  # noqa: BLE001 - as in all handlers of `logging`: a bad record must not end the program
            self.handleError(record)

    def close(self) -> None:
        """Close the socket."""
        self._transport.socket.close()
        super().close()

    def _pairs(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        yield "MESSAGE", as_utf8(self.format(record))  # with the traceback, where there is one
        yield "PRIORITY", next((priority for level, priority in PRIORITIES if record.levelno >= level), 7)
        yield "SYSLOG_IDENTIFIER", IDENTIFIER
        yield "LOGGER", record.name
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", record.lineno
        yield "CODE_FUNC", record.funcName
        for name, value in {**self.fields, **getattr(record, FIELDS, {})}.items():
            yield f"HEMATO_EDGE_{name}", value if isinstance(value, (int, float)) else as_utf8(str(value))


def log_level(verbose: int, *, quiet: bool, setting: str | None = None) -> int:
    """The level to log from: by -q, -v, the setting `log.level`; by default warnings, and info in a service.

    Args:
        verbose: number of -v options.
        quiet: whether -q was given.
        setting: "error", "warning", "info" or "debug"; None if not set.
    """
    if quiet:
        return logging.ERROR
    if verbose:
        return max(logging.DEBUG, logging.WARNING - 10 * verbose)
    if setting is not None:
        return int(getattr(logging, setting.upper()))
    return logging.INFO if goes_to_journal() else logging.WARNING


def journal_handler() -> JournalHandler | None:
    """The active journal handler, or None."""
    return next((each for each in logging.getLogger().handlers if isinstance(each, JournalHandler)), None)


def remember(**fields: object) -> None:
    """Add fields to all further lines in the journal; no effect without one."""
    handler = journal_handler()
    if handler is not None:
        handler.fields.update(fields)


def rewriting(change: Callable[[str], str]) -> Callable[[logging.LogRecord], bool]:
    """A filter for log handlers that replaces each message by what `change` makes of it."""

    def rewrite(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        changed = change(message)
        if changed != message:
            record.msg, record.args = changed, None
        return True

    return rewrite


def set_up_logging(level: int) -> None:
    """Log from `level` on: to the journal if standard error is connected to it, else as plain lines."""
    handler: logging.Handler
    if goes_to_journal():
        handler = JournalHandler()
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(rewriting(without_secrets))
    handler.addFilter(rewriting(on_one_line))  # texts from outside, such as names of files, begin no line of their own
    logging.basicConfig(level=level, handlers=[handler], force=True)
