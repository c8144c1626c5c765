"""The `hemato-edge` command: its groups, global options, and how an error becomes one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from hemato_edge.about import __version__
from hemato_edge.cli.group import CommandGroup
from hemato_edge.cli.streams import finish_streams, prepare_streams
from hemato_edge.errors import HematoEdgeError
from hemato_edge.journal import FIELDS, journal_handler, log_level, set_up_logging

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and SIGINT's number, as shells have it."""


app = typer.Typer(
    name="hemato-edge",
    cls=CommandGroup,
    help="A white-cell differential on the device. For Research Use Only. Not for use in diagnostic procedures.",
    no_args_is_help=True,
    rich_markup_mode=None,  # with it, the help takes twice as long to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    # Read by pydantic: else it reads the records of all packages for plugins of its own, at each start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
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
