"""Choice of the runtime, and starting one of its engines from a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.errors import ModelError
from hemato_edge.extensions import ENGINES, extension, extension_names
from hemato_edge.models.engines import litert, tflite_runtime
from hemato_edge.models.engines.engine import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Engine

AUTO = "auto"
RUNTIMES: dict[str, Callable[[], Runtime]] = {litert.NAME: litert.find, tflite_runtime.NAME: tflite_runtime.find}
"""The built-in ones, preferred first."""


def find_runtime(wanted: str = AUTO) -> Runtime:
    """The runtime to use: LiteRT before tflite-runtime, or the one requested.

    Args:
        wanted: "auto", one of `RUNTIMES`, or the name of a plugin.

    Raises:
        ModelError: none can be imported; the message says what to install.
    """
    if wanted not in (AUTO, *RUNTIMES):
        return _plugin(wanted)
    names = list(RUNTIMES) if wanted == AUTO else [wanted]
    for name in names:
        try:
            return RUNTIMES[name]()
        except ImportError:
            continue
    raise ModelError(
        f"No TFLite runtime can be imported (looked for {', '.join(names)}).",
        "Type `pip install ai-edge-litert`; for tflite-runtime `pip install 'hemato-edge[tflite]'` (Python < 3.12).",
    )


def start_engine(bundle: Bundle, runtime: Runtime, threads: int, most: int = 1) -> Engine:
    """An engine of a bundle's model.

    Args:
        bundle: from `read_bundle`.
        runtime: from `find_runtime`.
        threads: per inference.
        most: largest batch.

    Raises:
        ModelError: the bundle holds nothing that this runtime can run, or the runtime cannot load it.
    """
    artefact = bundle.artefact_for(runtime.name)
    if artefact is None and not runtime.reads_tflite:
        raise ModelError(
            f"{bundle.path} holds no part for the runtime {runtime.name}.",
            f"Compile it and type `hemato-edge model attach`, or leave model.runtime at {AUTO}.",
        )
    content = bundle.flatbuffer if artefact is None else bundle.part(artefact.part)
    try:
        return runtime.start(content, threads, most)
    except (RuntimeError, ValueError, SystemError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{runtime.name} cannot load {bundle.path}: {first}", "Convert it again with `hemato-edge convert`."
        ) from error


def _plugin(name: str) -> Runtime:
    """The runtime that another package registered under this name."""
    known = ", ".join([AUTO, *RUNTIMES, *extension_names(ENGINES)])
    if name not in extension_names(ENGINES):
        raise ModelError(f"There is no runtime '{name}'.", f"model.runtime can be {known}.")
    try:
        find = extension(ENGINES, name)
        found = find() if callable(find) else None
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"The runtime '{name}' cannot be loaded ({error}).", "Reinstall the package that provides it."
        ) from error
    if not isinstance(found, Runtime) or found.name != name:
        raise ModelError(
            f"The runtime plugin '{name}' does not return a Runtime of that name.",
            f"Its package must register a function that returns a Runtime whose name is '{name}'.",
        )
    return found
