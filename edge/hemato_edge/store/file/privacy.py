"""Who may read the records of a sample: the user who counts, and a group where a setting says so.

Labels can name people, so the database, its log, its copies and the pictures in it are nobody else's business.
"""

from __future__ import annotations

import logging
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE, GROUP_FILE_MODE = 0o600, 0o640
FOLDER_MODE, GROUP_FOLDER_MODE = 0o700, 0o750
_log = logging.getLogger(__name__)


def make_private(path: Path, *, group: bool = False) -> None:
    """Takes the rights of others away from a file of ours; a file of another user is left as it is, and logged.

    Args:
        path: a regular file. A link is not followed.
        group: the file's group keeps its right to read.
    """
    wanted = GROUP_FILE_MODE if group else FILE_MODE
    try:
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != wanted:
            path.chmod(wanted)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("others may go on reading %s: %s", path, error)
