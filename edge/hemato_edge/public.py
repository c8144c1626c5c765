"""The public Python API: pictures from files, and recorded sessions. See `hemato_edge`.

Models are loaded and verified at the first call and kept; they are for one thread at a time. Settings are resolved as
on the command line: environment, then configuration file, then defaults.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hemato_edge.pipeline.images import CellPicture, FieldPicture, analyze_pictures, classify_pictures
from hemato_edge.settings import load_settings
from hemato_edge.store.reader import Reader
from hemato_edge.views.report.build import build_report
from hemato_edge.vision.classify.classifier import TFLiteClassifier, load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.locate.locator import Locator, OpenCvLocator
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from hemato_edge.errors import ImageError
    from hemato_edge.store.records import CellRecord, FieldRecord, SessionRecord, Totals
    from hemato_edge.views.report.model import Report


def analyze_image(path: str | os.PathLike[str], *, model: str | os.PathLike[str] | None = None) -> FieldPicture:
    """Locate the white cells, red cells and platelets of one field of view, and classify the white ones.

    The picture is analysed on its own: scale and stain are measured in it alone. A picture that a live session would
    have rejected is analysed, too; `quality.reject` gives the reason.

    Args:
        path: a picture file.
        model: a classifier bundle; by default that of the settings, else the one that ships.

    Returns:
        The picture, (H, W, 3) uint8 BGR, with its detections (boxes (n, 4) float32 xyxy in pixels), the classifier's
        judgements by index of the detection, quality and times; `as_json()` gives the output of `hemato-edge analyze`.

    Raises:
        ImageError: the file is not a readable picture, or too small or too large.
        ModelError: a model is missing, has no card, or fails its golden check.
        ConfigurationError: a setting is invalid.

    Example:
        >>> from hemato_edge import analyze_image
        >>> field = analyze_image("field.png")
        >>> sorted(field.detections.counts())
        ['platelet', 'rbc', 'wbc']
        >>> for index, judgement in field.judged.items():
        ...     assert judgement.label, field.detections.boxes[index]
    """
    classifier, locator, gate = _models(None if model is None else Path(model))
    (found,) = analyze_pictures([Path(path)], gate, locator, classifier, each=True, failed=_raise)
    return found


def classify_image(path: str | os.PathLike[str], *, model: str | os.PathLike[str] | None = None) -> CellPicture:
    """Classify the cell in a picture of one cell.

    Args:
        path: a picture file.
        model: as for `analyze_image`.

    Returns:
        The picture, (H, W, 3) uint8 BGR, the cell's box, (4,) float32 xyxy in pixels, and the judgement, whose label
        may be "unclassified"; `as_json()` gives the output of `hemato-edge classify`.

    Raises:
        ImageError: the file is not a readable picture.
        CalibrationError: nothing in it gives its scale: there is neither a red cell nor a stained cell.
        ModelError, ConfigurationError: as for `analyze_image`.

    Example:
        >>> from hemato_edge import classify_image
        >>> answer = classify_image("cell1.png").judgement
        >>> 0 <= answer.confidence <= 1
        True
    """
    classifier, _, _ = _models(None if model is None else Path(model))
    (found,) = classify_pictures([Path(path)], OpenCvLocator(), classifier, each=True, failed=_raise)
    return found


def open_session(database: str | os.PathLike[str] | None = None, number: int | None = None) -> Session:
    """Open a recorded session for reading, even while it is being recorded. Never writes.

    Args:
        database: the file; by default that of the settings.
        number: of the session; by default the last one.

    Returns:
        A context manager.

    Raises:
        StoreError: there is no such database or session, or the file is damaged or from a newer version.
        ConfigurationError: a setting is invalid.

    Example:
        >>> from hemato_edge import open_session
        >>> with open_session() as session:
        ...     wbc = session.totals.wbc
        ...     white = [cell for cell in session.cells() if cell.label == "neutrophil"]
        ...     report = session.report()
        >>> len(white) <= wbc
        True
    """
    reader = Reader(load_settings().store.path if database is None else Path(database))
    try:
        return Session(reader, reader.session(number))
    except BaseException:  # close the file on anything, and raise it again
        reader.close()
        raise


class Session:
    """A recorded session from `open_session`. A context manager; every method may raise StoreError.

    Attributes:
        record: the session's own record: camera, label, model, times, state.
    """

    def __init__(self, reader: Reader, record: SessionRecord) -> None:
        self._reader = reader
        self.record = record

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    @property
    def totals(self) -> Totals:
        """The current counts, consistent with each other."""
        return self._reader.totals(self.record.id)

    def cells(self) -> Iterator[CellRecord]:
        """The counted cells, one at a time, in the order of recording, with any labels from review."""
        return self._reader.counted(self.record.id)

    def fields(self) -> Iterator[FieldRecord]:
        """The recorded fields, one at a time, in the order of recording."""
        return self._reader.fields(self.record.id)

    def report(self) -> Report:
        """The differential with its intervals, and everything else in `hemato-edge report`."""
        return build_report(self._reader, self.record.id)


@lru_cache(maxsize=2)
def _models(model: Path | None) -> tuple[TFLiteClassifier, Locator, QualityGate]:
    settings = load_settings(overrides={"model.path": model})
    classifier = load_classifier(**settings.model.model_dump())
    locator = load_locator(**settings.locator.model_dump(), **settings.model.model_dump(exclude={"path"}))
    return classifier, locator, QualityGate(**settings.quality.model_dump())


def _raise(error: ImageError) -> NoReturn:
    raise error
