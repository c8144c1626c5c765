"""The known kinds of camera, and the lookup of what is typed after `--camera`.

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
"""Recognised by name. No two match the same SPEC."""
PATHS: tuple[CameraKind, ...] = (files.KIND, video.KIND)
"""Recognised by what is at the path; checked last, so that no file can replace a camera."""


def kinds() -> tuple[CameraKind, ...]:
    """The built-in kinds; plugins are only loaded when one is requested."""
    return (*NAMED, *PATHS)


def kind_of(spec: str) -> CameraKind:
    """The built-in or plugin kind of camera for `spec`.

    Raises:
        CameraError: there is none, or its plugin cannot be loaded.
    """
    for kind in NAMED:
        if kind.takes(spec):
            return kind
    name = spec.partition(":")[0]
    if name in extension_names(CAMERAS):
        return _plugin(name)
    for kind in PATHS:
        if kind.takes(spec):
            return kind
    raise _unknown(spec)


def needs_of(spec: str) -> Needs:
    """The needs of the camera `spec`. Raises CameraError as `kind_of` does."""
    return kind_of(spec).needed_by(spec)


def make_camera(spec: str, options: CameraOptions) -> Camera:
    """The camera for `spec`, not yet open.

    Args:
        spec: one of the kinds' examples, or a path.
        options: sizes and time limits.

    Raises:
        CameraError: it names nothing that exists.
    """
    return kind_of(spec).make(with_its_credentials(spec, options), options)


def with_its_credentials(spec: str, options: CameraOptions) -> str:
    """The SPEC with user name and password from the credentials file in the options.

    Raises:
        CameraError: they cannot be read, or `spec` has no place for them.
    """
    try:
        return with_credentials(spec, options.credentials_file)
    except (OSError, ValueError) as error:
        raise CameraError(
            f"The credentials of {spec} cannot be used: {error}.", "Correct the file named in camera.credentials_file."
        ) from error


def device_nodes() -> tuple[DeviceNodes, ...]:
    """The classes of device nodes used by the built-in kinds, each once."""
    return tuple(dict.fromkeys(nodes for kind in kinds() for nodes in kind.devices))


def examples() -> str:
    """Examples for `--camera` in one line, without plugins."""
    *most, last = (example for kind in kinds() for example in kind.examples[:2])
    return f"{', '.join(most)} or {last}"


def table() -> str:
    """The documentation's page of the built-in kinds, Markdown."""
    rows = [f"| {', '.join(f'`{example}`' for example in kind.examples)} | {kind.help} |" for kind in kinds()]
    return "\n".join(
        [
            "# Kinds of camera",
            "",
            "Values of `--camera`, or of `camera.spec` in the settings. Plugins can add more.",
            "This page is generated: `python -m hemato_edge.cameras.registry > docs/reference/cameras.md`.",
            "",
            "| `--camera` | is |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _plugin(name: str) -> CameraKind:
    """The kind that another package registered under this name."""
    try:
        kind = extension(CAMERAS, name)
    except (ImportError, AttributeError) as error:
        raise CameraError(
            f"The kind of camera '{name}' cannot be loaded ({error}).", "Reinstall the package that provides it."
        ) from error
    if not isinstance(kind, CameraKind) or kind.name != name:
        raise CameraError(
            f"The camera plugin '{name}' is not a CameraKind of that name.",
            f"Its package must register a CameraKind whose name is '{name}'.",
        )
    return kind


def _unknown(spec: str) -> CameraError:
    from difflib import get_close_matches

    if "/" in spec.partition("://")[0]:
        return CameraError(f"There is no file or folder {spec}.", "Check the path.")
    plugins = extension_names(CAMERAS)
    names = [*(kind.name for kind in NAMED), *stream.SCHEMES, *plugins]
    near = get_close_matches(spec.partition(":")[0].lower(), names, n=3)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    others = f"; plugins: {', '.join(plugins)}" if plugins else ""
    return CameraError(f"'{spec}' is neither a camera nor a file.", f"{meant}Type for instance {examples()}{others}.")


if __name__ == "__main__":
    sys.stdout.write(table())
