"""What can be set of the page and of the door."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads annotations
from typing import Literal

from pydantic import Field

from hemato_edge.settings.section import FilePath, Section
from hemato_edge.store.file.location import default_database


def default_web_folder() -> Path:
    """The folder of paired devices and certificates beside the default database."""
    return default_database().parent / "web"


class DoorSettings(Section):
    """The socket through which a running count is asked and told. It is open with `run --wait`, or if it is enabled."""

    enabled: bool = Field(False, description="open it for a run that counts at once, too")
    path: FilePath | None = Field(
        None,
        examples=["/run/hemato-edge/door.sock"],
        description="the socket; none: in the service's or the user's runtime folder",
    )


class WebSettings(Section):
    """The page: `hemato-edge web`."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen on; another than loopback is for paired devices"
    )
    port: int = Field(8760, ge=0, le=65535, description="its port; 0: any free one")
    names: tuple[str, ...] = Field(
        (), examples=[["microscope-3.example.org"]], description="further names under which the page may be asked for"
    )
    security: Literal["auto", "tls", "none"] = Field(
        "auto", description="auto: TLS on every address but the loopback; none: plain text, and every page says so"
    )
    certificate_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/page.pem"], description="PEM of a certificate of yours; none: one is made"
    )
    key_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/page.key"], description="PEM of that certificate's private key"
    )
    folder: FilePath = Field(
        default_factory=default_web_folder, description="where paired devices and the certificate are kept"
    )
    show_label: bool = Field(False, description="show the sample's label in titles and lists; it may name a person")
    upload_mb: int = Field(20, ge=1, le=500, description="largest upload, megabytes")
    upload_megapixels: int = Field(40, ge=1, le=200, description="largest uploaded picture, millions of pixels")
    keep_uploads_min: int = Field(60, ge=1, le=10_080, description="how long uploaded pictures are kept, minutes")
