"""Makes the camera for a session: guarded, and in its own process where it might hang."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.cameras.isolated.child import CameraRecipe
from hemato_edge.cameras.isolated.parent import ReaderProcess
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.cameras.registry import kind_of, with_its_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.cameras.camera import Camera, Noise
    from hemato_edge.cameras.kind import CameraOptions
    from hemato_edge.cameras.recovery.guarded import Patience
    from hemato_edge.cameras.recovery.state import Change


def make_guarded_camera(
    spec: str,
    options: CameraOptions,
    prepare: Callable[[Camera], Camera] | None = None,
    tell: Callable[[Change], None] | None = None,
    patience: Patience | None = None,
    noise: Noise | None = None,
) -> GuardedCamera:
    """The camera for an unattended session; read in its own process if its kind is isolated.

    Args:
        spec: see `registry.make_camera`.
        options: sizes and time limits.
        prepare: wraps the camera in whatever is to be done at each opening, such as locking its exposure.
        tell: called with every change of state, in the reading thread.
        patience: time limits and back-off of recovery.
        noise: how a frozen picture is detected; None for the camera's own declaration.

    Raises:
        CameraError: `spec` names nothing that exists, as far as can be known without opening it.
    """
    kind = kind_of(spec)
    if not kind.isolated:
        camera = kind.make(spec, options)
        return GuardedCamera(
            prepare(camera) if prepare else camera, None, patience, tell, options.read_timeout_s, noise
        )
    whole = with_its_credentials(spec, options)
    recipe = CameraRecipe(
        whole, options.width, options.height, options.fps, options.open_timeout_s, options.read_timeout_s
    )
    reader = ReaderProcess(recipe, live=kind.live)
    camera = prepare(reader) if prepare else reader
    return GuardedCamera(camera, reader.interrupt, patience, tell, options.read_timeout_s, noise)
