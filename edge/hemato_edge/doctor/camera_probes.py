"""Cameras: what is there, who may use it, who holds it, what libcamera sees."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.cameras.registry import device_nodes
from hemato_edge.device.board import read_board
from hemato_edge.device.memory import read_memory
from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned
from hemato_edge.doctor.subject import group_name, listed
from hemato_edge.errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.device.machine import Machine
    from hemato_edge.doctor.subject import Subject

_NO_CAMERA = re.compile(r"bcm2835-(codec|isp)|pispbe|rpi-hevc|rpivid|embedded|metadata", re.IGNORECASE)
"""Nodes of video4linux that are no cameras: the Pi's codecs and image processors, and side channels."""
_UNICAM = re.compile(r"unicam|rp1-cfe|vi-output", re.IGNORECASE)
"""Nodes behind which a ribbon-cable camera sits: they are for libcamera (Pi) or Argus (Jetson)."""
_LISTERS = (("rpicam-hello", "--list-cameras"), ("libcamera-hello", "--list-cameras"), ("cam", "--list"))
_LISTED = re.compile(r"^\s*(\d+)\s*:\s*(\S.*)$", re.MULTILINE)
_MB = 1 << 20
_LEAST_CMA = 48 * _MB
"""A full-size IMX219 stream takes three raw and three colour buffers, about 100 MB; at 1640 × 1232 about 30."""
_LEAST_CMA_PI_5 = 16 * _MB
"""A Pi 5 maps most buffers page by page and needs less in one piece."""


def nodes(subject: Subject) -> Iterator[Finding]:
    """The camera that the settings name, and the V4L2 nodes that are cameras."""
    machine, spec = subject.machine, subject.camera
    found = {f"/dev/{path.rsplit('/', 1)[1]}": machine.read(f"{path}/name") or "?" for path in _video_classes(machine)}
    cameras = {node: name for node, name in found.items() if not _NO_CAMERA.search(name)}
    said = listed(f"{node} ({name})" for node, name in cameras.items()) or "no V4L2 camera"
    try:
        needs = subject.camera_kind().needed_by(spec)
    except CameraError as error:
        yield failed("camera", f"the settings name {spec}: {error.message}", error.fix)
        return
    stable = machine.glob("/dev/v4l/by-id/*")
    if needs.node is None:
        yield passed("camera", f"the settings name {spec}; {said}")
    elif needs.node_is_sure and not machine.exists(needs.node):
        there = listed(stable or cameras) or "none"
        yield failed(
            "camera", f"the settings name {needs.node}, which is not there", f"Plug it in, or use one of: {there}."
        )
    elif not cameras:
        yield warned(
            "camera", f"{said}; the settings name {spec}", "Plug the camera in; `dmesg | tail` says what came."
        )
    elif stable and not needs.node.startswith("/dev/v4l/by-"):
        yield passed("camera", f"{said}; a name that survives a replug: {stable[0]}")
    else:
        yield passed("camera", said)


def rights(subject: Subject) -> Iterator[Finding]:
    """Whether the user may open the nodes."""
    if subject.user is None:
        yield skipped("rights", "the user of a captured machine is not known")
        return
    places = [path for pattern in _patterns(subject) for path in subject.machine.glob(pattern)]
    if not places:
        yield skipped("rights", "no camera nodes to open")
        return
    denied: dict[str, int] = {}
    for path in places:
        try:
            status = subject.machine.place(path).stat()
        except OSError:
            continue
        if not subject.user.may_use(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid):
            denied[path] = status.st_gid
    if not denied:
        yield passed("rights", f"{subject.user.name} may open all of {len(places)} camera nodes")
        return
    groups = ",".join(sorted({group_name(gid) for gid in denied.values()}))
    said = f"{subject.user.name} may not open {listed(denied)} (group {groups})"
    if all(_is_member(subject.machine, subject.user.name, group_name(gid)) for gid in denied.values()):
        yield failed("rights", f"{said}: is a member, but was not when logging in", "Log out and in again, or reboot.")
    else:
        yield failed("rights", said, f"`sudo usermod -aG {groups} {subject.user.name}`, then log out and in again")


def _patterns(subject: Subject) -> list[str]:
    """Where the nodes lie that a camera of this program, or the one in the settings, may open."""
    try:
        named = subject.camera_kind().devices
    except CameraError:
        named = ()
    return [nodes.pattern for nodes in dict.fromkeys((*device_nodes(), *named))]


def holders(subject: Subject) -> Iterator[Finding]:
    """Which processes have a camera open: only one can read it."""
    held: dict[str, set[str]] = {}
    hidden = 0
    for process in subject.machine.glob("/proc/[0-9]*"):
        folder = subject.machine.place(f"{process}/fd")
        try:
            targets = {str(entry.readlink()) for entry in folder.iterdir()}
        except PermissionError:
            hidden += 1
            continue
        except OSError:  # it has ended meanwhile
            continue
        nodes = {target for target in targets if target.startswith(("/dev/video", "/dev/media"))}
        if nodes:
            name = "hemato-edge" if _is_ours(subject.machine, process) else subject.machine.read(f"{process}/comm")
            held.setdefault(f"{name or '?'} (process {Path(process).name})", set()).update(nodes)
    unseen = f"; other users' processes ({hidden}) are seen with sudo only" if hidden else ""
    others = {who: what for who, what in held.items() if not who.startswith("hemato-edge")}
    if others:
        said = "; ".join(f"{who} has {listed(sorted(what))} open" for who, what in others.items())
        number = next(iter(others)).rpartition(" ")[2].rstrip(")")
        yield warned("busy", f"{said}{unseen}", f"Close it: `kill {number}`, or stop its service.")
    elif held:
        yield passed("busy", f"held by {listed(held)}{unseen}")
    else:
        yield passed("busy", f"no camera is open{unseen}")


def libcamera(subject: Subject) -> Iterator[Finding]:
    """What libcamera sees on the ribbon cable."""
    machine = subject.machine
    is_pi = read_board(machine).is_raspberry_pi
    for command in _LISTERS:
        answer = machine.run(*command, timeout_s=3.3)
        if answer is None:
            continue
        cameras = [entry[1] for entry in _LISTED.findall(answer)]
        if cameras:
            yield passed("libcamera", listed(cameras))
        elif subject.camera_relies_on("picamera2"):
            yield failed("libcamera", "no camera on the ribbon cable, but the settings name it", _ribbon())
        elif is_pi and any(_UNICAM.search(machine.read(f"{path}/name") or "") for path in _video_classes(machine)):
            yield warned("libcamera", "there is a camera port, but no camera answers on it", _ribbon())
        else:
            yield passed("libcamera", "no camera on a ribbon cable, and none is needed")
        return
    if not machine.live:
        yield skipped("libcamera", "a captured machine cannot be asked")
    elif subject.camera_relies_on("picamera2"):
        yield failed("libcamera", "its tools give no answer", "`sudo apt install -y rpicam-apps python3-picamera2`")
    elif is_pi:
        yield warned("libcamera", "its tools give no answer", "`sudo apt install -y rpicam-apps`")
    else:
        yield skipped("libcamera", "not here: it is for cameras on a Raspberry Pi's ribbon cable")


def contiguous_memory(subject: Subject) -> Iterator[Finding]:
    """The memory in one piece from which camera buffers come."""
    memory, board = read_memory(subject.machine), read_board(subject.machine)
    if not memory.cma_total or memory.cma_free is None:
        yield skipped("cma", "this kernel sets no contiguous memory apart")
        return
    said = f"{memory.cma_free // _MB} of {memory.cma_total // _MB} MB of contiguous memory free"
    least = _LEAST_CMA_PI_5 if "Raspberry Pi 5" in board.model else _LEAST_CMA
    if board.is_raspberry_pi and memory.cma_free < least:
        yield warned(
            "cma",
            f"{said}: opening a ribbon-cable camera may fail",
            "Write `dtoverlay=vc4-kms-v3d,cma-256` in /boot/firmware/config.txt and reboot, or ask for a smaller "
            "camera.width.",
        )
    else:
        yield passed("cma", said)


def _is_ours(machine: Machine, process: str) -> bool:
    """Whether a process is hemato-edge, or a child of it: frames may be read in a process of their own."""
    parent = re.search(r"^PPid:\s*(\d+)", machine.read(f"{process}/status") or "", re.MULTILINE)
    family = [process, *([f"/proc/{parent[1]}"] if parent else [])]
    return any("hemato" in (machine.read(f"{member}/cmdline") or "") for member in family)


def _video_classes(machine: Machine) -> list[str]:
    return machine.glob("/sys/class/video4linux/video*")


def _ribbon() -> str:
    return (
        "Switch off, seat the ribbon cable at both ends, and see that /boot/firmware/config.txt says "
        "`camera_auto_detect=1`; then `rpicam-hello --list-cameras`."
    )


def _is_member(machine: Machine, user: str, group: str) -> bool:
    for line in (machine.read("/etc/group") or "").splitlines():
        name, _, rest = line.partition(":")
        if name == group:
            return user in rest.rpartition(":")[2].split(",")
    return False
