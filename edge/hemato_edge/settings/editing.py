"""Changes one key of a configuration file; comments, order and all other keys stay as they are."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from hemato_edge.errors import ConfigurationError


def set_in_file(file: Path, key: str, value: int | float | str | bool | list[float] | None) -> None:
    """Write "section.name" into a TOML file, which is made if it is not there; whole or not at all.

    Args:
        file: where.
        key: "section.name".
        value: what it is from now on; None: the key is taken out, so that its default holds.

    Raises:
        ConfigurationError: if the file is not valid TOML or cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    section, name = key.split(".")
    target = Path(os.path.realpath(file))
    try:
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        document = tomlkit.parse(text)
        if value is None:
            if name not in document.get(section, {}):
                return
            del document[section][name]
        else:
            if section not in document:
                document.add(section, tomlkit.table())
            document[section][name] = value
        _replace(target, tomlkit.dumps(document))
    except (TOMLKitError, UnicodeDecodeError, TypeError) as error:
        raise ConfigurationError(f"The configuration file {file} is not valid TOML: {error}.") from error
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {file} cannot be written: {error.strerror}.",
            f"Set {name} = {value} under [{section}] in it yourself, or name another file with --config.",
        ) from error


def _replace(target: Path, text: str) -> None:
    """Put `text` in the place of a file, with its mode; after a power cut there is the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except BaseException:  # whatever it was: tidied up, and raised again
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
