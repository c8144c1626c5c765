"""The settings: what can be set, within which bounds, and where each effective value came from.

The command line stands over `HEMATO_EDGE_*` variables, those over what was changed on the page, that over one TOML
file, that over the defaults.
`camera.spec` is `[camera] spec = "…"` in the file and `HEMATO_EDGE_CAMERA__SPEC` in the environment.
"""

from hemato_edge.settings.locations import default_files
from hemato_edge.settings.model import CameraSettings, Settings
from hemato_edge.settings.outlets import Hl7Settings, MetricsSettings, MqttSettings
from hemato_edge.settings.sources import (
    Resolved,
    known_keys,
    load_settings,
    origins,
    resolve,
    variable,
)

__all__ = [
    "CameraSettings",
    "Hl7Settings",
    "MetricsSettings",
    "MqttSettings",
    "Resolved",
    "Settings",
    "default_files",
    "known_keys",
    "load_settings",
    "origins",
    "resolve",
    "variable",
]
