"""What the settings say of every report: whose laboratory it is, and the language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.settings import load_settings
from hemato_edge.views.report.model import Letterhead

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.settings.report import ReportSettings


def letterhead_and_language(config: Path | None = None) -> tuple[Letterhead, str]:
    """The letterhead, and a code of `languages.LANGUAGES`.

    Args:
        config: file of settings instead of the usual ones.

    Raises:
        ConfigurationError: the settings cannot be read.
    """
    return printed(load_settings(config).report)


def printed(given: ReportSettings) -> tuple[Letterhead, str]:
    """The same of settings that were read already."""
    return Letterhead(given.laboratory, str(given.logo or ""), given.operator, given.comment), given.language
