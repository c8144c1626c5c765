"""A whole evaluation (figures, out-of-distribution tests, explanation, provenance) as JSON, pictures and one page."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.escaped import as_utf8, json_text
from hemato_edge.output_files import write_aside
from hemato_edge.views.images.annotated import write_picture
from hemato_training.evaluate.provenance import Provenance, provenance_of
from hemato_training.evaluate.strangers import outliers_of
from hemato_training.explain.explanation import Explanation, explain
from hemato_training.explain.methods import method_named
from hemato_training.report.gallery import worst_mistakes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from hemato_training.evaluate.evaluation import Evaluation, Tried
    from hemato_training.evaluate.strangers import Scores
    from hemato_training.metrics.out_of_distribution import OutlierFigures
    from hemato_training.progress import Reporter
    from hemato_training.report.gallery import Mistake

PAGE, DOCUMENT, GALLERY = "evaluation.html", "evaluation.json", "gallery"
"""Names of the files written by `write_folder`."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one evaluation.

    Attributes:
        tried: the model and its answers.
        evaluation: their figures.
        provenance: model, data, program, time.
        outliers: figures of out-of-distribution objects, None if not requested.
        scores: logits of every set of such objects, for the diagrams.
        explanations: name of a method → its tests, in the order requested; empty if none was.
        mistakes: laboratory → worst errors, None if not requested.
    """

    tried: Tried
    evaluation: Evaluation
    provenance: Provenance
    outliers: list[OutlierFigures] | None
    scores: Scores
    explanations: dict[str, Explanation]
    mistakes: dict[str, list[Mistake]] | None

    def as_json(self) -> dict[str, object]:
        """As plain JSON values: the evaluation's, plus whatever was requested."""
        whole = self.evaluation.as_json()
        whole["provenance"] = self.provenance.as_json()
        whole["left_out"] = self.tried.left_out[0] if self.tried.left_out else None
        whole["outliers"] = None if self.outliers is None else [one.as_json() for one in self.outliers]
        # "explanation" is the first of them, as before there were several
        explained = {name: one.as_json() for name, one in self.explanations.items()}
        whole["explanation"] = next(iter(explained.values()), None)
        whole["explanations"] = explained
        if self.mistakes is not None:
            whole["mistakes"] = [_as_json(one) for own in self.mistakes.values() for one in own]
        return whole


def report_on(
    tried: Tried,
    evaluation: Evaluation,
    command: str,
    *,
    data: Path,
    cache: Path,
    outliers: bool,
    gallery: bool,
    explained: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> Report:
    """Make a report.

    Args:
        tried: the model and its answers.
        evaluation: their figures.
        command: the command line.
        data: directory with one folder per data set, also searched for annotated fields.
        cache: folder for cached appearances.
        outliers: whether to test out-of-distribution detection.
        gallery: whether to show the worst errors, with the maps of the first method.
        explained: names of the methods whose maps are tested, see `explain.methods`.
        reporter: for progress.

    Raises:
        DataError: a set of fields is malformed.
        ModelError: maps are requested and the model has none, or there is no such method.
        MissingExtraError: a method needs a library that is not installed.
    """
    figures, scores = outliers_of(tried, data, cache, reporter) if outliers else (None, {})
    return Report(
        tried,
        evaluation,
        provenance_of(tried, command),
        figures,
        scores,
        {name: explain(tried, name) for name in explained},
        worst_mistakes(tried, method_named(next(iter(explained), "gradcam")).maps_of(tried.judged))
        if gallery
        else None,
    )


def write_folder(report: Report, folder: Path, page: str, diagrams: dict[str, Figure]) -> None:
    """Write page, JSON and every picture as a file of its own.

    Args:
        report: what to write.
        folder: created if necessary.
        page: HTML.
        diagrams: name → diagram.

    Raises:
        DataError: the folder cannot be written to.
    """
    write_text(folder / PAGE, page)
    write_text(folder / DOCUMENT, json_text(report.as_json(), indent=1) + "\n")
    for name, diagram in diagrams.items():
        drawn = BytesIO()
        diagram.savefig(drawn, dpi=120)
        write_aside(folder / f"{name}.png", drawn.getvalue())
    for own in (report.mistakes or {}).values():
        for place, mistake in enumerate(own, 1):
            name = f"{mistake.laboratory}-{place:02d}-{mistake.truth}-called-{mistake.answer}.png"
            write_picture(folder / GALLERY / name, mistake.picture)


def write_text(path: Path, text: str) -> None:
    """Write a text file, creating its folder.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, as_utf8(text).encode())
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}).", "Name a writable place.") from error


def _as_json(mistake: Mistake) -> dict[str, object]:
    names = ("laboratory", "key", "truth", "answer", "confidence", "truth_probability", "answered")
    return {name: getattr(mistake, name) for name in names}
