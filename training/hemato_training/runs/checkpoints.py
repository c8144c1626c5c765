"""Checkpoints from which a run resumes exactly."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from hemato_edge.errors import DataError
from hemato_training.runs.files import check_new_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FOLDER, _STATE = "checkpoint", "state.json"


@dataclass(slots=True)
class State:
    """Progress of a run.

    Attributes:
        epoch: completed epochs.
        best_score: highest macro accuracy so far, -1 before the first.
        best_loss: cross entropy at that epoch.
        best_epoch: number of that epoch.
        history: one entry per epoch.
        settings: of the run, from `Settings.as_json`.
        splits: laboratory → split hash.
        file: name of the model file of this state.
    """

    epoch: int = 0
    best_score: float = -1.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    file: str = ""


def save_checkpoint(out: Path, model: Any, state: State) -> None:
    """Save model, optimiser and state; the state file is replaced last and atomically: a crash keeps the previous."""
    folder = out / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    state.file = f"epoch-{state.epoch:03d}.keras"
    model.save(folder / state.file)
    temporary = folder / f"{_STATE}.partial"
    temporary.write_text(json.dumps(asdict(state)))
    temporary.replace(folder / _STATE)
    for old in folder.glob("epoch-*.keras"):
        if old.name != state.file:
            old.unlink()


def earlier_run(out: Path, *, resume: bool) -> tuple[Any, State] | None:
    """The model and state to resume from; None for a new run, or one whose first epoch was never completed.

    Raises:
        DataError: the folder holds a run that is not to be resumed.
    """
    if resume:
        return load_checkpoint(out)
    check_new_run(out, "Continue with --resume, or name another folder with --out.")
    return None


def load_checkpoint(out: Path) -> tuple[Any, State] | None:
    """The compiled model with its optimiser, and the state; None if the run has no checkpoint yet.

    Raises:
        DataError: there is one that cannot be read.
    """
    path = out / _FOLDER / _STATE
    if not path.is_file():
        return None
    try:
        state = State(**json.loads(path.read_text()))
        return keras.models.load_model(out / _FOLDER / state.file), state
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"The checkpoint in {out / _FOLDER} cannot be read.", "Delete that folder and start without --resume."
        ) from error


def refuse_another_run(out: Path, changed: Sequence[str], state: State, splits: Mapping[str, str]) -> None:
    """Check that a resumed run is the one that was interrupted.

    Args:
        out: folder of the run.
        changed: names of the settings that differ from the checkpoint.
        state: of the checkpoint.
        splits: laboratory → split hash of the present data.

    Raises:
        DataError: settings or data differ.
    """
    if changed:
        raise DataError(
            f"The run in {out} was started with another {', '.join(changed)}.",
            "Resume with the same options, or name another folder with --out.",
        )
    if state.splits != splits:
        raise DataError(
            f"The run in {out} was started on another split of the data.", "Start a new run in another folder."
        )
