"""The microscope: its calibration profiles, one an objective; one is chosen, and a new one is made step by step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import (
    CALIBRATIONS,
    FLAT_FIELD,
    MASK,
    MAX_DISTANCE_NM,
    MAX_NOTE,
    MAX_POINT,
    MAX_PROFILE,
    MICROMETER,
    WAITING,
    Calibrate,
    Profiles,
    UseProfile,
)
from hemato_edge.door.messages import DoorError
from hemato_edge.web.pages import device_of, form_number, form_text, json_answer, redirect_to, render_page, services_of
from hemato_edge.web.security.access import Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.door.commands import Command
    from hemato_edge.web.services import Services

ANEW_S = 30.0
"""So long a run that begins anew is waited for."""
_ASK_EVERY_S = 0.25
PATIENCE_S = 60.0
"""So long a measurement on live pictures may take."""
STEPS = (FLAT_FIELD, MICROMETER, MASK)
"""In the order of the walk: even light first, since the others are measured in it."""


def microscope_page(request: Request) -> Response:
    """`GET /microscope`: the profiles that there are, and which is in use."""
    told, trouble = profiles(request)
    waits = services_of(request).changes.state()["phase"] == WAITING
    return render_page(
        request, "microscope.html", used=told["used"], profiles=told["profiles"], trouble=trouble, waits=waits
    )


def use(request: Request) -> Response:
    """`POST /microscope/use`: the run begins anew with `profile`; empty for none."""
    profile = form_text(request, "profile", MAX_PROFILE)
    told = ask(request, UseProfile(profile))
    await_run(services_of(request))
    return redirect_to("/") if "text/html" in request.headers.get("accept", "") else json_answer(told)


def calibrate_page(request: Request) -> Response:
    """`GET /calibrate?profile=P&step=flat_field|micrometer|mask`: one step of the walk; without a profile its name."""
    return _step(request, request.query_params.get("profile", "")[:MAX_PROFILE], request.query_params.get("step", ""))


def calibrate(request: Request) -> Response:
    """`POST /calibrate`: measures `what` on the live pictures and keeps it in `profile`; then the next step."""
    what, profile = form_text(request, "what", MAX_PROFILE), form_text(request, "profile", MAX_PROFILE)
    if what not in CALIBRATIONS:
        raise Refused(400, "That cannot be calibrated.", f"Choose one of {', '.join(CALIBRATIONS)}.")
    points = {}
    if what == MICROMETER:
        points = {name: form_number(request, name, 0, MAX_POINT) for name in ("x1", "y1", "x2", "y2")}
        points["distance_nm"] = form_number(request, "distance_nm", 1, MAX_DISTANCE_NM)
    command = Calibrate(what, profile, form_text(request, "objective", MAX_NOTE), **points)
    try:
        with DoorClient(services_of(request).options.door, "page", PATIENCE_S) as patient:
            told = dict(patient.ask(command, form_text(request, "key", 64) or None, device_of(request).name).told)
    except DoorError as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _step(request, profile, what, error, 409)
    if "text/html" not in request.headers.get("accept", ""):
        return json_answer(told)
    return redirect_to(f"/calibrate?profile={profile}&step={_after(what)}")


def ask(request: Request, command: Command) -> dict[str, Any]:
    """Ask at the door in the device's name; the page's `key` makes a repeated request the same one."""
    key = form_text(request, "key", 64) or None if request.method == "POST" else None
    return dict(services_of(request).commands.ask(command, key, device_of(request).name).told)


def await_run(services: Services) -> None:
    """Wait until a run that begins anew answers again; give up in silence, the page then shows what is."""
    end = time.monotonic() + ANEW_S
    time.sleep(_ASK_EVERY_S)  # it answers for a moment yet
    while services.changes.state()["phase"] != WAITING and time.monotonic() < end:
        time.sleep(_ASK_EVERY_S)


def _step(request: Request, profile: str, step: str, trouble: DoorError | None = None, status: int = 200) -> Response:
    told, shut = profiles(request)
    known = next((one for one in told["profiles"] if one["name"] == profile), None)
    state = services_of(request).changes.state()
    waits = state["phase"] == WAITING
    step = step if step in (*STEPS, "done") else STEPS[0]
    template = "calibrate.html" if profile else "calibrate_name.html"
    return render_page(
        request,
        template,
        status,
        profile=profile,
        known=known,
        names=[one["name"] for one in told["profiles"]],
        step=step,
        at=STEPS.index(step) + 1 if step in STEPS else len(STEPS) + 1,
        steps=len(STEPS),
        skip=_after(step),
        waits=waits,
        used=told["used"],
        state=state,
        trouble=trouble or shut,
    )


def _after(step: str) -> str:
    return "done" if step in ("done", STEPS[-1]) else STEPS[STEPS.index(step) + 1]


def profiles(request: Request) -> tuple[dict[str, Any], DoorError | None]:
    """What the run knows of profiles; nothing, and why, where nobody answers."""
    try:
        return ask(request, Profiles()), None
    except DoorError as error:
        return {"used": None, "profiles": []}, error
