"""Connection parameters of an MQTT broker: address, TLS, credentials. Checked before counting starts."""

from __future__ import annotations

import platform
import re
import ssl
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError

if TYPE_CHECKING:
    from hemato_edge.settings import MqttSettings

TLS_PORT, PLAIN_PORT = 8883, 1883
"""Registered with IANA as secure-mqtt and mqtt."""


def address(settings: MqttSettings) -> tuple[str, int]:
    """Host and port of the broker.

    Raises:
        ConfigurationError: no host is named, or it cannot be one.
    """
    host = settings.host
    if host is None:
        raise ConfigurationError("No MQTT broker is named.", "Set mqtt.host.")
    try:
        if not host.isprintable() or "/" in host or "://" in host:
            raise UnicodeError
        host.encode("idna")
    except UnicodeError:
        raise ConfigurationError(
            f"mqtt.host = {host!r} is no host.", "Write a name or an address, without scheme, port and path."
        ) from None
    return host, settings.port or (PLAIN_PORT if settings.security == "none" else TLS_PORT)


def device_name(settings: MqttSettings) -> str:
    """The device's name in topics and messages: from the settings, else the host name."""
    return settings.device or re.sub(r"[+#/\s\x00-\x1f\x7f-\x9f]", "-", platform.node()) or "unnamed"


def credentials(settings: MqttSettings) -> tuple[str | None, str | None]:
    """User name and password, from the settings or from the file that they name.

    Raises:
        ConfigurationError: the file cannot be read, or what is set does not go together.
    """
    username = None if settings.username is None else settings.username.get_secret_value()
    password = None if settings.password is None else settings.password.get_secret_value()
    if settings.password_file is not None:
        if password is not None:
            raise ConfigurationError("Both mqtt.password and mqtt.password_file are set.", "Keep one of them.")
        try:
            lines = settings.password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable("mqtt.password_file", str(settings.password_file), error) from error
        password = lines[0] if lines else ""
        if not password:
            raise ConfigurationError(f"The first line of {settings.password_file} is empty.", "Put the password there.")
    if password is not None and username is None:
        raise ConfigurationError("There is a password for MQTT, but no user name.", "Set mqtt.username.")
    return username, password


def tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """The TLS context; None for plain text. Host names and certificates are verified unless that is switched off.

    Raises:
        ConfigurationError: a file is missing or is not what it should be, or the settings contradict each other.
    """
    files = {
        "mqtt.ca_file": settings.ca_file,
        "mqtt.certificate_file": settings.certificate_file,
        "mqtt.key_file": settings.key_file,
    }
    named = [name for name, path in files.items() if path is not None]
    if settings.security == "none":
        if named:
            raise ConfigurationError(
                f'{named[0]} is set, but mqtt.security = "none" sends plain text.', 'Set mqtt.security = "tls".'
            )
        return None
    if settings.security == "tls-unverified" and settings.ca_file is not None:
        raise ConfigurationError(
            'mqtt.ca_file is set, but mqtt.security = "tls-unverified" looks at no certificate.',
            'Set mqtt.security = "tls".',
        )
    if (settings.certificate_file is None) != (settings.key_file is None):
        raise ConfigurationError(f"{named[-1]} is set alone.", "Set mqtt.certificate_file and mqtt.key_file.")
    context = _trusting(settings)
    if settings.certificate_file is not None and settings.key_file is not None:
        _show(context, settings)
    return context


def _trusting(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable("mqtt.ca_file", str(settings.ca_file), error) from error
    if settings.security == "tls-unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _show(context: ssl.SSLContext, settings: MqttSettings) -> None:
    files = f"{settings.certificate_file} with {settings.key_file}"
    try:
        # without a password OpenSSL would ask for one at the terminal, and a service would wait for ever
        context.load_cert_chain(str(settings.certificate_file), str(settings.key_file), password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise _unreadable("mqtt.certificate_file", files, error) from error


def _unreadable(setting: str, files: str, error: Exception) -> ConfigurationError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return ConfigurationError(
        f"{setting}: {files} cannot be used: {reason}.", "It must be a readable file; PEM where it is a certificate."
    )
