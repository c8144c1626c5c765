"""What a training run of the locator follows from. Imports nothing heavy: the command line is made from it."""

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
"""The device's window and the standard diameter of a red cell in it: a field of 640 × 480 pixels whose red cells
measure 100 is one window, and a platelet is still 12 pixels wide. At 60 pixels the boxes were no better, and a window
took four times as long."""


@dataclass(frozen=True, slots=True)
class LocateSettings:
    """All that a run follows from; two runs with equal settings and data are equal.

    Attributes:
        data: directory with one folder per data set.
        out: folder of the run.
        sets: data set of fields to learn from; every known one that is there unless named.
        alpha: width of the MobileNetV2 trunk.
        channels: of the decoder.
        weights: of the trunk: "imagenet", "none" or a file; or an earlier run's model.keras to go on learning from.
        width, height: of the device's window, pixels.
        red_cell_px: standard diameter of a red cell, pixels.
        view: side of the square views that are learnt from, pixels.
        epochs: how many.
        batch: views a step.
        learning_rate: highest rate.
        weight_decay: of AdamW.
        strength: of the augmentation, 0 to 1.
        oversample: how often a bccd field comes per field of another set.
        average: momentum of the exponential moving average of the weights; 0 for none.
        clean_at: shares of the run after which the network itself looks for cells that nobody drew.
        judge_every: epochs between two looks at the validation fields.
        keep: "best" (on validation) or "last".
        seed: of all randomness.
        limit: at most so many fields of each set and split; 0 for all. For trying things out.
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
        """As plain JSON values; folders by their name alone."""
        values = asdict(self)
        values["data"], values["out"] = self.data.name, self.out.name
        values["weights"] = Path(self.weights).name
        values["sets"], values["clean_at"] = ",".join(self.sets), ",".join(map(str, self.clean_at))
        return values

    def differences(self, earlier: Mapping[str, object]) -> list[str]:
        """Names of the settings that decide what is learnt and are not as in an earlier `as_json`."""
        now = self.as_json()
        free = {"data", "out", "workers", "keep", "judge_every"}
        return [f.name for f in fields(self) if f.name not in free and earlier.get(f.name) != now[f.name]]
