"""`hemato-edge run`: the daemon in the foreground, with a live table in a terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cameras.registry import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.cli.attended import Attendance
    from hemato_edge.cli.display import Display
    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.pipeline.calibrated import SessionCalibration
    from hemato_edge.pipeline.daemon import Daemon, Limits
    from hemato_edge.pipeline.notify import Watchdog
    from hemato_edge.pipeline.reloading import Reloader
    from hemato_edge.pipeline.run_state import Observer
    from hemato_edge.settings import Resolved, Settings
    from hemato_edge.store.records import SessionStart, Totals
    from hemato_edge.store.writer import Writer
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.locator import Locator


def register(root: typer.Typer) -> None:
    """Add `run`."""
    root.command()(run)


def run(
    context: typer.Context,
    camera: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help=f"{examples()}; or what another package brings.",
        ),
    ] = None,
    until: Annotated[int | None, typer.Option(min=0, metavar="N", help="Stop at N classified white cells.")] = None,
    db: Annotated[Path | None, typer.Option(metavar="PATH", help="The database; made if it is not there.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Another classifier bundle.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings in TOML.")] = None,
    no_display: Annotated[bool, typer.Option("--no-display", help="No live table and no lines of progress.")] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N frames.")] = None,
    duration: Annotated[float | None, typer.Option(min=0.0, metavar="S", help="Stop after S seconds.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calibration profile of the objective: `calibrate list`.")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="HOST", help="Send the counts to this MQTT broker; more under [mqtt].")
    ] = None,
    metrics: Annotated[
        int | None, typer.Option(min=0, max=65535, metavar="PORT", help="Serve Prometheus metrics on this port.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Your name for the sample.")] = "",
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who counts; printed on the report.")] = None,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="Printed on the report.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show the picture, and count once the page or `door start` says so.")
    ] = False,
    door: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the door is opened; see `hemato-edge door`.")
    ] = None,
    bell: Annotated[bool, typer.Option("--bell", help="Ring the terminal's bell when the target is reached.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON document on stdout.")] = False,
) -> None:
    """Read frames, count each cell once, record the counts, and print the differential at the end.

    Ctrl-C or SIGTERM ends it in order; SIGHUP reads the settings anew.
    """
    from contextlib import ExitStack

    from hemato_edge.cli.attended import Attendance
    from hemato_edge.cli.display import Display, ring
    from hemato_edge.cli.outlets import Outlets
    from hemato_edge.cli.service_run import apply_log_level, await_turn, make_reloader, say_begun, tell
    from hemato_edge.device.process import keep_one_arena
    from hemato_edge.pipeline.daemon import Limits
    from hemato_edge.settings import resolve
    from hemato_edge.store.records import named_white
    from hemato_edge.vision.classify.classifier import load_classifier
    from hemato_edge.vision.locate.choice import load_locator

    keep_one_arena()
    given = {"camera.spec": camera, "counting.target": until, "store.path": db, "model.path": model}
    given |= {"calibration.profile": profile, "mqtt.host": mqtt, "metrics.port": metrics, "door.path": door}
    given |= {"report.operator": operator, "report.comment": comment}
    spacing, watchdog = await_turn()
    resolved = resolve(config, given)
    settings = resolved.settings
    apply_log_level(context, settings)
    calibration = _calibration(settings)
    classifier = load_classifier(settings.model.path, settings.model.threads, settings.model.runtime)
    locator = load_locator(
        **settings.locator.model_dump(), threads=settings.model.threads, runtime=settings.model.runtime
    )
    source = _source(settings, calibration)
    limits = Limits(settings.counting.target or None, max_frames, duration)
    with (
        ExitStack() as stores,
        Outlets(settings, _checked(settings)) as outlets,
        Attendance(settings, wait=wait, watchdog=watchdog) as attendance,
    ):

        def begin() -> int:
            if daemon.writer is None:  # while a run waits, other programs may write
                daemon.writer = stores.enter_context(_writer(settings))
            ordered, target = attendance.ordered(label, limits.leukocytes)
            start = _start(resolved, locator, classifier, ordered, target, calibration)
            return attendance.begun(say_begun(daemon.writer.start_session(start), source.name))

        daemon = _daemon(
            source,
            locator,
            classifier,
            None if wait else stores.enter_context(_writer(settings)),
            begin,
            limits,
            settings,
            calibration,
            outlets.observer,
            watchdog,
            attendance,
        )
        bundle = classifier.model.bundle
        model_named = {"model": bundle.card.name, "model_sha256": bundle.sha256}
        outlets.watch(daemon, source, _versions(locator, classifier) | model_named)
        verified = _verified(classifier, calibration)
        quiet = no_display or as_json
        display = Display(source, settings.display.refresh_hz, silent=quiet, label=label, verified=verified)
        reloader = make_reloader(context, resolved, lambda: resolve(config, given), daemon, watchdog)
        attendance.open(daemon, settings.store.path.resolve(), reloader.check, reloader.request)
        error = _count(daemon, display, reloader)
        attendance.ended(error)
    if bell and limits.leukocytes and named_white(daemon.totals) >= limits.leukocytes:
        ring()
    if calibration is not None and calibration.doubt:
        typer.echo(f"warning: scale_contradicts_profile: {calibration.doubt}", err=True)
    counted = error is None or (daemon.totals is not None and daemon.totals.fields)
    if daemon.session is not None and counted and not tell(daemon.totals):
        _print_report(settings.store.path, daemon.session, as_json=as_json)
    if error is not None:
        raise error
    spacing.end()


def _writer(settings: Settings) -> Writer:
    from hemato_edge.store.write.retention import Retention
    from hemato_edge.store.writer import PATIENCE_S, open_writer

    store = settings.store
    retention = Retention(**settings.portraits.model_dump())
    return open_writer(
        store.path,
        store.min_free_mb,
        store.portraits_min_free_mb,
        store.reserve_mb,
        retention,
        patience_s=PATIENCE_S,
        group_readable=store.group_readable,
    )


def _checked(settings: Settings) -> Path:
    """The database's path: it is there, sound, and can be written."""
    with _writer(settings) as writer:
        return writer.path


def _calibration(settings: Settings) -> SessionCalibration | None:
    """The profile that was asked for, ready to work."""
    name = settings.calibration.profile
    if name is None:
        return None
    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.pipeline.calibrated import SessionCalibration

    return SessionCalibration(ProfileFolder(settings.calibration.folder).load(name))


def _source(settings: Settings, calibration: SessionCalibration | None) -> GuardedCamera:
    from hemato_edge.cameras.camera import Noise
    from hemato_edge.cameras.factory import make_watched_camera
    from hemato_edge.cameras.turned import turned

    camera = settings.camera
    noise = None if camera.noise == "auto" else Noise(camera.noise)
    if calibration is None:
        return make_watched_camera(
            camera.spec, camera, lambda unprepared: turned(unprepared, camera.rotate), noise=noise
        )
    from hemato_edge.pipeline.calibrated import sized_like

    return make_watched_camera(
        camera.spec,
        sized_like(camera, calibration.profile),
        lambda unprepared: calibration.prepared(turned(unprepared, camera.rotate), camera.open_timeout_s),
        noise=noise,
    )


def _start(
    resolved: Resolved,
    locator: Locator,
    classifier: TFLiteClassifier,
    label: str,
    target: int | None,
    calibration: SessionCalibration | None,
) -> SessionStart:
    from datetime import datetime, timezone

    from hemato_edge.credentials import without_secrets
    from hemato_edge.site.record import SECTION
    from hemato_edge.store.records import SessionStart

    bundle = classifier.model.bundle
    return SessionStart(
        camera=without_secrets(resolved.settings.camera.spec),
        label=label,
        target=target,
        model_name=bundle.card.name,
        model_sha256=bundle.sha256,
        settings=resolved.values()
        | ({} if calibration is None else {"calibration": calibration.session_section()})
        | {SECTION: _site_section(classifier, calibration)},
        versions=_versions(locator, classifier),
        utc=datetime.now(timezone.utc),
        monotonic_s=time.monotonic(),
        confusion=classifier.card.confusion,
    )


def _site_section(classifier: TFLiteClassifier, calibration: SessionCalibration | None) -> dict[str, object]:
    """What the session's record says of this microscope."""
    from hemato_edge.site.record import site_section

    site = None if calibration is None else calibration.profile.site
    return site_section(site, classifier.model.bundle.sha256, None, classifier.card.abroad)


def _verified(classifier: TFLiteClassifier, calibration: SessionCalibration | None) -> str:
    """The line of this microscope."""
    from hemato_edge.site.record import holding
    from hemato_edge.site.verification import verification_line

    site = None if calibration is None else calibration.profile.site
    return verification_line(holding(site, classifier.model.bundle.sha256, None))


def _versions(locator: Locator, classifier: TFLiteClassifier) -> dict[str, str]:
    import platform

    import cv2
    import numpy as np

    from hemato_edge import __version__
    from hemato_edge.vision.locate.choice import provenance

    runtime = classifier.model.runtime
    return {
        "hemato-edge": __version__,
        "locator": provenance(locator),
        runtime.name: runtime.version,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _daemon(
    source: GuardedCamera,
    locator: Locator,
    classifier: TFLiteClassifier,
    writer: Writer | None,
    begin: Callable[[], int],
    limits: Limits,
    settings: Settings,
    calibration: SessionCalibration | None,
    observer: Observer | None,
    watchdog: Watchdog,
    attendance: Attendance,
) -> Daemon:
    from hemato_edge.pipeline.daemon import Daemon
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.pipeline.field_mask import mask_of
    from hemato_edge.vision.quality import QualityGate

    gate = QualityGate(**settings.quality.model_dump())
    analyzer = FieldAnalyzer(gate, locator, classifier, calibration, mask=mask_of(settings.camera))
    looking_on = attendance.viewer, attendance.hold
    return Daemon(source, analyzer, writer, begin, limits, observer, watchdog, *looking_on)


def _count(daemon: Daemon, display: Display, reloader: Reloader) -> HematoEdgeError | None:
    """Run to the end and close the session; the error that ended it, if one did."""
    from datetime import datetime, timezone

    from hemato_edge.cli.service_run import listen, say
    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.store.records import FINISHED, INTERRUPTED

    def show(totals: Totals) -> None:
        reloader.check()
        display.show(totals, daemon.tallies)

    stopped = listen(daemon, reloader)
    state, error, because = INTERRUPTED, None, "the program crashed"
    try:
        with display:
            outcome = daemon.run(show, display.every_s)
        state, because = FINISHED, outcome.reason
        say(f"Stopped: {outcome.reason}.")
    except HematoEdgeError as trouble:
        because = trouble.message
        if stopped and daemon.session is None:  # before the camera gave a frame: as asked, and nothing is lost
            say(f"Stopped: {stopped[0]}.")
        else:
            error = trouble
    finally:
        if daemon.session is not None and daemon.writer is not None:
            daemon.writer.end_session(daemon.session, state, datetime.now(timezone.utc), because)
    return error


def _print_report(path: Path, session: int, *, as_json: bool) -> None:
    from rich.console import Console

    from hemato_edge.cli.report import letterhead
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.build import build_report
    from hemato_edge.views.report.model import as_json as json_document
    from hemato_edge.views.report.text import report_lines, report_view

    with Reader(path) as reader:
        report = build_report(reader, session, letterhead=letterhead())
    if as_json:
        typer.echo(json_document(report))
    elif sys.stdout.isatty():
        Console().print(report_view(report), soft_wrap=True)
    else:
        typer.echo("\n".join(report_lines(report)))
