"""One recipe trained several times from a common head, and averaged: right more often on another microscope.

Runs from the same weights that see other views in another order err differently on a stain that none of them saw. The
mean of their weights keeps what they agree on, where they lie in one valley of the loss; with heads of their own, drawn
at random, they do not (Rame et al., "Diverse weight averaging", NeurIPS 2022). So a head is learnt first, on the frozen
trunk, and all begin with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError
from hemato_training.classify.average import AVERAGED, average_runs, named, read_facts
from hemato_training.classify.fit import train
from hemato_training.progress import Silent
from hemato_training.runs.files import MODEL_FILE, RUN_FILE, check_new_run

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings

HEAD, MEMBER = "head", "member-{}"
"""Folders of the runs, in that of the average."""


def train_members(
    settings: Settings,
    members: int,
    *,
    resume: bool = False,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Train a head, then `members` runs that begin with it, and average them into `settings.out`, for `convert`.

    Args:
        settings: of the recipe. The head learns for `head_epochs`, one at least, each run for `epochs`; a run's own
            seed is the recipe's times 100, plus its number.
        members: number of runs, 2 or more.
        resume: go on where an earlier call was stopped; one that is finished stays as it is.
        cache: folder for crops; "cells" in `settings.out` unless named.
        reporter: receives progress.

    Returns:
        The averaged model's file.

    Raises:
        ConfigurationError: fewer than two runs.
        DataError: as `fit.train`, or if `settings.out` holds another run.
    """
    if members < 2:
        raise ConfigurationError(f"{members} run cannot be averaged.", "Choose --members 2 to 8, or leave it out.")
    if not resume:
        check_new_run(settings.out)
    reporter, cache = reporter or Silent(), cache or settings.out / "cells"
    head = replace(
        settings,
        out=settings.out / HEAD,
        head_epochs=max(1, settings.head_epochs),
        epochs=0,
        attribute_weight=0.0,
        teachers=(),
        keep="last",
    )
    reporter.note("the common head")
    train(head, resume=resume, cache=cache, reporter=reporter)
    runs = []
    for number in range(1, members + 1):
        run = replace(
            settings,
            out=settings.out / MEMBER.format(number),
            weights=str(head.out / MODEL_FILE),
            head_epochs=0,
            seed=100 * settings.seed + number,
        )
        reporter.note(f"run {number} of {members}")
        train(run, resume=resume, cache=cache, reporter=reporter)
        runs.append(run.out)
    if (settings.out / RUN_FILE).exists() and read_facts(settings.out)["settings"].get(AVERAGED) == named(runs):
        return settings.out / MODEL_FILE
    return average_runs(runs, settings.out)
