"""Names of a training run's files, and the versions that affect its figures."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from hemato_edge.about import __version__

RUN_FILE = "run.json"
"""Settings, data and versions of a run."""
MODEL_FILE = "model.keras"
ATTRIBUTES_FILE = "attributes.keras"
"""A branch for morphological attributes beside the model, where one was trained."""
METRICS_FILE = "metrics.json"


def versions() -> dict[str, str]:
    """Versions of everything that may affect a model's figures."""
    found = {"hemato-edge": __version__, "python": platform.python_version()}
    for name in ("keras", "tensorflow", "numpy", "opencv-python-headless"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
