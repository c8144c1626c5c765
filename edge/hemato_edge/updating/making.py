"""Making an update on the workstation."""

from __future__ import annotations

import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from hemato_edge.errors import UpdateError
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_edge.updating.package import order_of, write_package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def make_update(
    out: Path, wheels: Sequence[Path], models: Sequence[Path], note: str, key_file: Path
) -> tuple[str, str]:
    """Write an update; returns its version and the name of the key that signed it.

    Args:
        out: the new file.
        wheels: the program's, and those of packages that a device lacks.
        models: bundles that take the place of the wheel's, at most one of each task.
        note: for people.
        key_file: a private key.

    Raises:
        UpdateError: a wheel cannot be read, or there is not one of hemato-edge alone; two models have one task.
        ModelError: a model or the key cannot be read.
        OutputError: the file cannot be written.
    """
    files: dict[str, Path] = {}
    versions = []
    for wheel in wheels:
        name, version = _about(wheel)
        if name.lower().replace("_", "-") == "hemato-edge":
            versions.append(version)
        files[f"wheels/{wheel.name}"] = wheel
    if len(versions) != 1:
        raise UpdateError("An update has one wheel of hemato-edge.", "Build it with `python -m build --wheel`.")
    order_of(versions[0])
    for model in models:
        place = f"models/{'classifier' if isinstance(read_bundle(model).card, ClassifierCard) else 'locator'}.tflite"
        if place in files:
            raise UpdateError(f"{model} is the second model of its task.", "Give one of each.")
        files[place] = model
    return versions[0], write_package(out, files, versions[0], note, key_file)


def _about(wheel: Path) -> tuple[str, str]:
    """Name and version in a wheel's metadata."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
            found = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    except OSError as error:
        raise UpdateError(f"{wheel} cannot be read ({error.strerror}).", "Check the path.") from error
    except (zipfile.BadZipFile, StopIteration, UnicodeDecodeError) as error:
        raise UpdateError(f"{wheel} is no wheel.", "Build it with `python -m build --wheel`.") from error
    return str(found["Name"]), str(found["Version"])
