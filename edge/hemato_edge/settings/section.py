"""What all sections of the settings share, and how a path is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """What all sections share: unknown keys, infinities and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: object, info: ValidationInfo) -> object:
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and wanted is not bool:  # pydantic would take `true` for the number 1
            msg = "a number or a text is needed, not true or false"
            raise ValueError(msg)
        return value


def _expanded(path: object) -> object:
    """A path with `~` for the home folder."""
    if not isinstance(path, (str, Path)) or not str(path).strip():
        msg = "a path is needed"
        raise ValueError(msg)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        msg = "there is no home folder of that user"
        raise ValueError(msg) from error


FilePath = Annotated[Path, BeforeValidator(_expanded)]
"""A path, with `~` for the home folder."""
