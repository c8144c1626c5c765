"""Settings of a locator training run. Imports nothing heavy: the command line is generated from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.vision.locate.windows import WindowSpec


def _all_sets() -> tuple[str, ...]:
    from hemato_training.data.field_sets import FIELD_SETS

    return tuple(FIELD_SETS)


TASK = "locate"
WIDTH, HEIGHT, RED_CELL_PX = 256, 192, 40.0
"""The device's window and the standard diameter of a red cell in it: a field of 640 × 480 pixels with red cells of 100
is one window, and a platelet is still 12 pixels wide. At 60 pixels the boxes were no better, and a window took four
times as long."""


@dataclass(frozen=True, slots=True)
class LocateSettings:
    """Everything that determines a run; equal settings and data give equal runs.

    Attributes:
        data: directory with one folder per data set.
        out: folder of the run.
        sets: data set of fields to train on; default: all known ones present.
        alpha: width of the MobileNetV2 trunk.
        channels: of the decoder.
        weights: of the trunk: "imagenet", "none" or a file; or model.keras of an earlier run to continue training.
        width, height: of the device's window, pixels.
        red_cell_px: standard diameter of a red cell, pixels.
        view: side of the square training views, pixels.
        epochs: number of epochs.
        batch: views per step.
        learning_rate: highest rate.
        weight_decay: of AdamW.
        strength: of the augmentation, 0 to 1.
        oversample: repetitions of a bccd field per field of another set.
        average: momentum of the exponential moving average of the weights; 0 for none.
        clean_at: shares of the run after which the network itself searches for unannotated cells.
        judge_every: epochs between evaluations on the validation fields.
        keep: "best" (on validation) or "last".
        seed: of all randomness.
        limit: maximum fields of each set and split, for trials; 0 for all.
        workers: threads that draw views.
    """

    data: Path
    out: Path
    sets: tuple[str, ...] = field(default_factory=_all_sets, metadata={"option": "--laboratory"})
    alpha: float = 0.35
    channels: int = 40
    weights: str = "imagenet"
    width: int = WIDTH
    height: int = HEIGHT
    red_cell_px: float = RED_CELL_PX
    view: int = 192
    epochs: int = 44
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    strength: float = 0.5
    oversample: int = 2
    average: float = 0.995
    clean_at: tuple[float, ...] = (0.5,)
    judge_every: int = 11
    keep: str = "best"
    seed: int = 1
    limit: int = field(default=0, metadata={"option": "--per-class"})
    workers: int = 2

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ConfigurationError("A run needs at least one epoch and one view a batch.", "Check the options.")
        if self.keep not in ("best", "last"):
            raise ConfigurationError(f"Unknown choice of epoch {self.keep!r}.", "Choose --keep best or last.")

    @property
    def spec(self) -> WindowSpec:
        """The device's window."""
        from hemato_edge.vision.locate.windows import WindowSpec

        return WindowSpec(self.width, self.height, self.red_cell_px)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; folders by name only."""
        values = asdict(self)
        values["data"], values["out"] = self.data.name, self.out.name
        values["weights"] = Path(self.weights).name
        values["sets"], values["clean_at"] = ",".join(self.sets), ",".join(map(str, self.clean_at))
        return values

    def differences(self, earlier: Mapping[str, object]) -> list[str]:
        """Names of settings that affect training and differ from those in an earlier `as_json`."""
        now = self.as_json()
        free = {"data", "out", "workers", "keep", "judge_every"}
        return [f.name for f in fields(self) if f.name not in free and earlier.get(f.name) != now[f.name]]
