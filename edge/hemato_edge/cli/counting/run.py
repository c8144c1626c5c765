"""`hemato-edge run`: the daemon in the foreground, with a live table in a terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cameras.registry import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.cli.counting.display import Display
    from hemato_edge.cli.counting.instruments import Instruments
    from hemato_edge.device.process import LoadedFiles
    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.pipeline.running.daemon import Daemon, Limits
    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.pipeline.running.reloading import Reloader
    from hemato_edge.pipeline.running.standby import Renewal
    from hemato_edge.settings import Resolved, Settings
    from hemato_edge.store.records import Totals

CameraSpec = Annotated[str | None, typer.Option(metavar="SPEC", help=f"{examples()}; or what another package brings.")]
ProfileName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Calibration profile of the objective: `calibrate list`.")
]
Broker = Annotated[
    str | None, typer.Option(metavar="HOST", help="Send the counts to this MQTT broker; more under [mqtt].")
]
MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, metavar="PORT", help="Serve Prometheus metrics on this port.")
]

MosaicFile = Annotated[
    Path | None,
    typer.Option("--mosaic", metavar="FILE", help="Write all that was seen of the slide as one picture (.ome.tif)."),
]
Bell = Annotated[bool | None, typer.Option("--bell", help="Ring the terminal's bell when the target is reached.")]
ControlLot = Annotated[
    str | None,
    typer.Option("--control", metavar="LOT", help="It is this lot's control slide; `qc` follows it over time."),
]

Worklist = Annotated[
    Path | None,
    typer.Option(
        "--worklist",
        metavar="FILE",
        help="Without a label: the next sample of this CSV or FHIR file without a session.",
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Show the picture, and count once the page or `door start` says so.")
]
USUAL_AFTER = 200
"""Frames after which all that a run uses of its libraries has been used."""


def register(root: typer.Typer) -> None:
    """Add `run`."""
    root.command()(run)


def run(
    context: typer.Context,
    camera: CameraSpec = None,
    until: Annotated[int | None, typer.Option(min=0, metavar="N", help="Stop at N classified cells; 0: never.")] = None,
    db: Annotated[Path | None, typer.Option(metavar="PATH", help="The database; made if it is not there.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Another classifier bundle.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings in TOML.")] = None,
    no_display: Annotated[bool, typer.Option("--no-display", help="No live table and no lines of progress.")] = False,
    max_frames: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N frames.")] = None,
    duration: Annotated[float | None, typer.Option(min=0.0, metavar="S", help="Stop after S seconds.")] = None,
    profile: ProfileName = None,
    mqtt: Broker = None,
    metrics: MetricsPort = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Your name for the sample.")] = "",
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who counts; printed on the report.")] = None,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="Printed on the report.")] = None,
    control: ControlLot = None,
    worklist: Worklist = None,
    wait: Wait = False,
    door: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where the door is opened; see `hemato-edge door`.")
    ] = None,
    bell: Bell = None,
    mosaic: MosaicFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON document on stdout.")] = False,
) -> None:
    """Read frames, count each cell once, record the counts, and print the differential at the end.

    Ctrl-C or SIGTERM ends it in order; SIGHUP reads the settings anew.
    """
    from hemato_edge.cli.counting.supervision import apply_log_level, await_turn, begin_loading

    begin_loading()
    from hemato_edge.cli.counting.instruments import make_instruments, without_lost_profile
    from hemato_edge.pipeline.running.daemon import Limits
    from hemato_edge.settings import resolve
    from hemato_edge.store.recorded_settings import lot_named

    given = {"camera.spec": camera, "counting.target": until, "store.path": db, "model.path": model}
    given |= {"calibration.profile": profile, "mqtt.host": mqtt, "metrics.port": metrics, "door.path": door}
    given |= {"report.operator": operator, "report.comment": comment, "display.bell": bell}
    spacing, watchdog = await_turn()
    resolved = resolve(config, given)
    apply_log_level(context, resolved.settings)
    wish = Wish(
        limits=Limits(resolved.settings.counting.target or None, max_frames, duration),
        label=label or _offered(worklist, resolved.settings.store.path),
        control="" if control is None else lot_named(control),
        mosaic=mosaic,
        wait=wait,
        silent=no_display or as_json,
        as_json=as_json,
        resolve=lambda: resolve(config, given),
    )
    told = without_lost_profile if wait else lambda whole: whole
    while renewal := _count_and_tell(context, make_instruments(told(resolved)), wish, watchdog):
        given["calibration.profile"] = renewal.profile
        resolved = resolve(config, given)
        wish = replace(wish, limits=replace(wish.limits, leukocytes=resolved.settings.counting.target or None))
    spacing.end()


def _offered(worklist: Path | None, database: Path) -> str:
    """The next sample of a worklist; "" without one."""
    if worklist is None:
        return ""
    from hemato_edge.cli.sending.worklist import next_sample
    from hemato_edge.store.reader import Reader

    recorded: set[str] = set()
    if database.exists():
        with Reader(database) as reader:
            recorded = {record.label for record in reader.sessions()}
    sample = next_sample(worklist, recorded)
    typer.echo(f"Sample {sample}", err=True)
    return sample


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks of this one run, beside the settings.

    Attributes:
        limits: when it ends.
        label: the person's name for the sample.
        control: lot of the control slide that it is; "" for any other sample.
        mosaic: file for the mosaic of what was seen; None for none.
        wait: whether a session has to be started at the door.
        silent: show nothing while it counts.
        as_json: the report as JSON.
        resolve: reads the settings anew.
    """

    limits: Limits
    label: str
    control: str
    mosaic: Path | None
    wait: bool
    silent: bool
    as_json: bool
    resolve: Callable[[], Resolved]


def _count_and_tell(context: typer.Context, instruments: Instruments, wish: Wish, watchdog: Watchdog) -> Renewal | None:
    """The whole session, and its report; what to begin anew with, where somebody asked for that before a session.

    Raises:
        HematoEdgeError: what ended it.
    """
    from contextlib import ExitStack

    from hemato_edge.cli.counting.attended import Attendance
    from hemato_edge.cli.counting.display import ring
    from hemato_edge.cli.counting.instruments import checked_store, open_store
    from hemato_edge.cli.counting.mosaic import Mosaic
    from hemato_edge.cli.counting.outlets import Outlets
    from hemato_edge.cli.counting.supervision import listen_no_more, make_reloader, say_begun, tell
    from hemato_edge.device.process import LoadedFiles
    from hemato_edge.pipeline.running.daemon import Daemon
    from hemato_edge.store.records import named_white

    settings, source, calibration = instruments.settings, instruments.camera, instruments.calibration
    mosaic, loaded = Mosaic(wish.mosaic, calibration), LoadedFiles()
    with (
        ExitStack() as stores,
        Outlets(settings, checked_store(settings)) as outlets,
        Attendance(instruments.resolved, wait=wish.wait, watchdog=watchdog) as attendance,
    ):

        def begin() -> int:
            if daemon.writer is None:  # while a run waits, other programs may write
                daemon.writer = stores.enter_context(open_store(settings))
            ordered = attendance.ordered(wish.label, wish.limits.leukocytes)
            start = instruments.session_start(*ordered, wish.control)
            return attendance.begun(say_begun(daemon.writer.start_session(start), source.name))

        writer = None if wish.wait else stores.enter_context(open_store(settings))
        looking_on = outlets.observer, watchdog, attendance.viewer, attendance.hold
        daemon = Daemon(source, mosaic.following(instruments.analyzer()), writer, begin, wish.limits, *looking_on)
        outlets.watch(daemon, source, instruments.versions() | instruments.model())
        display = _display(source, instruments, wish)
        reloader = make_reloader(context, instruments.resolved, wish.resolve, daemon, watchdog)
        attendance.open(daemon, instruments.model()["model_sha256"], reloader, wish.resolve)
        error = _count(daemon, display, reloader, loaded)
        attendance.ended(error)
    if attendance.renewal is not None and error is not None:  # without one a signal has ended it
        listen_no_more()
        return attendance.renewal
    target = wish.limits.leukocytes
    if settings.display.bell and target and named_white(daemon.totals) >= target:
        ring()
    if calibration is not None and calibration.doubt:
        typer.echo(f"warning: scale_contradicts_profile: {calibration.doubt}", err=True)
    counted = error is None or (daemon.totals is not None and daemon.totals.fields)
    if daemon.session is not None and counted and not tell(daemon.totals):
        _print_report(settings, daemon.session, as_json=wish.as_json)
    mosaic.write()
    if error is not None:
        raise error
    return None


def _display(source: GuardedCamera, instruments: Instruments, wish: Wish) -> Display:
    from hemato_edge.cli.counting.display import Display

    return Display(
        source,
        instruments.settings.display.refresh_hz,
        silent=wish.silent,
        label=wish.label,
        verified=instruments.verified(),
        confusion=instruments.classifier.card.confusion,
    )


def _count(daemon: Daemon, display: Display, reloader: Reloader, loaded: LoadedFiles) -> HematoEdgeError | None:
    """Run to the end and close the session; the error that ended it, if one did."""
    from datetime import datetime, timezone

    from hemato_edge.cli.collection import resume_collection
    from hemato_edge.cli.counting.supervision import listen, say
    from hemato_edge.errors import HematoEdgeError
    from hemato_edge.store.records import FINISHED, INTERRUPTED

    def show(totals: Totals) -> None:
        reloader.check()
        display.show(totals, daemon.tallies)
        if held and totals.frames >= USUAL_AFTER:
            held.pop().release()

    resume_collection()
    stopped, held = listen(daemon, reloader), [loaded]
    state, error, because = INTERRUPTED, None, "the program crashed"
    with display:  # its end, as all that is said, comes after the session's: a stopped terminal may hold it up
        try:
            outcome = daemon.run(show, display.every_s)
            state, because = FINISHED, outcome.reason
        except HematoEdgeError as trouble:
            because = trouble.message
            if stopped and daemon.session is None:  # before the camera gave a frame: as asked, and nothing is lost
                because = stopped[0]
            else:
                error = trouble
        finally:
            if daemon.session is not None and daemon.writer is not None:
                daemon.writer.end_session(daemon.session, state, datetime.now(timezone.utc), because)
    if error is None:
        say(f"Stopped: {because}.")
    return error


def _print_report(settings: Settings, session: int, *, as_json: bool) -> None:
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.build import build_report
    from hemato_edge.views.report.formats.json_document import as_json as json_document
    from hemato_edge.views.report.formats.text import report_lines, report_view
    from hemato_edge.views.report.letterhead import printed

    head, language = printed(settings.report)
    with Reader(settings.store.path) as reader:
        report = build_report(reader, session, letterhead=head)
    if as_json:
        typer.echo(json_document(report))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(report_view(report, language), soft_wrap=True)
    else:
        typer.echo("\n".join(report_lines(report, language)))
