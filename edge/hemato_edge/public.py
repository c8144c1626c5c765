"""The public face for programs in Python: pictures from files, and recorded sessions. See `hemato_edge`.

Models are loaded and verified at the first call and kept; they serve one thread at a time. Settings are those of the
command line: the environment over the configuration file over the defaults.
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
    """Find the white cells, red cells and platelets of one field of view, and name the white ones.

    The picture is judged by itself: scale and stain are measured on it alone. A picture that a live session would have
    rejected is analysed, too; `quality.reject` says why it would have been.

    Args:
        path: a picture file.
        model: a classifier bundle; without it that of the settings, else the one that ships.

    Returns:
        The picture, (H, W, 3) uint8 BGR, with its detections (boxes (n, 4) float32 xyxy in pixels), the classifier's
        answers by index of the detection, quality and times; `as_json()` gives what `hemato-edge analyze` prints.

    Raises:
        ImageError: the file is no picture that can be read, or too small or too large.
        ModelError: a model is missing, has no card, or fails its golden check.
        ConfigurationError: a setting is wrong.

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
    """Name the cell in a picture of one cell.

    Args:
        path: a picture file.
        model: as for `analyze_image`.

    Returns:
        The picture, (H, W, 3) uint8 BGR, the cell's box, (4,) float32 xyxy in pixels, and the answer, whose label may
        be "unclassified"; `as_json()` gives what `hemato-edge classify` prints.

    Raises:
        ImageError: the file is no picture that can be read.
        CalibrationError: nothing in it has a known size: there is neither a red cell nor a stained cell.
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
    """Open a recorded session to read it, also while it is being recorded. Nothing is ever written.

    Args:
        database: the file; without it that of the settings.
        number: of the session; without it the last one.

    Returns:
        A context manager.

    Raises:
        StoreError: there is no such database or session, or the file is damaged or from a newer version.
        ConfigurationError: a setting is wrong.

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
    except BaseException:  # whatever it was: the file is closed, and it is raised again
        reader.close()
        raise


class Session:
    """A recorded session, as `open_session` gives it. A context manager; every method raises StoreError.

    Attributes:
        record: what stands at its head: camera, label, model, times, state.
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
        """The counts as of now, of one moment."""
        return self._reader.totals(self.record.id)

    def cells(self) -> Iterator[CellRecord]:
        """The cells that count, one at a time, in the order of recording, with the labels that people gave them."""
        return self._reader.counted(self.record.id)

    def fields(self) -> Iterator[FieldRecord]:
        """The recorded fields, one at a time, in the order of recording."""
        return self._reader.fields(self.record.id)

    def report(self) -> Report:
        """The differential with its intervals, and all else that `hemato-edge report` prints."""
        return build_report(self._reader, self.record.id)


@lru_cache(maxsize=2)
def _models(model: Path | None) -> tuple[TFLiteClassifier, Locator, QualityGate]:
    settings = load_settings(overrides={"model.path": model})
    classifier = load_classifier(**settings.model.model_dump())
    locator = load_locator(**settings.locator.model_dump(), **settings.model.model_dump(exclude={"path"}))
    return classifier, locator, QualityGate(**settings.quality.model_dump())


def _raise(error: ImageError) -> NoReturn:
    raise error
