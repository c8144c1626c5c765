"""`hemato-edge site adapt`: a head of the site's own, from its reviewed cells, used where its gain is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.microscope.site_desk import Desk, ProfileName, Sessions, tell
from hemato_edge.cli.records.report import AsJson, Database, open_reader

if TYPE_CHECKING:
    from hemato_edge.calibration.profile import Profile
    from hemato_edge.models.prototypes import Prototypes
    from hemato_edge.settings import Settings
    from hemato_edge.site.adaptation import SiteEmbeddings, Trial
    from hemato_edge.site.cells import SiteCell
    from hemato_edge.site.parts import Head, Verification
    from hemato_edge.vision.classify.classifier import TFLiteClassifier


@dataclass(frozen=True, slots=True)
class Material:
    """What a head is fitted on.

    Attributes:
        embedded: the named cells.
        cells: these cells as they were recorded; empty for a folder.
        judged: all cells of the sessions; empty for a folder.
        profile: of the microscope.
        source: sessions or folder, in words.
        readers: who named them.
        model_sha256: of what answered in the sessions; empty for a folder.
    """

    embedded: SiteEmbeddings
    cells: list[SiteCell]
    judged: list[SiteCell]
    profile: Profile
    source: str
    readers: tuple[str, ...]
    model_sha256: str = ""


def adapt(
    profile: ProfileName = None,
    db: Database = None,
    session: Sessions = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Learn from class folders of single-cell pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a head of the site's own on its named cells, and use it where its gain is shown; else say why not.

    `hemato-edge site remove --head-only` undoes it.
    """
    from hemato_edge.errors import CalibrationError
    from hemato_edge.settings import load_settings
    from hemato_edge.site.adaptation import shortfall, try_head
    from hemato_edge.site.parts import SitePart
    from hemato_edge.vision.classify.classifier import load_classifier

    desk, settings = Desk(profile), load_settings()
    classifier = load_classifier(**settings.model.model_dump())
    home = _prototypes(classifier)
    material = (
        _from_folder(desk, folder, settings, classifier) if folder else _from_sessions(desk, db, session, classifier)
    )
    lacking = shortfall(material.embedded)
    if lacking is not None:
        raise CalibrationError(
            f"There is nothing to learn from: {lacking}.", "Name more with `hemato-edge site verify`."
        )
    trial = try_head(home.embeddings, home.labels, material.embedded, classifier.card.rejection_threshold)
    if trial.refusal is not None:
        raise CalibrationError(
            f"The head of the site's own is not used: {trial.refusal}.",
            "The shipped answers stay. Name more cells and try again, or train with them on the workstation.",
        )
    head = _head(material, trial, home, classifier.model.bundle.sha256)
    old = material.profile.site
    shipped = None if old is None else old.shipped or (old.verification if old.head is None else None)
    site = SitePart(verification=_verification(material, trial, head), shipped=shipped, head=head)
    desk.folder.save(material.profile.with_site(site))
    tell(desk.folder.load(desk.name), as_json=as_json)


def _prototypes(classifier: TFLiteClassifier) -> Prototypes:
    from hemato_edge.errors import CalibrationError

    found = classifier.prototypes
    if found is None:
        raise CalibrationError(
            f"The model {classifier.card.name} carries no home cells and gives no embedding to learn from.",
            "Use a model that does: `hemato-edge model info` tells.",
        )
    return found


def _from_sessions(desk: Desk, db: Path | None, wanted: list[int] | None, classifier: TFLiteClassifier) -> Material:
    from hemato_edge.pipeline.site_pictures import embed_reviewed
    from hemato_edge.site.cells import site_cells

    records = desk.sessions(db, wanted or [])
    with open_reader(db) as reader:
        judged = site_cells(reader, [record.id for record in records])
        embedded, cells = embed_reviewed(reader, records, judged, classifier)
        kept = desk.profile(reader, records[-1])
    source = f"session {', '.join(str(record.id) for record in records)}"
    readers = tuple(sorted({who for cell in cells for who in cell.words}))
    return Material(embedded, cells, judged, kept, source, readers, records[-1].model_sha256)


def _from_folder(desk: Desk, folder: Path, settings: Settings, classifier: TFLiteClassifier) -> Material:
    from hemato_edge.pipeline.site_pictures import embed_folder
    from hemato_edge.vision.locate.choice import load_locator

    locator = load_locator(**settings.locator.model_dump(), **settings.model.model_dump(exclude={"path"}))
    kept = desk.folder.load(desk.name)
    embedded = embed_folder(folder, locator, classifier, lambda error: typer.echo(f"warning: {error}", err=True))
    return Material(embedded, [], [], kept, f"folder {folder.name}", ())


def _head(material: Material, trial: Trial, home: Prototypes, model_sha256: str) -> Head:
    import numpy as np

    from hemato_edge.labels import CLASSIFIER_LABELS
    from hemato_edge.site.head import SHARE, fit_head
    from hemato_edge.site.parts import Head

    own = material.embedded
    weights = fit_head(home.embeddings, home.labels, own.embeddings, own.labels, len(CLASSIFIER_LABELS))
    packed, sha256 = Head.packed(weights)
    numbers = np.bincount(own.labels, minlength=len(CLASSIFIER_LABELS)).tolist()
    return Head(
        model_sha256=model_sha256,
        created=_now(),
        weights=packed,
        sha256=sha256,
        embedding=own.embeddings.shape[1],
        share=SHARE,
        threshold=trial.threshold,
        cells=dict(zip(CLASSIFIER_LABELS, numbers, strict=True)),
        sessions=len(set(own.slides.tolist())),
        readers=material.readers,
        before=trial.before,
        after=trial.after,
        balanced_before=trial.balanced_before,
        balanced_after=trial.balanced_after,
        divided_by=trial.divided_by if material.cells else "picture",
        source=material.source,
    )


def _verification(material: Material, trial: Trial, head: Head) -> Verification | None:
    """The cross-validated figures of the mixture; None where the cells do not make a verification."""
    from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
    from hemato_edge.site.verification import LEAST_CELLS, shortfall, verify

    if len(material.cells) < LEAST_CELLS or shortfall(material.judged) or material.model_sha256 != head.model_sha256:
        return None
    answers = {}
    for cell, shares in zip(material.cells, trial.answers, strict=True):
        best = CLASSIFIER_LABELS[int(shares.argmax())]
        answers[cell.place] = (best if float(shares.max()) >= trial.threshold else UNCLASSIFIED, best)
    return verify(material.judged, head.model_sha256, head.sha256, head.created, answers)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)
