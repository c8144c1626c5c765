"""Fixtures that several rooms of the test house share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
# The workers of pytest share the cores: a second thread of NumPy's linear algebra only waits, and spins while it does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Modules of the same name may test different packages (import mode "importlib"), so nothing puts a test's folder on
# the path; what tests share lies beside them and is imported by its name, which test_mirror keeps unique.
sys.path.extend(str(folder) for folder in (TESTS, *sorted(TESTS.rglob("*/"))) if any(folder.glob("*.py")))

from drawn_once import share_drawings  # noqa: E402  # found only now

share_drawings()
_SLOW_CASES = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=_SLOW_CASES
)
settings.register_profile("long", max_examples=20_000, deadline=None, suppress_health_check=_SLOW_CASES)
settings.load_profile("quick")  # `make fuzz` takes the long one


@pytest.fixture(autouse=True, scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder of the tests' own: nothing is noted in that of whoever runs them."""
    folder = tmp_path_factory.mktemp("state")
    os.environ["XDG_STATE_HOME"] = str(folder)
    os.environ.pop("STATE_DIRECTORY", None)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development images, which are not part of the project: tests that need them skip without."""
    folder = Path(os.environ.get("HEMATO_EDGE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "bccd" / "index.csv").exists():
        pytest.skip(f"no development data at {folder} (set HEMATO_EDGE_DATA)")
    return folder
