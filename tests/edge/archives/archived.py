"""A small archive of drawn slides, another model, and the tables that an analysis leaves."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from hemato_edge.archives.local import run_locally
from hemato_edge.archives.reanalysis import Summary, reanalyse
from hemato_edge.archives.sources import Source, sources_in
from hemato_edge.archives.terms import terms_of
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.models.bundle import PROTOTYPES, read_bundle, shipped_classifier, write_bundle
from hemato_edge.settings import load_settings

if TYPE_CHECKING:
    from hemato_edge.archives.reanalysis import Runner


def draw_slides(folder: Path, slides: int, pictures: int) -> Path:
    """Folders slide0, slide1, … with so many drawn fields each."""
    for slide in range(slides):
        place = folder / f"slide{slide}"
        place.mkdir(parents=True)
        for number in range(pictures):
            assert cv2.imwrite(str(place / f"{number}.png"), draw_field(2 + 10 * slide + number)[0])
    return folder


def stricter_model(path: Path) -> Path:
    """The classifier that ships, which answers "unclassified" more often."""
    bundle = read_bundle(shipped_classifier())
    card = bundle.card.model_copy(update={"rejection_threshold": 0.995, "name": "stricter"})
    with zipfile.ZipFile(bundle.path) as parts:
        prototypes = parts.read(PROTOTYPES)
    write_bundle(path, bundle.flatbuffer, card, bundle.golden_inputs, bundle.golden_outputs, None, prototypes)
    return path


def never(name: str, reason: str) -> None:
    raise AssertionError(f"{name}: {reason}")


def slides_of(folder: Path, *, each: bool = False) -> list[Source]:
    return sources_in([folder], recursive=True, each=each, failed=never)


def analysed(sources: list[Source], out: Path, runner: Runner | None = None, **options: Any) -> Summary:
    """The archive, analysed by two processes unless another runner is given."""
    return reanalyse(sources, terms_of(load_settings(), **options), out, runner or partial(run_locally, jobs=2))


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table, read by a library that has nothing of ours."""
    import duckdb

    found = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(folder / f"{name}.parquet")])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: table(folder, name) for name in ("fields", "cells", "counts", "failures")}
