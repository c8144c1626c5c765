"""The profile that a command of `site` works on, its sessions, and how its figures are printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.records.report import open_reader
from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.calibration.profile import Profile
    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord

ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Calibration profile of the microscope; else the setting."),
]
Sessions = Annotated[
    list[int] | None,
    typer.Option("--session", metavar="ID", help="Only this session; may be given again. Else all of the profile."),
]


class Desk:
    """The profile that a command works on.

    Args:
        name: of the profile; None for the setting's.

    Raises:
        CalibrationError: none is named.
    """

    def __init__(self, name: str | None) -> None:
        from hemato_edge.calibration.profiles import ProfileFolder
        from hemato_edge.errors import CalibrationError
        from hemato_edge.settings import load_settings

        settings = load_settings(None, {"calibration.profile": name}).calibration
        if settings.profile is None:
            raise CalibrationError(
                "No calibration profile is named, and figures hold for one microscope only.",
                "Name one with --profile; `hemato-edge calibrate list` shows them, a new name makes one.",
            )
        self.name = settings.profile
        self.folder: ProfileFolder = ProfileFolder(settings.folder)

    def sessions(self, db: Path | None, wanted: list[int]) -> list[SessionRecord]:
        """The sessions that tell of this microscope; those left out are named on stderr."""
        from hemato_edge.site.sessions import sessions_of_site

        with open_reader(db) as reader:
            chosen, others = sessions_of_site(reader.sessions(), self.name, wanted)
        if others:
            numbers = ", ".join(str(record.id) for record in others)
            typer.echo(f"left out, since another model or head answered: session {numbers}", err=True)
        return chosen

    def profile(self, reader: Reader, record: SessionRecord) -> Profile:
        """The profile on disk, or a new one for frames as the session has them."""
        from hemato_edge.pipeline.commands.verification import profile_for

        return profile_for(reader, record, self.folder, self.name)


def tell(profile: Profile, *, as_json: bool) -> None:
    """Print what a profile keeps of its site."""
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.site.verified_line import verification_line
    from hemato_edge.site.words import site_lines

    site = profile.site
    line = verification_line(None if site is None else site.verification)
    if as_json:
        whole = {} if site is None else site.model_dump(mode="json", exclude={"head": {"weights"}})
        document = {"profile": profile.name, "line": line, **whole, "notice": RESEARCH_USE_NOTICE}
        typer.echo(json_text(document, indent=1, ensure_ascii=False))
        return
    typer.echo("\n".join([f"{profile.name}: {line}", *([] if site is None else site_lines(site)), RESEARCH_USE_NOTICE]))
