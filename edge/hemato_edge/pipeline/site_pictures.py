"""The embeddings of a site's cells, from the pictures that were kept of them or from a folder of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES
from hemato_edge.errors import CalibrationError, DataError
from hemato_edge.labels import CLASSIFIER_LABELS, named_class
from hemato_edge.pipeline.images import classify_pictures
from hemato_edge.site.adaptation import SiteEmbeddings
from hemato_edge.site.strata import weights
from hemato_edge.vision.classify.portraits import PORTRAIT_PX, PORTRAIT_RED_CELLS
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.optics.stain import StainCalibration
from hemato_edge.vision.slide_appearance import SlideAppearance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hemato_edge.errors import ImageError
    from hemato_edge.site.cells import SiteCell
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord
    from hemato_edge.values import Judgement
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.locator import Locator

_MIDDLE = np.array([[PORTRAIT_PX / 2 - 1, PORTRAIT_PX / 2 - 1, PORTRAIT_PX / 2 + 1, PORTRAIT_PX / 2 + 1]], np.float32)


def judge_portrait(jpeg: bytes, record: SessionRecord, classifier: TFLiteClassifier) -> Judgement:
    """What the classifier says of a cell's picture, under the scale and stain of its session.

    The picture holds the classifier's crop and a margin, so it needs nothing else; see `vision.classify.portraits`.

    Raises:
        DataError: the picture is damaged.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(
            f"A picture of session {record.id} is damaged.", "Check the database with `hemato-edge db check`."
        )
    view = FieldView(np.asarray(image, np.uint8))
    return classifier.judge(view, _MIDDLE, SlideAppearance(PORTRAIT_PX / PORTRAIT_RED_CELLS, _stain(record)))[0]


def embed_reviewed(
    reader: Reader, records: Sequence[SessionRecord], cells: Sequence[SiteCell], classifier: TFLiteClassifier
) -> tuple[SiteEmbeddings, list[SiteCell]]:
    """The embeddings of the cells that a person named and of which a picture is kept, and which cells these are."""
    by_number = {record.id: record for record in records}
    kept, judgements = [], []
    for cell in cells:
        portrait = reader.portrait(*cell.place) if cell.truth in CLASSIFIER_LABELS else None
        if portrait is not None:
            kept.append(cell)
            judgements.append(judge_portrait(portrait.jpeg, by_number[cell.session], classifier))
    labels = [CLASSIFIER_LABELS.index(str(cell.truth)) for cell in kept]
    slides = [str(cell.session) for cell in kept]
    fields = [f"{cell.session}/{cell.field}" for cell in kept]
    places = {cell.place for cell in kept}
    weight, _ = weights(cells, lambda cell: cell.place in places)
    embedded = _collected(judgements, labels, slides, fields)
    return replace(embedded, weights=np.array([weight[cell.place] for cell in kept])), kept


def embed_folder(
    folder: Path,
    locator: Locator,
    classifier: TFLiteClassifier,
    failed: Callable[[ImageError], None],
) -> SiteEmbeddings:
    """The embeddings of the single-cell pictures in the class folders of `folder`, taken as one session.

    Raises:
        DataError: it has no folder that is named after a class, or no picture in them.
        CalibrationError: no picture shows anything by which to tell the scale.
    """
    paths: dict[Path, int] = {}
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        known = named_class(place.name) if place.is_dir() else None
        if known is not None and known.name in CLASSIFIER_LABELS:
            own = (path for path in sorted(place.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES)
            paths |= dict.fromkeys(own, CLASSIFIER_LABELS.index(known.name))
    if not paths:
        raise DataError(
            f"{folder} holds no pictures in folders that are named after classes.",
            f"Sort them into folders such as {CLASSIFIER_LABELS[0]} and {CLASSIFIER_LABELS[3]}.",
        )
    found = list(classify_pictures(paths, locator, classifier, failed=failed))
    names = [str(one.path) for one in found]
    return _collected(
        [one.judgement for one in found], [paths[one.path] for one in found], ["folder"] * len(found), names
    )


def _collected(
    judgements: Sequence[Judgement], labels: Sequence[int], slides: Sequence[str], fields: Sequence[str]
) -> SiteEmbeddings:
    embeddings = [one.embedding for one in judgements if one.embedding is not None]
    if len(embeddings) < len(judgements):
        raise CalibrationError(
            "The classifier gives no embedding, which a head of the site's own reads.",
            "Use a model that has one: `hemato-edge model info` tells.",
        )
    classes = len(CLASSIFIER_LABELS)
    return SiteEmbeddings(
        embeddings=np.asarray(embeddings, np.float32).reshape(len(judgements), -1),
        probabilities=np.asarray([one.probabilities for one in judgements], np.float32).reshape(-1, classes),
        labels=np.asarray(labels, np.int64),
        slides=np.asarray(slides, np.str_),
        fields=np.asarray(fields, np.str_),
    )


def _stain(record: SessionRecord) -> StainCalibration:
    """The stain that the session recorded; the reference where it has none."""
    found = record.stain or {}
    try:
        red = found.get("red_od")
        return StainCalibration(
            _three(found["background"]), _three(found["nucleus_od"]), red_od=None if red is None else _three(red)
        )
    except (KeyError, TypeError, ValueError):  # recorded before its first nucleus, or by another version
        return StainCalibration.reference()


def _three(values: object) -> tuple[float, float, float]:
    if not isinstance(values, (list, tuple)):
        raise TypeError("no list of three")
    b, g, r = (float(value) for value in values)
    return b, g, r
