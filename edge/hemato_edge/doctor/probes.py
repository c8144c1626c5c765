"""All probes, in the order of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.doctor import (
    board_probes,
    camera_probes,
    model_probes,
    page_probes,
    python_probes,
    service_probes,
    storage_probes,
)

if TYPE_CHECKING:
    from hemato_edge.doctor.examination import Probe

PROBES: dict[str, Probe] = {
    "board": board_probes.board,
    "python": python_probes.python,
    "opencv": python_probes.opencv,
    "numpy": python_probes.binary_fit,
    "model": model_probes.models,
    "camera": camera_probes.nodes,
    "rights": camera_probes.rights,
    "busy": camera_probes.holders,
    "libcamera": camera_probes.libcamera,
    "cma": camera_probes.contiguous_memory,
    "throttling": board_probes.throttling,
    "temperature": board_probes.temperature,
    "memory": board_probes.memory,
    "clock": board_probes.clock,
    "disk": storage_probes.disk,
    "card": storage_probes.card,
    "database": storage_probes.database,
    "service": service_probes.service,
    "door": page_probes.door,
    "page": page_probes.page,
}
