"""Names of V4L2 devices that survive a replug.

The kernel numbers `/dev/video0`, `/dev/video1` … in the order in which it finds cameras; after a replug the same camera
may have another number, and another camera its old one. udev keeps links by the camera's identity and by its port.
"""

from __future__ import annotations

from pathlib import Path

LINKS = Path("/dev/v4l")
_KINDS = ("by-id", "by-path")


def lasting_name(device: str, links: Path = LINKS) -> str | None:
    """The link that leads to a device even after a replug: by its identity, else by its port.

    Args:
        device: the opened device: `/dev/video0`, or a link to it.
        links: udev's folder of links.

    Returns:
        the link's path, or None if there is none (no udev, or no USB camera).
    """
    if Path(device).parent.parent == links:
        return device
    try:
        node = Path(device).resolve(strict=True)
    except OSError:
        return None
    for kind in _KINDS:
        folder = links / kind
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        for link in found:
            if link.resolve() == node:
                return str(link)
    return None
