"""The settings: what can be set, within which bounds, and where each effective value came from.

The command line stands over `HEMATO_EDGE_*` variables, those over one TOML file, that over the defaults.
`camera.spec` is `[camera] spec = "…"` in the file and `HEMATO_EDGE_CAMERA__SPEC` in the environment.
"""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from hemato_edge.errors import ConfigurationError
from hemato_edge.store.location import default_database

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_settings import PydanticBaseSettingsSource

ENVIRONMENT_PREFIX = "HEMATO_EDGE_"
NOT_SETTINGS = frozenset({"HEMATO_EDGE_DATA"})
"""Variables with our prefix that are no settings: the tests' development images."""
DEFAULT, COMMAND_LINE = "default", "command line"
"""Origins of a value; the others name their file or variable."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        if isinstance(value, bool):  # no setting is one, and pydantic would take `true` for the number 1
            msg = "a number or a text is needed, not true or false"
            raise ValueError(msg)
        return value


def _expanded(path: object) -> object:
    """A path with `~` for the home folder."""
    if not isinstance(path, (str, Path)) or not str(path).strip():
        msg = "a path is needed"
        raise ValueError(msg)
    return Path(path).expanduser()


def _ascending(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] >= interval[1]:
        msg = "the low end must be under the high one"
        raise ValueError(msg)
    return interval


_FilePath = Annotated[Path, BeforeValidator(_expanded)]


class CameraSettings(_Section):
    """Where the pictures come from."""

    spec: str = Field(
        "0", min_length=1, description="camera SPEC: index, device, picamera, gst:…, file, folder or demo"
    )
    width: int | None = Field(None, ge=64, le=16384, description="picture width to ask for, pixels; none: the camera's")
    height: int | None = Field(
        None, ge=64, le=16384, description="picture height to ask for, pixels; none: the camera's"
    )
    fps: float | None = Field(None, gt=0, le=1000, description="frames to ask for, per second; none: the camera's")
    read_timeout_s: float = Field(5.0, gt=0, le=300, description="longest wait for one frame, seconds")
    open_timeout_s: float = Field(10.0, gt=0, le=300, description="longest wait for the first frame, seconds")


class ModelSettings(_Section):
    """Who names the cells."""

    path: _FilePath | None = Field(None, description="classifier bundle (.tflite); none: the one that ships")
    runtime: Literal["auto", "litert", "tflite-runtime"] = Field(
        "auto", description="TFLite runtime; auto: LiteRT first"
    )
    threads: int = Field(1, ge=1, le=64, description="threads of one inference")


class LocatorSettings(_Section):
    """Who finds the cells."""

    kind: Literal["auto", "learned", "opencv"] = Field(
        "auto", description="learned (a model) or opencv (classical, no model); auto: learned where there is a model"
    )
    path: _FilePath | None = Field(None, description="locator bundle (.tflite); none: the one that ships")
    min_score: float | None = Field(
        None, ge=0, le=1, description="least score of a cell that is reported; none: the locator's own, kind by kind"
    )


class QualitySettings(_Section):
    """When a frame is not counted. Names and defaults are those of `vision.quality.QualityGate`."""

    min_focus: float = Field(0.12, ge=0, description="least ΣLaplacian²/Σ|gradient|² at 40 px a red cell")
    min_brightness: float = Field(0.2, ge=0, le=1, description="least mean brightness, share of white")
    max_saturated_share: float = Field(0.3, ge=0, le=1, description="largest share of saturated pixels")
    min_covered_share: float = Field(0.01, ge=0, le=1, description="least share of the field that cells cover")
    max_covered_share: float = Field(0.8, ge=0, le=1, description="largest share of the field that cells cover")
    min_focus_evenness: float = Field(
        0.35, ge=0, le=1, description="least sharpness of the most blurred direction over the sharpest one's"
    )
    max_stain_ratio: float = Field(5.0, ge=1, description="how many times paler or denser than the reference nuclei be")


class CountingSettings(_Section):
    """How cells are counted."""

    target: int = Field(
        0, ge=0, le=100_000, description="white cells to classify, 0 for no end; CLSI H20-A2 asks for 200 a reader"
    )


def default_profiles() -> Path:
    """The folder of calibration profiles beside the default database."""
    return default_database().parent / "profiles"


class CalibrationSettings(_Section):
    """What the microscope is like."""

    profile: str | None = Field(None, min_length=1, description="calibration profile to use; none: no micrometres")
    folder: _FilePath = Field(default_factory=default_profiles, description="where calibration profiles are kept")


class StoreSettings(_Section):
    """Where the counts are kept."""

    path: _FilePath = Field(default_factory=default_database, description="the database file")
    min_free_mb: int = Field(
        50, ge=0, le=1_000_000, description="least free space on its disk to start with, megabytes"
    )
    portraits_min_free_mb: int = Field(
        200,
        ge=0,
        le=1_000_000,
        description="with less free, pictures of cells are no longer kept; counts are, megabytes",
    )


_Interval = Annotated[
    tuple[
        Annotated[float, Field(ge=0, le=100)],
        Annotated[float, Field(ge=0, le=100)],
    ],
    AfterValidator(_ascending),
]


class ReferenceSettings(_Section):
    """Reference intervals, percent of the white cells. A class is flagged when its whole 95 % interval lies outside.

    The defaults are ARUP Laboratories' for manual differentials from 15 years on (test 0040005). Every
    laboratory should set its own.
    """

    neutrophil: _Interval | None = Field((45, 79), description="[low, high] percent; bands included")
    eosinophil: _Interval | None = Field((0, 6), description="[low, high] percent")
    basophil: _Interval | None = Field((0, 2), description="[low, high] percent")
    lymphocyte: _Interval | None = Field((16, 47), description="[low, high] percent")
    monocyte: _Interval | None = Field((0, 9), description="[low, high] percent")
    immature_granulocyte: _Interval | None = Field(None, description="[low, high] percent; none: never flagged")


class EstimateSettings(_Section):
    """From cells per area of the monolayer to cells per volume of blood: a rule of thumb that each laboratory must set.

    The defaults are the usual ones for wedge smears, 20 x 10^9/L for one platelet in a 100x oil field and 3 x 10^9/L
    for one white cell in a 50x field (B. H. O'Connor, A Color Atlas and Instruction Manual of Peripheral Blood Cell
    Morphology, 1984; quoted with LOINC 49497-1 and 49498-9), for an eyepiece of field number 20: fields of 0.0314 and
    0.126 square millimetres.
    """

    white_factor: float = Field(0.377, gt=0, le=100, description="10^9/L for one white cell per square millimetre")
    platelet_factor: float = Field(0.628, gt=0, le=100, description="10^9/L for one platelet per square millimetre")


class DisplaySettings(_Section):
    """What is shown while it runs."""

    refresh_hz: float = Field(4.0, gt=0, le=60, description="how often the live table is drawn, per second")


class Settings(BaseSettings):
    """All settings. Made by `load_settings`; called directly, it takes values and defaults alone."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, title="hemato-edge settings")

    camera: CameraSettings = Field(default_factory=CameraSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    locator: LocatorSettings = Field(default_factory=LocatorSettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    counting: CountingSettings = Field(default_factory=CountingSettings)
    calibration: CalibrationSettings = Field(default_factory=CalibrationSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    reference: ReferenceSettings = Field(default_factory=ReferenceSettings)
    estimate: EstimateSettings = Field(default_factory=EstimateSettings)
    display: DisplaySettings = Field(default_factory=DisplaySettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `resolve` reads the other sources, so that it can tell them apart."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Effective settings with their story.

    Attributes:
        settings: the effective values.
        origins: key ("camera.spec") → "default", "file PATH", "environment NAME" or "command line"; every key.
        file: the TOML file that was read, or None.
    """

    settings: Settings
    origins: dict[str, str]
    file: Path | None

    def values(self) -> dict[str, object]:
        """Key → value in JSON's types, in the order of the sections."""
        return dict(_leaves(self.settings.model_dump(mode="json")))


def load_settings(config: Path | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """The effective settings; see `resolve`."""
    return resolve(config, overrides).settings


def origins(config: Path | None = None, overrides: Mapping[str, object] | None = None) -> dict[str, str]:
    """Key → where its effective value came from; see `resolve`."""
    return resolve(config, overrides).origins


def resolve(config: Path | None = None, overrides: Mapping[str, object] | None = None) -> Resolved:
    """Puts the four sources over each other.

    Args:
        config: the TOML file; None for the first of `default_files` that exists.
        overrides: key → value of the command line; None values were not given.

    Raises:
        ConfigurationError: an unknown key (the nearest known one is named), malformed TOML, a file that
            cannot be read, or a value of the wrong type or out of its bounds (named with its origin).
    """
    file = config or next((path for path in default_files() if path.exists()), None)
    given: dict[str, tuple[object, str]] = {}
    if file is not None:
        given |= {key: (value, f"file {file}") for key, value in _leaves(_read_toml(file))}
    given |= _read_environment()
    given |= {key: (value, COMMAND_LINE) for key, value in (overrides or {}).items() if value is not None}
    for key, (_, origin) in given.items():
        _check_known(key, origin)
    return Resolved(
        settings=_validated(given),
        origins={key: given[key][1] if key in given else DEFAULT for key in known_keys()},
        file=file,
    )


def default_files() -> tuple[Path, Path]:
    """Where a TOML file is looked for: the user's, then the system's."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".config"
    return base / "hemato-edge" / "config.toml", Path("/etc/hemato-edge/config.toml")


def known_keys() -> tuple[str, ...]:
    """All keys, "section.name"."""
    return tuple(f"{section}.{name}" for section, model in _sections() for name in model.model_fields)


def variable(key: str) -> str:
    """The environment variable of a key."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def _sections() -> Iterator[tuple[str, type[_Section]]]:
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, _Section):  # all are
            yield name, info.annotation


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted key → value. An empty table of an unknown name counts as a value, so that it is refused."""
    for name, value in tree.items():
        if isinstance(value, dict) and (value or prefix + name in Settings.model_fields):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _read_toml(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}.", "Check the path given to --config."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {path} cannot be read: {error.strerror}.", "It must be a readable TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The configuration file {path} is not valid TOML: {error}.",
            'Write it as [section] and key = "value" lines.',
        ) from error


def _read_environment() -> dict[str, tuple[object, str]]:
    names = {name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)} - NOT_SETTINGS
    by_key = {name[len(ENVIRONMENT_PREFIX) :].lower().replace("__", "."): name for name in names}
    for key, name in by_key.items():
        _check_known(key, f"environment {name}")
    try:
        tree = EnvSettingsSource(
            Settings, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", env_ignore_empty=True
        )()
    except SettingsError as error:
        raise ConfigurationError(f"An environment variable cannot be read: {error}.") from error
    return {key: (value, f"environment {by_key[key]}") for key, value in _leaves(tree)}


def _check_known(key: str, origin: str) -> None:
    if key in known_keys():
        return
    if origin.startswith("environment "):
        near = _nearest(key)
        hint = f"Did you mean {variable(near)}?" if near else "`hemato-edge config show` lists what can be set."
        raise ConfigurationError(f"The variable {origin.removeprefix('environment ')} is no setting.", hint)
    if key in Settings.model_fields:
        raise ConfigurationError(
            f"{key} is a section, not a value ({origin}).", f"Write [{key}], and its keys under it."
        )
    near = _nearest(key)
    hint = f"Did you mean {near}?" if near else "`hemato-edge config show` lists what can be set."
    raise ConfigurationError(f"Unknown setting {key} ({origin}).", hint)


def _nearest(key: str) -> str | None:
    """The known key or section that looks most like `key`; a name alone is looked up in all sections."""
    names = [*known_keys(), *Settings.model_fields]
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.7)
    if near:
        return near[0]
    by_name = {known.split(".")[1]: known for known in known_keys()}
    near = difflib.get_close_matches(key.split(".")[-1], by_name, n=1)
    return by_name[near[0]] if near else None


def _validated(given: Mapping[str, tuple[object, str]]) -> Settings:
    tree: dict[str, dict[str, object]] = {section: {} for section, _ in _sections()}
    for key, (value, _) in given.items():
        section, name = key.split(".")
        tree[section][name] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][:2])
        value, origin = given[key]
        section, name = key.split(".")
        description = dict(_sections())[section].model_fields[name].description
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"The setting {key} = {value!r} ({origin}) is not valid: {reason[:1].lower()}{reason[1:]}.",
            f"It is: {description}.",
        ) from error
