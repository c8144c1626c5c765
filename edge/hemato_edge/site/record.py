"""A session's record of its site, in its settings under `site`: written and read back here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hemato_edge.counting.known_confusions import Confusions
from hemato_edge.labels import CLASSIFIER_LABELS, PLATELET_LABEL
from hemato_edge.site.verified_line import verification_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.site.parts import Head, SitePart, Verification
    from hemato_edge.store.records import SessionRecord, Totals

SECTION = "site"


def holding(site: SitePart | None, model_sha256: str, head: Head | None) -> Verification | None:
    """The verification valid for a model and a head; one of another model or head is not valid."""
    wanted = (model_sha256, None if head is None else head.sha256)
    kept = () if site is None else (site.verification, site.shipped)
    return next((one for one in kept if one is not None and (one.model_sha256, one.head_sha256) == wanted), None)


def fitting_head(site: SitePart | None, model_sha256: str) -> Head | None:
    """The site's own head if it was fitted for this model, else None."""
    head = None if site is None else site.head
    return head if head is not None and head.model_sha256 == model_sha256 else None


def site_section(
    site: SitePart | None, model_sha256: str, head: Head | None, abroad: Mapping[str, object]
) -> dict[str, object]:
    """The section that a session records, in JSON's types.

    Args:
        site: of the profile; None without one.
        model_sha256: of the classifier.
        head: the site's own that answers, too; None where it does not.
        abroad: of the classifier's card.
    """
    found = holding(site, model_sha256, head)
    return {
        "verification": None if found is None else found.model_dump(mode="json"),
        "head": None if head is None else head.model_dump(mode="json", exclude={"weights"}),
        "abroad": dict(abroad),
    }


def verification_of(record: SessionRecord) -> Verification | None:
    """The verification that was valid for a session; None without one."""
    found = _section(record).get("verification")
    if found is None:
        return None
    from pydantic import ValidationError

    from hemato_edge.site.parts import Verification

    try:
        return Verification.model_validate(found)
    except ValidationError:  # of a newer version, or edited by hand: nothing is claimed of it
        return None


def line_of(record: SessionRecord) -> str:
    """The verification line of a session's microscope."""
    return verification_line(verification_of(record))


def adaptation_of(record: SessionRecord) -> str | None:
    """The site's own head used in a session, in one line; None without one."""
    head = _section(record).get("head")
    if not isinstance(head, Mapping):
        return None
    cells = head.get("cells")
    number = sum(cells.values()) if isinstance(cells, Mapping) else "?"
    day, digest = str(head.get("created"))[:10], str(head.get("sha256"))[:12]
    return f"adapted to this site on {day} by {number} cells (head {digest})"


def head_sha256_of(record: SessionRecord) -> str | None:
    """The hash of the site's own head used in a session; None without one."""
    head = _section(record).get("head")
    return str(head.get("sha256")) if isinstance(head, Mapping) else None


def confusions_of(record: SessionRecord) -> Confusions | None:
    """The confusion matrices recorded for a session's model; None if none were recorded."""
    if record.confusion is None:
        return None
    classes = len(record.confusion)
    abroad = _section(record).get("abroad")
    matrices = [_matrix(rows, classes) for rows in abroad.values()] if isinstance(abroad, Mapping) else []
    verification = verification_of(record)
    here = () if verification is None else verification.confusion
    return Confusions(record.confusion, tuple(one for one in matrices if one), here)


def unanswered_by(record: SessionRecord, totals: Totals) -> tuple[str, ...]:
    """The classes that a session's model does not know; see `unanswered`."""
    return unanswered(record.classifier_labels, record.confusion, totals)


def unanswered(
    answers: Sequence[str], confusion: tuple[tuple[int, ...], ...] | None, totals: Totals
) -> tuple[str, ...]:
    """The classes that a model does not know: it has no such answer, or never gave it to a held-out cell.

    Args:
        answers: the model's labels.
        confusion: its matrix, rows truth, columns answer, in the order of `answers`; None where it is not known.
        totals: of the session.

    A class of which there were no held-out cells, but which was answered, is known; where a person has named every
    cell, all are.
    """
    if totals.reviewed and all(totals.reviewed.get(label, 0) == n for label, n in totals.labels.items() if n):
        return ()
    unknown = {label for label in CLASSIFIER_LABELS if label not in answers}
    if confusion is not None:
        for index, label in enumerate(answers):
            if not sum(confusion[index]) and not sum(row[index] for row in confusion):
                unknown.add(label)
    return tuple(label for label in CLASSIFIER_LABELS if label in unknown and label != PLATELET_LABEL)


def _matrix(rows: object, classes: int) -> tuple[tuple[float, ...], ...]:
    """Rows of classes + 1 numbers; empty where they are anything else."""
    if not isinstance(rows, (list, tuple)) or len(rows) != classes:
        return ()
    if not all(isinstance(row, (list, tuple)) and len(row) == classes + 1 for row in rows):
        return ()
    return tuple(tuple(float(count) for count in row) for row in rows)


def _section(record: SessionRecord) -> Mapping[str, object]:
    found = record.settings.get(SECTION)
    return found if isinstance(found, Mapping) else {}
