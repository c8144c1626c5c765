"""The card of a model: what it answers, what it takes, what it was trained on and how good it was."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, model_validator

CARD_FORMAT = 1
"""Version of this layout. A reader refuses a higher one."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Part):
    """What goes in: uint8 crops as the camera gives them."""

    size: int = Field(ge=32, le=512, description="side of the square crop, pixels")
    channels: str = Field(pattern="^(rgb|bgr)$", description="order of the colour channels")
    crop_red_cells: float = Field(gt=0, description="side of the crop in red-cell diameters")
    scale: float = Field(description="quantisation scale of the uint8 input")
    zero_point: int = Field(description="quantisation zero point of the uint8 input")


class StainSpec(_Part):
    """The stain that crops are brought to before the model sees them."""

    method: str = Field(pattern="^optical_density$")
    reference_level: float
    reference_nucleus_od: tuple[float, float, float] = Field(description="B, G, R, natural logarithm")
    ratio_limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    background: str = Field("session", pattern="^(session|field)$", description="over what the background is measured")


class DataSource(_Part):
    """One data set that the model was trained or judged on."""

    name: str
    licence: str
    split_sha256: str = Field(pattern="^[0-9a-f]{64}$", description="over the sorted path,label,split lines")
    train: int = Field(ge=0, description="cells trained on")
    val: int = Field(ge=0, description="cells held out to choose and report on")


class Accuracy(_Part):
    """How good the model was on one laboratory's held-out cells."""

    data: str
    split: str
    cells: int = Field(gt=0)
    float_accuracy: float = Field(ge=0, le=1)
    int8_accuracy: float = Field(ge=0, le=1)
    int8_balanced_accuracy: float = Field(ge=0, le=1)


class Parity(_Part):
    """How far the int8 file follows the float model, on held-out cells."""

    cells: int = Field(gt=0)
    agreement: float = Field(ge=0, le=1, description="share of cells with the same first answer")
    max_logit_difference: float = Field(ge=0)


class Golden(_Part):
    """The check that a device computes what the converter computed."""

    count: int = Field(gt=0)
    tolerance: float = Field(
        gt=0, description="largest allowed difference of a logit; runtimes differ in the last bits"
    )


class Card(_Part):
    """The whole card. Every field is required: a model without a complete card is not run."""

    format: int = CARD_FORMAT
    name: str = Field(min_length=1)
    task: str = Field(pattern="^classify$")
    architecture: str
    alpha: float | None = None
    labels: tuple[str, ...] = Field(min_length=2)
    input: InputSpec
    stain: StainSpec
    training: tuple[DataSource, ...] = Field(min_length=1)
    training_arguments: dict[str, str | int | float | bool | None]
    accuracy: tuple[Accuracy, ...] = Field(min_length=1)
    confusion: tuple[tuple[int, ...], ...] = Field(description="int8, held-out cells; row: truth, column: answer")
    parity: Parity
    temperature: float = Field(gt=0, description="logits are divided by it before the softmax")
    rejection_threshold: float = Field(ge=0, lt=1, description="below this confidence the answer is 'unclassified'")
    golden: Golden
    versions: dict[str, str]
    created: datetime
    licence: str
    attribution: str
    sha256: dict[str, str] = Field(default_factory=dict, description="part of the bundle → hash; filled when written")

    @model_validator(mode="after")
    def _shapes_agree(self) -> Card:
        n = len(self.labels)
        if len(set(self.labels)) != n:
            msg = "labels are not unique"
            raise ValueError(msg)
        if len(self.confusion) != n or any(len(row) != n for row in self.confusion):
            msg = f"the confusion matrix is not {n} × {n}"
            raise ValueError(msg)
        if self.format > CARD_FORMAT:
            msg = f"card format {self.format} is newer than this program's {CARD_FORMAT}"
            raise ValueError(msg)
        return self
