"""`hemato-edge analyze` and `hemato-edge classify`: pictures from files, without a camera or a store."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from hemato_edge.errors import ImageError
    from hemato_edge.morphology import Attribute
    from hemato_edge.pipeline.images import CellPicture, FieldPicture
    from hemato_edge.values import Image
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.red_cells.shapes import ShapeNamer

Pictures = Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.", metavar="IMAGE…")]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Take the pictures of sub-folders as well.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsJsonLines = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line, as they come.")]
ModelFile = Annotated[Path | None, typer.Option("--model", help="Classifier bundle; without it the one that ships.")]
Each = Annotated[bool, typer.Option("--each", help="The pictures are strangers: scale and stain for each alone.")]

NameBlurred = Annotated[
    bool,
    typer.Option(
        "--name-blurred", help="Name the cells of pictures, too, that are blurred, negative or of exchanged channels."
    ),
]


def register(root: typer.Typer) -> None:
    """Add `analyze` and `classify`."""
    root.command()(analyze)
    root.command()(classify)


def analyze(
    images: Pictures,
    as_json: AsJson = False,
    as_jsonl: AsJsonLines = False,
    min_score: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Keep what the locator scores at least this.")
    ] = None,
    annotate: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the pictures with boxes there.")] = None,
    model: ModelFile = None,
    each: Each = False,
    recursive: Recursive = False,
    blurred: NameBlurred = False,
) -> None:
    """Find and name the cells of whole fields of view."""
    from hemato_edge.cli.counting.instruments import shape_namer
    from hemato_edge.pipeline.images import analyze_pictures
    from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
    from hemato_edge.settings import load_settings
    from hemato_edge.views.images.annotated import annotate_field, page_target, write_picture
    from hemato_edge.vision.classify.classifier import load_classifier
    from hemato_edge.vision.locate.choice import load_locator
    from hemato_edge.vision.quality import QualityGate

    images = pictures_of(images, recursive=recursive)
    targets = _targets(images, annotate)
    settings = load_settings(overrides={"model.path": model, "locator.min_score": min_score})
    classifier = load_classifier(**settings.model.model_dump())
    locator = load_locator(**settings.locator.model_dump(), **settings.model.model_dump(exclude={"path"}))
    gate = QualityGate(**settings.quality.model_dump())
    failures = Failures()
    output = Output(as_json=as_json, as_jsonl=as_jsonl)
    survey, shapes = RedCellSurvey(), shape_namer(settings)
    rejects: list[str | None] = []
    with Progress("analysing", len(images) * (1 if each else 2)) as step:
        for result in analyze_pictures(
            images,
            gate,
            locator,
            classifier,
            each=each,
            name_blurred=blurred,
            red_cells=settings.red_cells.measure,
            shapes=shapes,
            failed=failures.add,
            step=step,
        ):
            if annotate is not None:
                picture = annotate_field(result.image, result.detections, result.judged)
                write_picture(page_target(targets, result.path), picture, images)
            rejects.append(result.quality.reject)
            seen = result.detections.counts()["platelet"]
            survey.enter_picture(result.red_cells, result.shapes, result.platelets, seen)
            output.add(result.as_json(), partial(_field_line, result))
    for line in () if as_json or as_jsonl else _red_cell_lines(survey.tallies(), shapes):
        typer.echo(line)
    output.close()
    _tell_rejected(rejects, named=blurred)
    failures.close()


def classify(
    images: Pictures,
    as_json: AsJson = False,
    as_jsonl: AsJsonLines = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write each picture with a map of what its name rests on; name the attributes."
        ),
    ] = None,
    model: ModelFile = None,
    each: Each = False,
    recursive: Recursive = False,
    blurred: NameBlurred = False,
) -> None:
    """Name the cell in pictures of one cell each."""
    from hemato_edge.morphology import of_class
    from hemato_edge.pipeline.images import classify_pictures
    from hemato_edge.settings import load_settings
    from hemato_edge.views.images.annotated import write_picture
    from hemato_edge.vision.locate.locator import OpenCvLocator
    from hemato_edge.vision.quality import QualityGate

    images = pictures_of(images, recursive=recursive)
    targets = _targets(images, explain)
    classifier = _classifier(model)
    failures = Failures()
    output = Output(as_json=as_json, as_jsonl=as_jsonl)
    fields: list[Path] = []
    rejects: list[str | None] = []
    with Progress("classifying", len(images) * (1 if each else 2)) as step:
        for result in classify_pictures(
            images,
            OpenCvLocator(),
            classifier,
            gate=QualityGate(**load_settings().quality.model_dump()),
            each=each,
            name_blurred=blurred,
            failed=failures.add,
            step=step,
        ):
            rejects.append(result.reject)
            fields.extend([result.path] if result.looks_like_field else [])
            judged = result.judgement
            attributes = () if explain is None else of_class(judged.attributes, judged.label)
            if explain is not None:
                write_picture(targets[result.path], _explained(result, classifier), images)
            further = {"attributes": [one.as_json() for one in attributes]} if attributes else {}
            output.add(result.as_json() | further, partial(_cell_line, result, attributes))
    output.close()
    _tell_fields(fields, len(images))
    _tell_rejected(rejects, named=blurred)
    failures.close()


def _targets(images: list[Path], folder: Path | None) -> dict[Path, Path]:
    """Picture → the one in `folder` that is made from it; refused before the work where it is somebody else's."""
    if folder is None:
        return {}
    from hemato_edge.output_files import check_apart
    from hemato_edge.views.images.annotated import check_picture, output_names

    targets = output_names(images, folder)
    for target in targets.values():
        check_apart(target, images)
        check_picture(target)
    return targets


def _tell_fields(fields: list[Path], of: int) -> None:
    """Say on stderr which pictures show a whole field: of all its cells one was named."""
    if fields:
        several = f"{len(fields)} of {of} pictures look like whole fields, {fields[0]} for instance"
        typer.echo(
            f"note: {several if len(fields) > 1 else f'{fields[0]} looks like a whole field'}; "
            "only the cell nearest to the middle was named. `hemato-edge analyze` finds all cells of a field.",
            err=True,
        )


def _tell_rejected(rejects: list[str | None], *, named: bool) -> None:
    """Say on stderr how many pictures `run` would leave out, why, and whether their cells have names nevertheless."""
    from hemato_edge.pipeline.images import UNNAMED

    silent = [one for one in rejects if one is not None and one in UNNAMED and not named]
    doubtful = [one for one in rejects if one is not None and (one not in UNNAMED or named)]
    for reasons, what in (
        (silent, "their cells have no names. Take them again; --name-blurred names the cells nevertheless"),
        (doubtful, "`run` would leave them out, and their names and counts may be wrong. Take them again"),
    ):
        if reasons:
            why = ", ".join(sorted({one.replace("_", " ") for one in reasons}))
            typer.echo(
                f"note: pictures of insufficient quality: {len(reasons)} of {len(rejects)} ({why}); {what}.", err=True
            )


def pictures_of(named: list[Path], *, recursive: bool) -> list[Path]:
    """The files that are meant: a folder stands for the pictures in it but hidden ones, in the order of their names.

    Raises:
        ImageError: a folder has none.
    """
    from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES
    from hemato_edge.errors import ImageError

    found: list[Path] = []
    for path in named:
        if not path.is_dir():
            found.append(path)
            continue
        inside = path.rglob("*") if recursive else path.glob("*")
        pictures = sorted(
            one
            for one in inside
            if one.suffix.lower() in PICTURE_SUFFIXES and one.is_file() and not one.name.startswith(".")
        )
        if not pictures:
            hint = "Name another." if recursive else "Name another, or add --recursive for its sub-folders."
            raise ImageError(f"The folder {path} has no picture.", hint)
        found += pictures
    found = list(dict.fromkeys(found))
    _tell_copies(found)
    return found


def _tell_copies(pictures: list[Path]) -> None:
    """Say on stderr which pictures hold the same bytes: together they show less than they seem to."""
    from hemato_edge.cameras.picture_files import CopyFinder

    finder = CopyFinder()
    copies = [(path, first) for path in pictures if (first := finder.earlier(path)) is not None]
    if copies:
        path, first = copies[0]
        hold = "holds" if len(copies) == 1 else "hold"
        typer.echo(
            f"note: {len(copies)} of {len(pictures)} pictures {hold} the same bytes as another one, {path} as {first}"
            f"{' for instance' if len(copies) > 1 else ''}.",
            err=True,
        )


class Output:
    """Where results go: one JSON document, JSON lines, or a line for a person."""

    def __init__(self, *, as_json: bool, as_jsonl: bool) -> None:
        if as_json and as_jsonl:
            msg = "--json and --jsonl exclude each other"
            raise typer.BadParameter(msg)
        self._document: list[dict[str, object]] | None = [] if as_json else None
        self._lines, self._told = as_jsonl, False

    def add(self, result: dict[str, object], text: Callable[[], str]) -> None:
        """One result; `text` makes the line for a person."""
        if self._document is not None:
            self._document.append(result)
        elif self._lines:
            typer.echo(json_text(result))
        else:
            typer.echo(text())
            self._told = True

    def close(self) -> None:
        """Print the one document, if that is what was asked for; under lines for a person the notice."""
        if self._document is not None:
            typer.echo(json_text(self._document, indent=1))
        elif self._told:
            from hemato_edge.about import RESEARCH_USE_NOTICE

            typer.echo(RESEARCH_USE_NOTICE)


class Failures:
    """Pictures that could not be analysed: told on stderr, and in the exit code once the others are done."""

    def __init__(self) -> None:
        self._errors: list[ImageError] = []

    def add(self, error: ImageError) -> None:
        """Tell of one."""
        typer.echo(f"error: {error}", err=True)
        self._errors.append(error)

    def close(self) -> None:
        """Exit with the code of picture errors if there was one."""
        if self._errors:
            raise typer.Exit(self._errors[0].exit_code)


def _classifier(model: Path | None) -> TFLiteClassifier:
    from hemato_edge.settings import load_settings
    from hemato_edge.vision.classify.classifier import load_classifier

    settings = load_settings(overrides={"model.path": model}).model
    return load_classifier(**settings.model_dump())


class Progress:
    """A progress bar on stderr, where that is a terminal and stdout is not the same one."""

    def __init__(self, what: str, total: int) -> None:
        from rich import progress
        from rich.console import Console

        console = Console(stderr=True)
        self._bar = progress.Progress(console=console, transient=True, disable=not console.is_terminal or total < 8)
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()


def _explained(result: CellPicture, classifier: TFLiteClassifier) -> Image:
    """The picture beside itself under the occlusion map of its answer."""
    import numpy as np

    from hemato_edge.views.images.annotated import explain_cell
    from hemato_edge.vision.classify.occlusion import occlusion_maps
    from hemato_edge.vision.field_view import FieldView

    crops = classifier.crops(FieldView(result.image), result.box[None], result.look)
    label = np.array([classifier.card.labels.index(result.judgement.best)])
    maps = occlusion_maps(lambda changed: classifier.model.outputs(changed).logits, crops, label)
    return explain_cell(crops[0][:, :, ::-1], maps[0], result.judgement)


_KINDS = {"wbc": "white cell", "rbc": "red cell", "platelet": "platelet"}


def _field_line(result: FieldPicture) -> str:
    from hemato_edge.labels import BY_NAME
    from hemato_edge.views.report.field_of_view import HIDES

    found = ((_KINDS[kind], count) for kind, count in result.detections.counts().items())
    counts = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in found)
    named = ", ".join(f"{BY_NAME[j.label].words} {j.confidence:.0%}" for j in result.judged.values())
    doubt = f"  [{result.quality.reject.replace('_', ' ')}]" if result.quality.reject else ""
    view = result.aperture
    slide = f"  ({view.share:.0%} of it is slide; left out: {', '.join(map(HIDES.__getitem__, view.kinds))})"
    return f"{result.path}: {counts}{': ' if named else ''}{named}{slide if view.kinds else ''}{doubt}"


def _red_cell_lines(tallies: dict[str, int], shapes: ShapeNamer | None) -> Iterator[str]:
    """The red cells of all pictures together, in pixels: `analyze` knows no scale."""
    from hemato_edge.counting.red_cells.shapes import SECTION
    from hemato_edge.views.report.red_cells.build import diameters_of, free_in, pallor_of, shapes_of
    from hemato_edge.views.report.red_cells.words import pallor_line, shape_lines, size_lines

    sizes, pallor = diameters_of(tallies, None, 0.0), pallor_of(tallies)
    yield from size_lines(sizes, free_in(tallies))
    if sizes is not None and pallor is not None:
        yield pallor_line(pallor)
    if shapes is not None:
        yield from shape_lines(shapes_of(tallies, {SECTION: shapes.session_section()}))


def _cell_line(result: CellPicture, attributes: tuple[Attribute, ...] = ()) -> str:
    from hemato_edge.labels import BY_NAME
    from hemato_edge.morphology import confident, in_words

    judgement = result.judgement
    label, best = BY_NAME[judgement.label].words, BY_NAME[judgement.best].words
    doubt = f"  [{result.reject.replace('_', ' ')}]" if result.reject else ""
    words = f"\n  {in_words(confident(attributes, judgement.label), shares=True)}" if attributes else ""
    if judgement.label == judgement.best:
        return f"{result.path}: {label} {judgement.confidence:.1%}{doubt}{words}"
    return f"{result.path}: {label} (nearest {best}, {judgement.confidence:.1%}){doubt}{words}"
