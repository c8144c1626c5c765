"""Virtual environments, several cv2, and numpy against what apt compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hemato_edge.device.machine import Machine
from hemato_edge.doctor import python_probes
from hemato_edge.doctor.findings import Finding, Status
from hemato_edge.doctor.subject import PythonInstall, Subject, packages_in, this_python
from hemato_edge.settings import load_settings

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put packages (name → version) with their metadata and folders into a folder of the machine."""

    def put(folder: str, **packages: str) -> Path:
        place = tmp_path / folder.lstrip("/")
        for name, version in packages.items():
            metadata = place / f"{name}-{version}.dist-info"
            metadata.mkdir(parents=True)
            (metadata / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
            )
            (place / ("cv2" if name.startswith("opencv") else name)).mkdir(exist_ok=True)
        return place

    return put


def python_of(tmp_path: Path, *folders: Path, **changes: object) -> PythonInstall:
    given: dict[str, object] = {
        "version": (3, 11, 2),
        "in_venv": True,
        "system_packages": True,
        "base": tmp_path / "usr",
        "folders": folders,
    }
    return PythonInstall(**(given | changes))  # type: ignore[arg-type]


def asked(probe: str, tmp_path: Path, python: PythonInstall, camera: str = "0") -> Finding:
    subject = Subject(Machine(tmp_path), load_settings(overrides={"camera.spec": camera}), python)
    (found,) = getattr(python_probes, probe)(subject)
    assert isinstance(found, Finding)
    return found


def test_a_venv_without_the_systems_packages_does_not_see_apts_picamera2(tmp_path: Path, install: Install) -> None:
    install("/usr/lib/python3/dist-packages", picamera2="0.3.31")
    blind = python_of(tmp_path, system_packages=False)
    found = asked("python", tmp_path, blind)
    assert found.status is Status.WARN
    assert "python3 -m venv --system-site-packages .venv" in found.fix
    assert asked("python", tmp_path, blind, camera="picamera").status is Status.FAIL
    assert asked("python", tmp_path, python_of(tmp_path)).status is Status.PASS
    other = python_of(tmp_path, base=Path("/home/pi/.local/share/uv/python"))
    assert "not from the system's Python" in asked("python", tmp_path, other).said


def test_a_venv_without_the_systems_packages_is_fine_where_there_is_no_picamera2(tmp_path: Path) -> None:
    assert asked("python", tmp_path, python_of(tmp_path, system_packages=False)).status is Status.PASS


@pytest.mark.parametrize(("version", "status"), [((3, 9, 2), "FAIL"), ((3, 13, 5), "PASS"), ((3, 14, 0), "FAIL")])
def test_pythons_that_are_not_tested(tmp_path: Path, version: tuple[int, int, int], status: str) -> None:
    assert asked("python", tmp_path, python_of(tmp_path, version=version)).status.value == status


def test_two_opencv_wheels_in_one_folder(tmp_path: Path, install: Install) -> None:
    site = install("/venv/site-packages", opencv_python="4.10.0.84", opencv_python_headless="4.11.0.86")
    found = asked("opencv", tmp_path, python_of(tmp_path, site))
    assert found.status is Status.FAIL
    assert "opencv-python 4.10.0.84, opencv-python-headless 4.11.0.86" in found.said
    assert "pip uninstall -y opencv-python opencv-python-headless && pip install" in found.fix


def test_a_wheel_over_apts_opencv_is_fine(tmp_path: Path, install: Install) -> None:
    site = install("/venv/site-packages", opencv_python_headless="4.11.0.86")
    system = install("/usr/lib/python3/dist-packages", opencv="4.6.0")
    assert asked("opencv", tmp_path, python_of(tmp_path, site, system)).status is Status.PASS


def test_numpy_2_over_what_apt_compiled_for_numpy_1(tmp_path: Path, install: Install) -> None:
    site = install("/venv/site-packages", numpy="2.2.6")
    system = install("/usr/lib/python3/dist-packages", numpy="1.24.2", simplejpeg="1.6.6", picamera2="0.3.31")
    found = asked("binary_fit", tmp_path, python_of(tmp_path, site, system))
    assert found.status is Status.FAIL
    assert "compiled for numpy 1, but numpy 2" in found.said
    assert "'numpy<2'" in found.fix


def test_numpy_1_over_what_trixie_compiled_for_numpy_2(tmp_path: Path, install: Install) -> None:
    site = install("/venv/site-packages", numpy="1.26.4")
    system = install("/usr/lib/python3/dist-packages", numpy="2.2.4", simplejpeg="1.8.1")
    found = asked("binary_fit", tmp_path, python_of(tmp_path, site, system, version=(3, 13, 5)))
    assert found.status is Status.FAIL
    assert "'numpy>=2,<3'" in found.fix


def test_a_simplejpeg_of_its_own_fits(tmp_path: Path, install: Install) -> None:
    site = install("/venv/site-packages", numpy="2.2.6", simplejpeg="1.8.2")
    system = install("/usr/lib/python3/dist-packages", numpy="1.24.2", simplejpeg="1.6.6")
    assert asked("binary_fit", tmp_path, python_of(tmp_path, site, system)).status is Status.PASS


def test_this_python_is_described() -> None:
    python = this_python()
    assert python.folder_of("numpy") in python.folders
    folder = python.folder_of("numpy")
    assert folder is not None
    assert "numpy" in packages_in(folder)
    assert python.folder_of("no_such_package_anywhere") is None


def test_a_real_import_of_opencv_and_numpy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from hemato_edge.doctor.child import ask_python

    answer, reason = ask_python("-c", python_probes._IMPORTS, "cv2", "numpy", "no_such_package", limit_s=120)
    assert reason == ""
    assert answer is not None
    assert set(answer) == {"cv2", "numpy"}
    assert isinstance(answer["cv2"]["gstreamer"], bool)
    (tmp_path / "breaks.py").write_text("raise ValueError('numpy.dtype size changed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer, _ = ask_python("-c", python_probes._IMPORTS, "breaks", limit_s=120)
    assert answer == {"breaks": {"version": "", "error": "ValueError: numpy.dtype size changed"}}
