"""The `hemato-edge` command: its groups, global options, and how an error becomes one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from hemato_edge.about import __version__
from hemato_edge.cli import (
    bench,
    calibrate,
    config,
    database,
    doctor,
    door,
    images,
    models,
    mqtt,
    report,
    review,
    run,
    service,
    session,
    site,
    web,
)
from hemato_edge.cli.anywhere import with_global_options
from hemato_edge.cli.streams import finish_streams, prepare_streams
from hemato_edge.errors import HematoEdgeError
from hemato_edge.extensions import COMMANDS, extensions
from hemato_edge.journal import FIELDS, journal_handler, log_level, set_up_logging

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and SIGINT's number, as shells have it."""


class CommandGroup(TyperGroup):
    """The device's commands, and those of other packages: these are imported when one is asked for, or all."""

    _extended = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # typer brings its own click from 0.20 on
        """The command of that name; other packages are asked where the device has none."""
        found = super().get_command(ctx, cmd_name)
        if found is None and not self._extended:
            self._extend()
            found = super().get_command(ctx, cmd_name)
        return None if found is None else with_global_options(found)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        self._extend()
        return super().list_commands(ctx)

    def _extend(self) -> None:
        if self._extended:
            return
        self._extended = True
        brought = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        for _, register in extensions(COMMANDS):
            if callable(register):
                register(brought)
        if brought.registered_commands or brought.registered_groups:
            self.commands = {**self.commands, **get_group(brought).commands, **self.commands}


app = typer.Typer(
    name="hemato-edge",
    cls=CommandGroup,
    help="A white-cell differential on the device. For Research Use Only. Not for use in diagnostic procedures.",
    no_args_is_help=True,
    rich_markup_mode=None,  # with it, the help takes twice as long to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    *(run, web, door, calibrate, site, images, report, review, session, database, mqtt, models),
    *(config, doctor, bench, service),
):
    group.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hemato-edge {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; twice for debugging.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is asked for, and errors.")] = False,
) -> None:
    """Global options."""
    set_up_logging(log_level(verbose, quiet=quiet))


def _say(error: HematoEdgeError) -> None:
    """One line on standard error; where that is the journal, one entry with the parts in fields."""
    if journal_handler() is None:
        typer.echo(f"error: {error}", err=True)
        return
    fields = {"error": error.family, "fix": error.fix, "exit_code": error.exit_code}
    logging.getLogger(__name__).error("%s", error, extra={FIELDS: fields})


def main() -> None:
    """Entry point of the console script."""
    # Read by OpenCV when it is loaded: refuse a picture that would not fit into memory before decoding it.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "64000000")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    prepare_streams()
    code = _run()
    trouble = finish_streams()
    if trouble is not None and not code:
        typer.echo(f"error: Standard output cannot be written: {trouble}. Write to a file with --out.", err=True)
        code = 1
    sys.exit(code)


def _run() -> int:
    """The exit code of the command that was asked for."""
    try:
        app()
    except SystemExit as end:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # typer's mark of a pipe whose reader has seen enough
            return 0
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except HematoEdgeError as error:
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            logging.getLogger(__name__).debug("where it came from", exc_info=error)
        _say(error)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output, `head` for instance, has seen enough
        return 0
    except OSError as error:  # standard output is full or gone, or a file that no command thought of
        logging.getLogger(__name__).debug("where it came from", exc_info=error)
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"error: {error.strerror or error}{where}.", err=True)
        return 1
    except KeyboardInterrupt:  # before or after what typer watches over
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    main()
