"""The live picture: pulled by each browser, one request a frame, and asked for at the door once for all of them.

An answer is four bytes, little endian, with the length of the JSON that follows; the JSON (`seq`, `age_ms`, size,
`verdict`, `marks`, `measures`, `pose`); the JPEG. So the marks never lag behind their picture, and a slow connection
shows fewer pictures instead of older ones.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from starlette.responses import Response

from hemato_edge.web.pages import json_answer, query_number, services_of
from hemato_edge.web.security.access import Missing, Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from hemato_edge.door.messages import Answer

MOST_WATCHERS = 8
MEDIA_TYPE = "application/vnd.hemato-edge.frame"


def packed(answer: Answer) -> bytes:
    """A picture with its marks, as the browser takes it apart."""
    told = json.dumps(dict(answer.told), separators=(",", ":")).encode()
    return struct.pack("<I", len(told)) + told + answer.jpeg


async def frame(request: Request) -> Response:
    """`GET /live/frame?after=N&w=W`: the next picture with its marks; 204 if none came in 3 s."""
    answer = await _next(request, query_number(request, "after"), query_number(request, "w", 640))
    if answer is None:
        return Response(status_code=204)
    return Response(packed(answer), media_type=MEDIA_TYPE)


async def pose(request: Request) -> Response:
    """`GET /live/pose?after=N`: what goes with the next picture, without it and without marks; 204 as above."""
    answer = await _next(request, query_number(request, "after"), 320)
    if answer is None:
        return Response(status_code=204)
    return json_answer({name: answer.told.get(name) for name in ("seq", "pose", "width", "height", "verdict")})


async def still(request: Request) -> Response:
    """`GET /live/still.jpg`: one picture, for a browser without scripts."""
    answer = await _next(request, 0, 640)
    if answer is None:
        raise Missing("There is no picture.", "Is the camera's cap on?")
    return Response(answer.jpeg, media_type="image/jpeg")


async def _next(request: Request, after: int, width: int) -> Answer | None:
    feed = services_of(request).frames
    if feed.watchers >= MOST_WATCHERS:
        raise Refused(503, "Too many look on.", "Close a page that is not used.")
    feed.watchers += 1
    try:
        return await feed.next(after, width)
    finally:
        feed.watchers -= 1
