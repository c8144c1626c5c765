"""What the browser loads besides pages: the style sheets, our own modules, Bootstrap's one file. Held in memory.

Each address holds a hash of all of them, so that a browser keeps them until one changes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

from starlette.responses import Response

from hemato_edge.errors import MissingExtraError
from hemato_edge.web.classes import class_sheet
from hemato_edge.web.security.access import Missing

BOOTSTRAP = "bootstrap.min.css"
BOOTSTRAP_SHA384 = "sRIl4kxILFvY47J16cr9ZwB07vP4J8+LH7qKQnuqkuIAvNWLzeN8tE5YBujZqJLB"
"""Of Bootstrap 5.3.8's file as npm and the project's own page have it."""
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """All files, by name.

    Raises:
        MissingExtraError: Bootstrap is not installed, or is not the file that it should be.
    """

    def __init__(self) -> None:
        own = files("hemato_edge.web") / "static"
        self._files = {
            one.name: one.read_bytes() for one in own.iterdir() if Path(one.name).suffix in _TYPES and one.is_file()
        }
        self._files["classes.css"] = class_sheet().encode()
        self._files[BOOTSTRAP] = bootstrap()
        self._packed = {name: gzip.compress(content, 9, mtime=0) for name, content in self._files.items()}
        digest = hashlib.sha256(b"".join(self._files[name] for name in sorted(self._files)))
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Where a file is served.

        Raises:
            KeyError: there is none of that name.
        """
        self._files[name]
        return f"/static/{self.version}/{name}"

    def answer(self, version: str, name: str, *, packed: bool) -> Response:
        """A file."""
        if name not in self._files or version != self.version:
            raise Missing("There is no such file.", "Load the page anew.")
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        content = self._packed[name] if packed else self._files[name]
        return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])


def bootstrap() -> bytes:
    """Bootstrap's style sheet, from the files of the package that brings it; its Python code is not run."""
    fix = "Type `pip install 'hemato-edge[web]'`."
    try:
        found = distribution("bootstrap-wrapper").locate_file(f"bootstrap/css/{BOOTSTRAP}")
        content = Path(str(found)).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise MissingExtraError("The page needs Bootstrap's style sheet, which is not installed.", fix) from error
    if base64.b64encode(hashlib.sha384(content).digest()).decode() != BOOTSTRAP_SHA384:
        raise MissingExtraError("The installed style sheet is not that of Bootstrap 5.3.8.", fix)
    return content
