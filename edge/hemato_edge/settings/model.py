"""What can be set, within which bounds: one class a section of the file, one description a key."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads annotations
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from hemato_edge.credentials import without_secrets
from hemato_edge.extensions import ENGINES, LOCATORS, extension_names
from hemato_edge.settings.outlets import Hl7Settings, MetricsSettings, MqttSettings
from hemato_edge.settings.page import DoorSettings, WebSettings
from hemato_edge.settings.report import EstimateSettings, ReferenceSettings, ReportSettings
from hemato_edge.settings.section import FilePath, Section
from hemato_edge.store.file.location import default_database


def _name_of(group: str, *own: str) -> AfterValidator:
    """Refuses a name that is neither one of `own` nor brought by another package under an entry point group."""

    def known(name: str) -> str:
        if name not in own and name not in (brought := extension_names(group)):
            *most, last = (f"'{known}'" for known in (*own, *brought))
            msg = f"input should be {', '.join(most)} or {last}"
            raise ValueError(msg)
        return name

    return AfterValidator(known)


def _whole(value: object) -> object:
    """A whole number that an environment variable spells; anything else as it is."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


class CameraSettings(Section):
    """Where the pictures come from."""

    spec: Annotated[str, PlainSerializer(without_secrets, when_used="json")] = Field(
        "0", min_length=1, description="which camera: what `run --help` says of --camera"
    )
    credentials_file: FilePath | None = Field(
        None,
        examples=["/etc/hemato-edge/camera"],
        description="file whose first line is user:password of a network camera, instead of in its address",
    )
    width: int | None = Field(
        None, ge=64, le=16384, examples=[1280], description="picture width to ask for, pixels; none: the camera's"
    )
    height: int | None = Field(
        None, ge=64, le=16384, examples=[960], description="picture height to ask for, pixels; none: the camera's"
    )
    fps: float | None = Field(
        None, gt=0, le=1000, examples=[10.0], description="frames to ask for, per second; none: the camera's"
    )
    noise: Literal["auto", "sensor", "compressed", "none"] = Field(
        "auto",
        description="what tells a frozen picture: a sensor's noise, a stream that may repeat itself for seconds, none "
        "(a drawn picture is never called frozen); auto: by the kind of camera",
    )
    mask: str = Field(
        "auto",
        min_length=1,
        description="what of a frame is slide; auto: it is found; none: all of it; round: the circle of an eyepiece; "
        "else a picture file, white where there is slide",
    )
    crop: tuple[int, int, int, int] | None = Field(
        None, examples=[[100, 0, 1080, 960]], description="x, y, width and height of what is looked at, pixels"
    )
    rotate: Annotated[Literal[0, 90, 180, 270], BeforeValidator(_whole)] = Field(
        0, description="degrees by which frames are turned clockwise"
    )
    read_timeout_s: float = Field(5.0, gt=0, le=300, description="longest wait for one frame, seconds")
    open_timeout_s: float = Field(10.0, gt=0, le=300, description="longest wait for the first frame, seconds")


class ModelSettings(Section):
    """Who names the cells."""

    path: FilePath | None = Field(
        None,
        examples=["/var/lib/hemato-edge/classifier.tflite"],
        description="classifier bundle (.tflite); none: the one that ships",
    )
    runtime: Annotated[str, _name_of(ENGINES, "auto", "litert", "tflite-runtime")] = Field(
        "auto",
        description="auto, litert, tflite-runtime, or another package's; auto: LiteRT before tflite-runtime",
    )
    threads: int = Field(1, ge=1, le=64, description="threads of one inference")
    trusted_keys: FilePath | None = Field(
        None,
        examples=["/etc/hemato-edge/trusted-keys"],
        description="folder of public keys: only models that one of them signed run, and those that ship; none: any",
    )


class LocatorSettings(Section):
    """Who finds the cells."""

    kind: Annotated[str, _name_of(LOCATORS, "auto", "learned", "opencv")] = Field(
        "auto",
        description="learned (a model), opencv (classical, no model), or another package's; auto: learned where there "
        "is a model",
    )
    path: FilePath | None = Field(
        None,
        examples=["/var/lib/hemato-edge/locator.tflite"],
        description="locator bundle (.tflite); none: the one that ships",
    )
    min_score: float | None = Field(
        None,
        ge=0,
        le=1,
        examples=[0.4],
        description="least score of a cell that is reported; none: the locator's own, kind by kind",
    )


class QualitySettings(Section):
    """When a frame is not counted."""

    # names and defaults are those of vision.quality.QualityGate

    min_focus: float = Field(0.12, ge=0, description="least ΣLaplacian²/Σ|gradient|² at 40 px a red cell")
    min_brightness: float = Field(0.2, ge=0, le=1, description="least mean brightness, share of white")
    max_saturated_share: float = Field(0.3, ge=0, le=1, description="largest share of saturated pixels")
    min_covered_share: float = Field(0.01, ge=0, le=1, description="least share of the field that cells cover")
    max_covered_share: float = Field(0.8, ge=0, le=1, description="largest share of the field that cells cover")
    min_focus_evenness: float = Field(
        0.35, ge=0, le=1, description="least sharpness of the most blurred direction over the sharpest one's"
    )
    max_stain_ratio: float = Field(
        5.0, ge=1, description="how many times paler or denser than the reference nuclei may be"
    )
    check_colours: bool = Field(True, description="whether negatives and pictures with exchanged channels are told")


class CountingSettings(Section):
    """How cells are counted."""

    target: int = Field(
        0, ge=0, le=100_000, description="white cells to classify, 0 for no end; CLSI H20-A2 asks for 200 a reader"
    )


class RedCellSettings(Section):
    """What is looked at beside the white cells."""

    measure: bool = Field(
        True,
        description="whether red cells and platelets are looked at one by one: size, central pallor, giant platelets, "
        "clumps; they are counted anyway",
    )
    shapes: FilePath | None = Field(
        None,
        examples=["/var/lib/hemato-edge/red-cell-shapes.json"],
        description="head that names the shapes of red cells; none: shapes are not told",
    )


def default_profiles() -> Path:
    """The folder of calibration profiles beside the default database."""
    return default_database().parent / "profiles"


class CalibrationSettings(Section):
    """What the microscope is like."""

    profile: str | None = Field(
        None, min_length=1, examples=["40x"], description="calibration profile to use; none: no micrometres"
    )
    folder: FilePath = Field(default_factory=default_profiles, description="where calibration profiles are kept")


class StoreSettings(Section):
    """Where the counts are kept."""

    path: FilePath = Field(default_factory=default_database, description="the database file")
    min_free_mb: int = Field(
        50, ge=0, le=1_000_000, description="least free space on its disk to start with, megabytes"
    )
    portraits_min_free_mb: int = Field(
        200,
        ge=0,
        le=1_000_000,
        description="with less free, pictures of cells are no longer kept; counts are, megabytes",
    )
    reserve_mb: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="with less free, counting stops in order, megabytes; its end is still stored",
    )
    chain_key_file: FilePath | None = Field(
        None,
        examples=["/etc/hemato-edge/chain-key"],
        description="key that seals every record, made by `db key`; none: systemd's credential hemato-edge.chain-key, "
        "or no seals",
    )
    group_readable: bool = Field(
        False, description="the group of the database's file may read it, too; otherwise only its owner may"
    )


class PortraitsSettings(Section):
    """Which pictures of cells are removed in time. Counts never are."""

    max_mb: float | None = Field(
        1000, gt=0, le=1_000_000, description="room for all pictures, megabytes; none: no bound"
    )
    max_age_days: float | None = Field(
        None, gt=0, le=36_500, examples=[365], description="older ones go; none: age is no reason"
    )
    min_per_class: int = Field(100, ge=0, le=100_000, description="the newest of each class, which neither removes")


class DisplaySettings(Section):
    """What is shown while it runs."""

    refresh_hz: float = Field(4.0, gt=0, le=60, description="how often the live table is drawn, per second")
    bell: bool = Field(False, description="ring the terminal's bell when the target is reached, as `run --bell` does")


class LogSettings(Section):
    """What is said while it runs."""

    level: Literal["error", "warning", "info", "debug"] | None = Field(
        None,
        examples=["info"],
        description="least level that is logged; none: warning, and info as a service. -v and -q stand over it",
    )


class Settings(BaseModel):
    """All settings. Made by `load_settings`; called directly, it takes values and defaults alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="hemato-edge settings")

    camera: CameraSettings = Field(default_factory=CameraSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    locator: LocatorSettings = Field(default_factory=LocatorSettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    counting: CountingSettings = Field(default_factory=CountingSettings)
    red_cells: RedCellSettings = Field(default_factory=RedCellSettings)
    calibration: CalibrationSettings = Field(default_factory=CalibrationSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    portraits: PortraitsSettings = Field(default_factory=PortraitsSettings)
    reference: ReferenceSettings = Field(default_factory=ReferenceSettings)
    estimate: EstimateSettings = Field(default_factory=EstimateSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    hl7: Hl7Settings = Field(default_factory=Hl7Settings)
    door: DoorSettings = Field(default_factory=DoorSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    report: ReportSettings = Field(default_factory=ReportSettings)
    display: DisplaySettings = Field(default_factory=DisplaySettings)
    log: LogSettings = Field(default_factory=LogSettings)
