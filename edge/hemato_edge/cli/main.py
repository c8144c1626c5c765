"""The `hemato-edge` command: its groups, global options, and how an error becomes one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from hemato_edge import __version__
from hemato_edge.cli import (
    bench,
    calibrate,
    config,
    convert,
    data,
    doctor,
    evaluate,
    look,
    models,
    mqtt,
    records,
    review,
    run,
    train,
)
from hemato_edge.errors import HematoEdgeError

app = typer.Typer(
    name="hemato-edge",
    help="A white-cell differential on the device. For Research Use Only. Not for use in diagnostic procedures.",
    no_args_is_help=True,
    rich_markup_mode=None,  # with it, the help takes twice as long to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    run,
    calibrate,
    look,
    records,
    review,
    mqtt,
    models,
    config,
    doctor,
    bench,
    train,
    convert,
    evaluate,
    data,
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
    level = logging.ERROR if quiet else max(logging.DEBUG, logging.WARNING - 10 * verbose)
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)


def main() -> None:
    """Entry point of the console script."""
    # Read by OpenCV when it is loaded: refuse a picture that would not fit into memory before decoding it.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "64000000")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    try:
        app()
    except HematoEdgeError as error:
        if logging.getLogger().isEnabledFor(logging.DEBUG):
            logging.getLogger(__name__).debug("where it came from", exc_info=error)
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # the reader of our output, `head` for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
