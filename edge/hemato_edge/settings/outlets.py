"""What can be set of the ways out of the device: MQTT, Prometheus, HL7."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from hemato_edge.settings.section import FilePath, Section


class MqttSettings(Section):
    """Where counts are sent over MQTT. Nothing is sent while no host is named."""

    host: str | None = Field(
        None,
        examples=["broker.example.org"],
        min_length=1,
        description="the broker's name or address; none: nothing is sent",
    )
    port: int | None = Field(
        None, examples=[8883], ge=1, le=65535, description="its port; none: 8883 with TLS, 1883 without"
    )
    security: Literal["tls", "tls-unverified", "none"] = Field(
        "tls", description="tls; or, insecure and only when named: tls-unverified (any certificate), none (plain text)"
    )
    ca_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/ca.pem"], description="PEM of the authority to trust; none: the system's"
    )
    certificate_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/device.pem"], description="PEM of the certificate that this device shows"
    )
    key_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/device.key"], description="PEM of that certificate's private key"
    )
    username: SecretStr | None = Field(
        None, examples=["microscope-3"], description="user name at the broker; never shown"
    )
    password: SecretStr | None = Field(None, examples=["…"], description="password at the broker; never shown")
    password_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/password"], description="file whose first line is the password, instead of it"
    )
    protocol: Literal["5", "3.1.1"] = Field(
        "5", description="MQTT version; with 3.1.1 a broker cannot say that it refused a message"
    )
    topic: str = Field(
        "hemato-edge",
        pattern=r"^[^+#\s/\x00-\x1f\x7f-\x9f]+(/[^+#\s/\x00-\x1f\x7f-\x9f]+)*$",
        description="first part of all topics, no + and no #",
    )
    device: str | None = Field(
        None,
        examples=["microscope-3"],
        pattern=r"^[^+#/\s\x00-\x1f\x7f-\x9f]+$",
        description="this device's name in topics and messages; none: its host name",
    )
    send_label: bool = Field(False, description="send the sample's label as well, which may name a person")
    home_assistant: bool = Field(
        False, description="tell Home Assistant of this device by its MQTT discovery: percentages, counts, state"
    )
    home_assistant_prefix: str = Field(
        "homeassistant",
        pattern=r"^[^+#\s/\x00-\x1f\x7f-\x9f]+(/[^+#\s/\x00-\x1f\x7f-\x9f]+)*$",
        description="first part of the topics on which Home Assistant listens for devices",
    )
    every_s: float = Field(60.0, ge=0.1, le=86_400, description="how often new counts are sent at most, seconds")
    outbox_limit: int = Field(
        10_000, ge=10, le=1_000_000, description="messages the outbox holds; beyond, sessions wait in the store"
    )


class MetricsSettings(Section):
    """Prometheus metrics over HTTP. Nothing listens while no port is named."""

    port: int | None = Field(
        None, examples=[9464], ge=0, le=65535, description="port to listen on, 0: any free one; none: no metrics"
    )
    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen on; another than loopback shows them to the network"
    )


class Hl7Settings(Section):
    """Where reports of finished sessions are sent as HL7 v2 messages (ORU^R01 over MLLP). Nothing without a host."""

    host: str | None = Field(
        None,
        examples=["lis.example.org"],
        min_length=1,
        description="the receiver's name or address; none: nothing is sent",
    )
    port: int = Field(2575, ge=1, le=65535, description="its port")
    security: Literal["tls", "none"] = Field("tls", description="tls; or, insecure and only when named: none")
    ca_file: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/ca.pem"], description="PEM of the authority to trust; none: the system's"
    )
    device: str = Field("", max_length=180, description="this device's name: the sending facility (MSH-4)")
    application: str = Field("", max_length=180, description="the receiving application (MSH-5)")
    facility: str = Field("", max_length=180, description="the receiving facility (MSH-6)")
    processing: Literal["P", "T", "D"] = Field(
        "T", description="what the receiver may do with it (MSH-11): P production, T training, D debugging"
    )
    approved_only: bool = Field(True, description="send a report only once a person has approved its session")
    timeout_s: float = Field(5.0, ge=0.1, le=600, description="how long to wait for an acknowledgement, seconds")
