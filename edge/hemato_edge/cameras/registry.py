"""The kinds of camera there are, and from what a person types after `--camera` to the camera it names.

`python -m hemato_edge.cameras.registry > docs/reference/cameras.md` writes the documentation's table.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hemato_edge.cameras.kind import CameraKind
from hemato_edge.cameras.kinds import demo, files, gstreamer, live_demo, picamera, stream, v4l2, video
from hemato_edge.credentials import with_credentials
from hemato_edge.errors import CameraError
from hemato_edge.extensions import CAMERAS, extension, extension_names

if TYPE_CHECKING:
    from hemato_edge.cameras.camera import Camera
    from hemato_edge.cameras.kind import CameraOptions, DeviceNodes, Needs

NAMED: tuple[CameraKind, ...] = (v4l2.KIND, picamera.KIND, gstreamer.KIND, stream.KIND, demo.KIND, live_demo.KIND)
"""Told by the name itself. No two take the same SPEC."""
PATHS: tuple[CameraKind, ...] = (files.KIND, video.KIND)
"""Told by what lies there; asked last, so that no file can stand in for a camera."""


def kinds() -> tuple[CameraKind, ...]:
    """The kinds that come with the program; other packages' are known by name until one is asked for."""
    return (*NAMED, *PATHS)


def kind_of(spec: str) -> CameraKind:
    """The kind of camera that `spec` names, of this program or of another package.

    Raises:
        CameraError: there is none, or the package that brings it cannot be loaded.
    """
    for kind in NAMED:
        if kind.takes(spec):
            return kind
    name = spec.partition(":")[0]
    if name in extension_names(CAMERAS):
        return _brought(name)
    for kind in PATHS:
        if kind.takes(spec):
            return kind
    raise _unknown(spec)


def needs_of(spec: str) -> Needs:
    """What the camera that `spec` names needs of the machine. Raises CameraError as `kind_of` does."""
    return kind_of(spec).needed_by(spec)


def make_camera(spec: str, options: CameraOptions) -> Camera:
    """The camera that `spec` names, not yet open.

    Args:
        spec: one of the kinds' examples, or a path.
        options: sizes and time limits.

    Raises:
        CameraError: if it names nothing there is.
    """
    return kind_of(spec).make(with_its_credentials(spec, options), options)


def with_its_credentials(spec: str, options: CameraOptions) -> str:
    """The SPEC with user name and password from the file that the options name.

    Raises:
        CameraError: they cannot be read, or `spec` has no place for them.
    """
    try:
        return with_credentials(spec, options.credentials_file)
    except (OSError, ValueError) as error:
        raise CameraError(
            f"The credentials of {spec} cannot be used: {error}.", "Mend the file that camera.credentials_file names."
        ) from error


def device_nodes() -> tuple[DeviceNodes, ...]:
    """The classes of device nodes that the program's own kinds open, each once."""
    return tuple(dict.fromkeys(nodes for kind in kinds() for nodes in kind.devices))


def examples() -> str:
    """What can stand after `--camera`, in one line; other packages are not looked for."""
    *most, last = (example for kind in kinds() for example in kind.examples[:2])
    return f"{', '.join(most)} or {last}"


def table() -> str:
    """The documentation's page of all kinds that come with the program, Markdown."""
    rows = [f"| {', '.join(f'`{example}`' for example in kind.examples)} | {kind.help} |" for kind in kinds()]
    return "\n".join(
        [
            "# Kinds of camera",
            "",
            "What can stand after `--camera`, or as `camera.spec` in the settings. Another package can bring more.",
            "This page is generated: `python -m hemato_edge.cameras.registry > docs/reference/cameras.md`.",
            "",
            "| `--camera` | is |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _brought(name: str) -> CameraKind:
    """The kind that another package entered under this name."""
    try:
        kind = extension(CAMERAS, name)
    except (ImportError, AttributeError) as error:
        raise CameraError(
            f"The kind of camera '{name}' cannot be loaded ({error}).", "Install the package that brings it again."
        ) from error
    if not isinstance(kind, CameraKind) or kind.name != name:
        raise CameraError(
            f"What is entered as the kind of camera '{name}' is none of that name.",
            f"Its package must enter a CameraKind whose name is '{name}'.",
        )
    return kind


def _unknown(spec: str) -> CameraError:
    from difflib import get_close_matches

    if "/" in spec.partition("://")[0]:
        return CameraError(f"There is no file or folder {spec}.", "Check the path.")
    brought = extension_names(CAMERAS)
    names = [*(kind.name for kind in NAMED), *stream.SCHEMES, *brought]
    near = get_close_matches(spec.partition(":")[0].lower(), names, n=3)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    others = f"; other packages bring {', '.join(brought)}" if brought else ""
    return CameraError(f"'{spec}' is neither a camera nor a file.", f"{meant}Type for instance {examples()}{others}.")


if __name__ == "__main__":
    sys.stdout.write(table())
