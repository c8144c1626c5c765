"""The one table of all that is answered, and who may ask for it."""

from __future__ import annotations

from starlette.routing import Route

from hemato_edge.web.api import endpoints as api
from hemato_edge.web.screens import (
    administration,
    counting,
    events,
    health,
    history,
    live,
    microscope,
    pictures,
    review,
    sign_in,
    slide_map,
    trend,
    verify,
)
from hemato_edge.web.screens.pictures import UPLOAD
from hemato_edge.web.security.access import Page, Role
from hemato_edge.web.security.guard import Guarded
from hemato_edge.web.sources.picture_jobs import MOST_FILES

TABLE: tuple[Page, ...] = (
    # anybody
    Page("GET", "/static/{version}/{name}", sign_in.serve_asset, Role.NOBODY),
    Page("GET", "/pair", sign_in.pairing_page, Role.NOBODY),
    Page("POST", "/pair", sign_in.pair, Role.NOBODY, rate="pair"),
    Page("GET", "/alive", sign_in.alive, Role.NOBODY),
    # who sees
    Page("GET", "/", counting.main_page, Role.VIEWER),
    Page("GET", "/live/frame", live.frame, Role.VIEWER),
    Page("GET", "/live/still.jpg", live.still, Role.VIEWER),
    Page("GET", "/live/pose", live.pose, Role.VIEWER),
    Page("GET", "/map", slide_map.map_page, Role.VIEWER),
    Page("GET", "/events", events.events, Role.VIEWER),
    Page("GET", "/health", health.health_page, Role.VIEWER),
    Page("GET", "/health/report.json", health.health_file, Role.VIEWER),
    Page("GET", "/devices", administration.devices_page, Role.VIEWER),
    Page("GET", "/settings", administration.settings_page, Role.VIEWER),
    Page("POST", "/language", administration.choose_language, Role.VIEWER),
    Page("GET", "/review", review.one_by_one, Role.VIEWER),
    Page("GET", "/review/gallery", review.gallery, Role.VIEWER),
    Page("GET", "/review/newest", review.newest, Role.VIEWER),
    Page("GET", "/review/cells", review.listed, Role.VIEWER),
    Page("GET", "/review/tally", review.numbers, Role.VIEWER),
    Page("GET", "/cell/{session}/{field}/{number}", review.portrait, Role.VIEWER),
    Page("GET", "/cell/{session}/{field}/{number}/map", review.activation, Role.VIEWER),
    Page("GET", "/history", history.sessions, Role.VIEWER),
    Page("GET", "/sessions/{session}", history.session, Role.VIEWER),
    Page("GET", "/sessions/{session}/print", history.printed, Role.VIEWER),
    Page("GET", "/sessions/{session}/file/{format}", history.file, Role.VIEWER),
    Page("GET", "/trend", trend.trend_page, Role.VIEWER),
    Page("GET", "/qc", history.quality, Role.VIEWER),
    Page("GET", "/compare", history.compare, Role.VIEWER),
    Page("GET", "/pictures", pictures.upload_page, Role.VIEWER),
    Page("GET", "/pictures/{name}", pictures.result_page, Role.VIEWER),
    Page("GET", "/pictures/{name}/{number}", pictures.marked, Role.VIEWER),
    Page("GET", "/microscope", microscope.microscope_page, Role.VIEWER),
    Page("GET", "/verify", verify.begin, Role.VIEWER),
    Page("GET", "/verify/cell", verify.question, Role.REVIEWER),
    Page("GET", "/verify/cells", verify.cells, Role.REVIEWER),
    Page("GET", "/verify/result", verify.result, Role.VIEWER),
    Page("POST", "/leave", sign_in.leave, Role.VIEWER),
    # who counts
    Page("POST", "/session/start", counting.start, Role.COUNTER),
    Page("POST", "/session/stop", counting.stop, Role.COUNTER),
    Page("POST", "/session/note", counting.note, Role.COUNTER),
    Page("POST", "/microscope/use", microscope.use, Role.COUNTER),
    Page("POST", "/pictures", pictures.judge, Role.COUNTER, most_bytes=UPLOAD, most_files=MOST_FILES, rate="upload"),
    Page("POST", "/health/examine", health.examine, Role.COUNTER),
    # who keeps it
    Page("POST", "/devices/pin", administration.new_pin, Role.KEEPER),
    Page("POST", "/devices/revoke", administration.revoke, Role.KEEPER),
    Page("GET", "/settings/edit", administration.setting_page, Role.KEEPER),
    Page("POST", "/settings", administration.change_setting, Role.KEEPER),
    Page("GET", "/calibrate", microscope.calibrate_page, Role.KEEPER),
    Page("POST", "/calibrate", microscope.calibrate, Role.KEEPER),
    # who reviews
    Page("POST", "/review/name", review.name, Role.REVIEWER),
    Page("POST", "/review/undo", review.undo, Role.REVIEWER),
    Page("POST", "/review/approve", review.approve, Role.REVIEWER),
    Page("POST", "/verify/name", verify.name, Role.REVIEWER),
    Page("POST", "/verify/undo", verify.undo, Role.REVIEWER),
    Page("POST", "/verify", verify.reckon, Role.REVIEWER),
    # what programs ask for
    *(endpoint.page for endpoint in api.ENDPOINTS),
)


def routes() -> list[Route]:
    """The table as Starlette takes it: one route a path, each behind the guard."""
    by_path: dict[str, dict[str, Page]] = {}
    for page in TABLE:
        by_path.setdefault(page.path, {})[page.method] = page
    return [Route(path, Guarded(pages)) for path, pages in by_path.items()]
