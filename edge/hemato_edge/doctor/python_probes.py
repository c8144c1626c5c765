"""Python, its environment, and the packages that overwrite or break each other."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from hemato_edge.doctor.child import ask_python
from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned
from hemato_edge.doctor.subject import SYSTEM_PACKAGES, packages_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.doctor.subject import PythonInstall, Subject

LOWEST, HIGHEST = (3, 10), (3, 13)
_BUSY = "If the machine is busy, ask again later; else `python -X importtime -c 'import {}'` shows what takes so long."
_UNKNOWN = "not known of a captured machine"
_MAKE_VENV = "`python3 -m venv --system-site-packages .venv`, then install hemato-edge in it again"
_REINSTALL_CV2 = "pip install --force-reinstall --no-deps opencv-python-headless"
_IMPORTS = """
import importlib, importlib.util, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        if importlib.util.find_spec(name) is None:
            continue
        module = importlib.import_module(name)
        found[name] = {"version": str(getattr(module, "__version__", "")), "error": ""}
        if name == "cv2":
            lines = module.getBuildInformation().splitlines()
            found[name]["gstreamer"] = any("GStreamer:" in line and "YES" in line for line in lines)
    except BaseException as error:
        found[name] = {"version": "", "error": (type(error).__name__ + ": " + " ".join(str(error).split()))[:200]}
print(json.dumps(found))
"""


def python(subject: Subject) -> Iterator[Finding]:
    """Version and virtual environment: apt's picamera2 is seen only with --system-site-packages."""
    found = subject.python
    if found is None:
        yield skipped("python", _UNKNOWN)
        return
    version = ".".join(map(str, found.version))
    where = "a virtual environment" if found.in_venv else "no virtual environment"
    if found.in_venv:
        where += " that sees the system's packages" if found.system_packages else " without the system's packages"
    said = f"{version}, {where}"
    if not LOWEST <= found.version[:2] <= HIGHEST:
        wanted = f"{LOWEST[0]}.{LOWEST[1]} to {HIGHEST[0]}.{HIGHEST[1]}"
        yield failed("python", f"{said}; tested are {wanted}", f"Make an environment with Python {wanted}.")
    elif not _has_system_picamera2(subject) or not found.in_venv:
        yield passed("python", said)
    elif not found.system_packages:
        said += ", so the picamera2 that apt installed is not seen"
        yield (failed if subject.camera_relies_on("picamera2") else warned)("python", said, f"Type {_MAKE_VENV}.")
    elif found.base != subject.machine.place("/usr"):
        said += f", made from {found.base} and not from the system's Python that apt's picamera2 is compiled for"
        yield warned("python", said, f"Type /usr/bin/{_MAKE_VENV.lstrip('`')}.")
    else:
        yield passed("python", said)


def opencv(subject: Subject) -> Iterator[Finding]:
    """Wheels that put the same folder cv2 over each other; whether the one that is left can be imported."""
    found = subject.python
    if found is None:
        yield skipped("opencv", _UNKNOWN)
        return
    for folder in found.folders:
        wheels = {name: version for name, version in packages_in(folder).items() if name.startswith("opencv-")}
        if len(wheels) > 1:
            named = ", ".join(f"{name} {version}" for name, version in sorted(wheels.items()))
            yield failed(
                "opencv",
                f"several wheels share one cv2 folder and overwrite each other: {named}",
                f"`pip uninstall -y {' '.join(sorted(wheels))} && {_REINSTALL_CV2}`",
            )
            return
    if not subject.machine.live:
        yield passed("opencv", "one cv2")
        return
    yield _imported_opencv(subject)


def _imported_opencv(subject: Subject) -> Finding:
    answer, reason = ask_python("-c", _IMPORTS, "cv2")
    entry = (answer or {}).get("cv2")
    if answer is None and "longer than" in reason:
        return warned("opencv", f"importing cv2: {reason}", _BUSY.format("cv2"))
    if entry is None or entry["error"]:
        what = entry["error"] if entry else reason or "it is not installed"
        return failed("opencv", f"cv2 cannot be imported: {what}", f"`{_REINSTALL_CV2}`")
    gstreamer = "with GStreamer" if entry["gstreamer"] else "without GStreamer"
    said = f"cv2 {entry['version']}, {gstreamer}"
    if subject.camera_relies_on("gstreamer") and not entry["gstreamer"]:
        return failed(
            "opencv",
            f"{said}, and the camera is {subject.camera.split()[0]}…: pip's wheels have none",
            f"`pip uninstall -y opencv-python-headless && sudo apt install -y python3-opencv`, then {_MAKE_VENV}.",
        )
    return passed("opencv", said)


def binary_fit(subject: Subject) -> Iterator[Finding]:
    """Whether numpy, simplejpeg and picamera2 were compiled for each other: apt's are for apt's numpy."""
    found = subject.python
    if found is None:
        yield skipped("numpy", _UNKNOWN)
        return
    clash = _major_clash(subject, found)
    if clash is not None:
        yield clash
        return
    numpy_folder = found.folder_of("numpy")
    said = f"numpy {packages_in(numpy_folder).get('numpy', '?')}" if numpy_folder else "numpy"
    if not subject.machine.live:
        yield passed("numpy", f"{said}, no clash with simplejpeg or picamera2")
        return
    answer, reason = ask_python("-c", _IMPORTS, "numpy", "simplejpeg", "picamera2")
    if answer is None:
        said = f"importing numpy, simplejpeg and picamera2: {reason}"
        if "longer than" in reason:
            yield warned("numpy", said, _BUSY.format("picamera2"))
        else:
            yield failed("numpy", said, _numpy_fix(1, found))
        return
    broken = {name: entry["error"] for name, entry in answer.items() if entry["error"]}
    if broken:
        said = "; ".join(f"{name}: {error}" for name, error in broken.items())
        yield (failed if "numpy" in broken or subject.camera_relies_on("picamera2") else warned)(
            "numpy", said, _numpy_fix(1, found)
        )
    else:
        yield passed("numpy", ", ".join(f"{name} {entry['version']}".strip() for name, entry in answer.items()))


def _major_clash(subject: Subject, found: PythonInstall) -> Finding | None:
    """Numpy from one folder, and a compiled neighbour from another that was made for another numpy."""
    used = _major(found.folder_of("numpy"))
    for package in ("simplejpeg", "picamera2"):
        folder = found.folder_of(package)
        built_for = _major(folder)
        if used is not None and built_for is not None and used != built_for:
            return failed(
                "numpy",
                f"{package} in {folder} is compiled for numpy {built_for}, but numpy {used} is imported before it "
                '("numpy.dtype size changed")',
                _numpy_fix(built_for, found),
            )
    return None


def _numpy_fix(major: int, found: PythonInstall) -> str:
    if found.version[:2] >= (3, 12) or major >= 2:
        return "`pip install --force-reinstall 'numpy>=2,<3'`"
    return "`pip install --force-reinstall 'numpy<2' 'opencv-python-headless<4.12'`"


def _major(folder: Path | None) -> int | None:
    version = packages_in(folder).get("numpy", "") if folder else ""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else None


def _has_system_picamera2(subject: Subject) -> bool:
    return subject.machine.exists(f"{SYSTEM_PACKAGES}/picamera2")


def machine_words() -> str:
    """Kernel and processor, for the board's line."""
    return f"Linux {platform.release()}, {platform.machine()}"
