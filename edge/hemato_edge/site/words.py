"""A site's figures as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.labels import ARTEFACT, BY_NAME, CLASSIFIER_LABELS, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.site.parts import Head, Share, SitePart, Verification


def site_lines(site: SitePart) -> Iterator[str]:
    """What `site show` prints below the line of the microscope."""
    if site.verification is not None:
        yield from verification_lines(site.verification)
    if site.head is not None:
        yield from head_lines(site.head)


def verification_lines(found: Verification) -> Iterator[str]:
    """The figures of a verification: shares with their 95 % intervals, class by class, and the confusions."""
    yield f"  model {found.model_sha256[:16]}, {found.sessions} sessions, named by {', '.join(found.readers)}"
    yield f"  right of answered {percent(found.right)}; best guesses right {percent(found.accuracy)}"
    yield f"  answered {percent(found.coverage)} of the cells as they occur"
    if found.doubtful:
        yield f"  {found.doubtful} cells that the person could not name either are in no figure"
    yield f"  {'class':<22}{'cells':>6}  {'found':<22}{'named':>6}  right of named"
    for row in found.classes:
        if row.cells or row.named:
            words = BY_NAME[row.label].words
            yield f"  {words:<22}{row.cells:6}  {percent(row.right):<22}{row.named:6}  {percent(row.named_right)}"
    for truth, counts in zip((*CLASSIFIER_LABELS, ARTEFACT), found.counted, strict=True):
        wrong = [
            f"{count} × {BY_NAME[answer].words}"
            for answer, count in zip((*CLASSIFIER_LABELS, UNCLASSIFIED), counts, strict=True)
            if count and answer != truth
        ]
        if wrong:
            yield f"  {BY_NAME[truth].words} was called {', '.join(wrong)}"
    if found.agreement is not None:
        both = found.agreement
        yield (
            f"  {both.readers[0]} and {both.readers[1]} agree on {both.same} of {both.cells} cells: "
            f"kappa {both.kappa:.2f} ({both.low:.2f}–{both.high:.2f})"
        )


def head_lines(head: Head) -> Iterator[str]:
    """The card of a head of the site's own."""
    cells = ", ".join(f"{BY_NAME[label].words} {number}" for label, number in head.cells.items() if number)
    yield f"  head {head.sha256[:16]} of {head.created:%Y-%m-%d} for model {head.model_sha256[:16]}, from {head.source}"
    yield f"  learnt from {sum(head.cells.values())} cells: {cells}"
    yield f"  cross-validated by {head.divided_by}:"
    yield f"  right of answered at equal coverage {percent(head.before)} → {percent(head.after)}"
    yield f"  balanced accuracy {100 * head.balanced_before:.1f} → {100 * head.balanced_after:.1f} %"


def percent(share: Share) -> str:
    """A proportion with its interval, in percent; a dash if there were no cells."""
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f}–{100 * share.high:.1f})"
