"""The folder of calibration profiles: one JSON file each, written atomically."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import tempfile
from pathlib import Path

from pydantic import ValidationError

from hemato_edge.calibration.profile import FORMAT, Profile
from hemato_edge.errors import CalibrationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_SUFFIX = ".json"


class ProfileFolder:
    """Calibration profiles on disk.

    Args:
        path: the folder; created when a profile is first saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """All profiles, including damaged ones."""
        try:
            return sorted(file.stem for file in self.path.glob(f"*{_SUFFIX}") if _NAME.fullmatch(file.stem))
        except OSError as error:
            raise self._unreadable(self.path, error) from error

    def exists(self, name: str) -> bool:
        """Whether there is a profile of this name, intact or damaged."""
        return self._file(name).exists()

    def load(self, name: str) -> Profile:
        """The profile `name`.

        Raises:
            CalibrationError: unknown (with the nearest name), damaged, or from a newer version.
        """
        file = self._file(name)
        try:
            content = file.read_text("utf-8")
        except FileNotFoundError:
            raise self._unknown(name) from None
        except OSError as error:
            raise self._unreadable(file, error) from error
        except UnicodeDecodeError as error:
            raise _damaged(file, name, "it is no text") from error
        return _parse(content, file, name)

    def save(self, profile: Profile) -> Path:
        """Save a profile, replacing one of the same name atomically: after a power cut either is intact.

        Raises:
            CalibrationError: the name or the folder cannot be used.
        """
        file = self._file(profile.name)
        content = json.dumps(profile.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".profile-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(temporary).chmod(0o644)
                Path(temporary).replace(file)
            except BaseException:  # clean up on anything, and raise it again
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise
        except OSError as error:
            raise CalibrationError(
                f"The profile cannot be written to {self.path} ({error.strerror}).",
                "Set calibration.folder to a folder of yours.",
            ) from error
        return file

    def remove(self, name: str) -> Path:
        """Delete a profile, intact or damaged.

        Raises:
            CalibrationError: there is none.
        """
        file = self._file(name)
        try:
            file.unlink()
        except FileNotFoundError:
            raise self._unknown(name) from None
        except OSError as error:
            raise self._unreadable(file, error) from error
        return file

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CalibrationError(
                f"{name!r} is not a valid profile name.",
                "Use letters, digits and . _ + -, for instance 40x or 100x-oil.",
            )
        return self.path / f"{name}{_SUFFIX}"

    def _unknown(self, name: str) -> CalibrationError:
        names = self.names()
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        there = f"there are {', '.join(names)}" if names else f"{self.path} holds none"
        hint = f"Did you mean {near[0]}?" if near else "Make one with `hemato-edge calibrate micrometer`."
        return CalibrationError(f"There is no calibration profile {name}; {there}.", hint)

    @staticmethod
    def _unreadable(path: Path, error: OSError) -> CalibrationError:
        return CalibrationError(f"{path} cannot be used ({error.strerror}).", "Check its permissions.")


def _parse(content: str, file: Path, name: str) -> Profile:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(file, name, "it is no JSON") from error
    version = tree.get("format") if isinstance(tree, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise CalibrationError(
            f"The calibration profile {file} is of format {version}; this program knows {FORMAT}.",
            "Update hemato-edge, or calibrate under another name.",
        )
    try:
        profile = Profile.model_validate(tree)
        if profile.flat_field is not None:
            profile.flat_field.map()
        if profile.mask is not None:
            profile.mask.aperture(profile.frame_size)
            profile.mask.overlay_mask()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _damaged(file, name, f"{where}: {first['msg'].lower()}") from error
    except ValueError as error:
        raise _damaged(file, name, str(error)) from error
    if profile.name != name:
        return profile.model_copy(update={"name": name})  # the file was renamed
    return profile


def _damaged(file: Path, name: str, reason: str) -> CalibrationError:
    return CalibrationError(
        f"The calibration profile {file} is damaged: {reason}.",
        f"Remove it with `hemato-edge calibrate remove {name}` and calibrate again.",
    )
