"""Commits fields for ever and prints, after each, what the writer says is on disk. To be killed."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import count
from pathlib import Path

from recorded import session_start, varied_field, varied_tallies

from hemato_edge.store.writer import open_writer

with open_writer(Path(sys.argv[1])) as writer:
    session = writer.start_session(session_start())
    for index in count():
        totals = writer.commit_field(session, varied_field(index), varied_tallies(index + 1))
        sys.stdout.write(json.dumps(asdict(totals)) + "\n")
        sys.stdout.flush()
