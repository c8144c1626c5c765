"""A network camera on this machine: JPEG pictures over HTTP (`multipart/x-mixed-replace`), as IP cameras send them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAUSE_S = 0.005
"""Between two pictures: a reader that is behind would otherwise have them buffered."""


class _Camera(BaseHTTPRequestHandler):
    pictures: Iterable[bytes]
    served: int

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with suppress(OSError):
            for picture in self.pictures:
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
                self.wfile.write(picture + b"\r\n")
                time.sleep(PAUSE_S)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(pictures: Iterable[bytes]) -> Iterator[tuple[str, type[_Camera]]]:
    """Its address, and the handler, which counts its clients."""
    handler = type("Camera", (_Camera,), {"pictures": pictures, "served": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/stream", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
