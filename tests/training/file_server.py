"""A small HTTP server with the faults that real ones have."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


@dataclass
class Behaviour:
    """What the server does; `cuts` answers break off after `cut_after` bytes; `sends_to` is where it sends on to."""

    content: bytes
    ranges: bool = True
    status: int = 200
    cuts: int = 0
    cut_after: int = 0
    content_type: str = "application/zip"
    validator: bool = True
    sends_to: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a file that a server on this machine hands out as `behaviour` says; over TLS with a context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.asked.append(self.headers.get("Range", ""))
            if behaviour.sends_to:
                self.send_response(302)
                self.send_header("Location", behaviour.sends_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if behaviour.status != 200:
                self.send_error(behaviour.status)
                return
            tag = f'"{hashlib.sha256(behaviour.content).hexdigest()[:8]}"'
            start = 0
            asked = self.headers.get("Range")
            if asked and behaviour.ranges and self.headers.get("If-Range") == tag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            body = behaviour.content[start:]
            self.send_response(206 if start else 200)
            if start:
                total = len(behaviour.content)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Type", behaviour.content_type)
            self.send_header("Content-Length", str(len(body)))
            if behaviour.validator:
                self.send_header("ETag", tag)
            self.end_headers()
            if behaviour.cuts:
                behaviour.cuts -= 1
                body = body[: behaviour.cut_after]
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that trusts us not breaks off: that is what is tried."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        # the handshake is each connection's own thread's, so that one client holds no other up
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://{host}:{server.server_address[1]}/set.zip"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
