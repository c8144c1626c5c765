"""The sources of a setting, put over each other: command line, environment, the page, one TOML file, defaults."""

from __future__ import annotations

import difflib
import json
import logging
import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import ValidationError

from hemato_edge.credentials import without_secrets
from hemato_edge.errors import ConfigurationError
from hemato_edge.settings.harmless import CHANGEABLE, PROFILE
from hemato_edge.settings.lines import lines_of_keys
from hemato_edge.settings.locations import changes_file, default_files
from hemato_edge.settings.model import Settings
from hemato_edge.settings.section import Section

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)
ENVIRONMENT_PREFIX = "HEMATO_EDGE_"
NOT_SETTINGS = frozenset({"HEMATO_EDGE_DATA", "HEMATO_EDGE_TFLITE_PYTHON"})
"""Variables with our prefix that are no settings: the tests' development images, and another Python of theirs."""
_LIST = "`hemato-edge config show` lists what can be set."
_LONGEST = 100
_LARGEST = 1 << 20
"""Bytes of a configuration file: the whole example has 20 kB."""
DEFAULT, COMMAND_LINE = "default", "command line"
"""Origins of a value; the others name their file or variable."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Effective settings with their story.

    Attributes:
        settings: the effective values.
        origins: key ("camera.spec") → "default", "file PATH, line N", "environment NAME" or "command line"; every key.
        file: the TOML file that was read, or None.
        changes: the file of what the page changes, see `locations.changes_file`; it need not be there. None for none.
    """

    settings: Settings
    origins: dict[str, str]
    file: Path | None
    changes: Path | None

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
    """Puts the five sources over each other.

    Args:
        config: the TOML file; None for the first of `default_files` that exists.
        overrides: key → value of the command line; None values were not given.

    Raises:
        ConfigurationError: an unknown key (the nearest known one is named), malformed TOML, a file that
            cannot be read, or a value of the wrong type or out of its bounds (named with its origin).
    """
    file = config or _default_file()
    given: dict[str, tuple[object, str]] = {}
    if file is not None:
        given |= _read_file(file)
    changes = changes_file(file)
    given |= _read_changes(changes)
    given |= _read_environment()
    given |= {key: (value, COMMAND_LINE) for key, value in (overrides or {}).items() if value is not None}
    for key, (_, origin) in given.items():
        _check_known(key, origin)
    return Resolved(
        settings=_validated(given),
        origins={key: given[key][1] if key in given else DEFAULT for key in known_keys()},
        file=file,
        changes=changes,
    )


def _read_changes(path: Path | None) -> dict[str, tuple[object, str]]:
    """Key → value and origin, of harmless keys alone; what else stands there has no effect."""
    try:
        if path is None or not path.exists():
            return {}
    except OSError:  # a folder of somebody else: then nothing of ours is there
        return {}
    found = _read_file(path)
    for key in found.keys() - CHANGEABLE:
        _log.warning("%s in %s has no effect: only settings that are harmless are read there", key[:_LONGEST], path)
    kept = {key: one for key, one in found.items() if key in CHANGEABLE}
    if PROFILE in kept and kept[PROFILE][0] == "":
        kept[PROFILE] = None, kept[PROFILE][1]  # TOML has no word for none
    return kept


def _default_file() -> Path | None:
    for path in default_files():
        try:
            if path.exists():
                return path
        except OSError as error:
            raise ConfigurationError(
                f"The configuration file {path} cannot be looked for: {error.strerror}.",
                "Set HOME to a folder of the user who runs the program, or name a file with --config.",
            ) from error
    return None


def known_keys() -> tuple[str, ...]:
    """All keys, "section.name"."""
    return tuple(f"{section}.{name}" for section, model in sections() for name in model.model_fields)


def variable(key: str) -> str:
    """The environment variable of a key."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Name and model of every section, in the order of the file."""
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):  # all are
            yield name, info.annotation


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted key → value. An empty table of an unknown name counts as a value, so that it is refused."""
    for name, value in tree.items():
        if isinstance(value, dict) and (value or prefix + name in Settings.model_fields):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _read_file(path: Path) -> dict[str, tuple[object, str]]:
    """Key → value and origin."""
    text = _read_text(path)
    try:
        leaves = dict(_leaves(tomllib.loads(text)))
        lines = lines_of_keys(text)
    except (ValueError, RecursionError) as error:  # an integer of 5000 digits is a mere ValueError
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else told(str(error))
        raise ConfigurationError(
            f"The configuration file {path} is not valid TOML: {reason}.",
            'Write it as [section] and key = "value" lines.',
        ) from error
    return {
        key: (value, f"file {path}, line {lines[key]}" if key in lines else f"file {path}")
        for key, value in leaves.items()
    }


def _read_text(path: Path) -> str:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe is not waited for
        with os.fdopen(opened, "rb") as stream:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise ConfigurationError(
                    f"The configuration file {path} is no file.", "It must be a readable TOML file."
                )
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigurationError(
                f"The configuration file {path} has more than {_LARGEST >> 20} MB.", "Check the path given to --config."
            )
        return content.decode()
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}.", "Check the path given to --config."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {path} cannot be read: {error.strerror}.", "It must be a readable TOML file."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The configuration file {path} is not valid TOML: {error}.", "It must be text in UTF-8."
        ) from error


def _read_environment() -> dict[str, tuple[object, str]]:
    """Key → value and origin; an empty variable counts as none.

    By hand: pydantic-settings would bring asyncio along, which costs every start 30 ms and 5 MB.
    """
    names = {name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)} - NOT_SETTINGS
    by_key = {name[len(ENVIRONMENT_PREFIX) :].lower().replace("__", "."): name for name in names}
    for key, name in by_key.items():
        _check_known(key, f"environment {name}")
    return {
        key: (from_text(key, os.environ[name]), f"environment {name}")
        for key, name in by_key.items()
        if os.environ[name]
    }


def from_text(key: str, text: str) -> object:
    """What a text stands for, such as a variable's: lists are JSON, numbers are left to the model.

    Raises:
        ConfigurationError: it is no list where one is needed.
    """
    section, name = key.split(".")
    if not _is_list(dict(sections())[section].model_fields[name].annotation):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The variable {variable(key)} cannot be read: {told(str(error))}.",
            "Lists are written as in JSON: [40, 75].",
        ) from error


def _is_list(annotation: object) -> bool:
    """Whether a list is among the types that a key may have."""
    return get_origin(annotation) in (tuple, list) or any(map(_is_list, get_args(annotation)))


def _check_known(key: str, origin: str) -> None:
    if key in known_keys():
        return
    near = _nearest(key)
    if origin.startswith("environment "):
        hint = f"Did you mean {variable(near)}?" if near else _LIST
        raise ConfigurationError(f"The variable {told(origin.removeprefix('environment '))} is no setting.", hint)
    if key in Settings.model_fields:
        raise ConfigurationError(
            f"{key} is a section, not a value ({origin}).", f"Write [{key}], and its keys under it."
        )
    hint = f"Did you mean {near}?" if near else _LIST
    raise ConfigurationError(f"Unknown setting {told(key)} ({origin}).", hint)


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
    tree: dict[str, dict[str, object]] = {section: {} for section, _ in sections()}
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
        info = dict(sections())[section].model_fields[name]
        shown = "…" if "Secret" in str(info.annotation) else _as_written(value)
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"The setting {key} = {shown} ({origin}) is not valid: {reason[:1].lower()}{reason[1:]}.",
            f"It is: {info.description}.",
        ) from error


def _as_written(value: object) -> str:
    """A refused value for a message; it may be a number of more digits than Python prints."""
    try:
        return told(without_secrets(repr(value)))
    except (ValueError, RecursionError):
        return "…"


def told(text: str) -> str:
    """A text from outside for a message of one line: without control characters, and cut if it is long."""
    printable = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return printable if len(printable) <= _LONGEST else f"{printable[:_LONGEST]}…"
