"""Names of V4L2 devices that survive a replug.

The kernel counts `/dev/video0`, `/dev/video1` … in the order in which it finds cameras; after a replug the same camera
may have another number, and the number another camera. udev keeps links by the camera's identity and by its plug.
"""

from __future__ import annotations

from pathlib import Path

LINKS = Path("/dev/v4l")
_KINDS = ("by-id", "by-path")


def lasting_name(device: str, links: Path = LINKS) -> str | None:
    """The link that will lead to a device also after a replug: by its identity, else by its plug.

    Args:
        device: what was opened: `/dev/video0`, or a link to it.
        links: where udev keeps its links.

    Returns:
        the link's path, or None where there is none (no udev, or no USB camera).
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
