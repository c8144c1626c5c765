"""Names of a training run's files, and the versions that affect its figures."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from hemato_edge.about import __version__
from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

RUN_FILE = "run.json"
"""Settings, data and versions of a run."""
MODEL_FILE = "model.keras"
ATTRIBUTES_FILE = "attributes.keras"
"""A branch for morphological attributes beside the model, where one was trained."""
CLASSICAL_FILE = "model.skops"
METRICS_FILE = "metrics.json"
_PICTURES = "curves.png", "confusion_*.png"


def check_new_run(out: Path, more: str = "Name another folder with --out.") -> None:
    """Refuse a folder that holds a run, or files of somebody else's that a run would replace.

    Args:
        out: the folder; it need not exist.
        more: what to do about a run.

    Raises:
        DataError: it does.
    """
    if (out / RUN_FILE).exists():
        raise DataError(f"{out} already holds a run.", more)
    for name in (MODEL_FILE, ATTRIBUTES_FILE, CLASSICAL_FILE, METRICS_FILE, *_PICTURES):
        for there in out.glob(name):
            raise DataError(
                f"{there} would be replaced, and belongs to no run: there is no {RUN_FILE} beside it.",
                "Name another folder with --out, or move that file away.",
            )


def versions() -> dict[str, str]:
    """Versions of everything that may affect a model's figures."""
    found = {"hemato-edge": __version__, "python": platform.python_version()}
    for name in ("keras", "tensorflow", "numpy", "opencv-python-headless"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
