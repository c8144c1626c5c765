"""The model card: labels, input, training data and measured accuracy of a model.

All cards share one base; `task` selects the kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from hemato_edge.morphology import CONFIDENT

MAX_LOGIT_TOLERANCE = 1.0
"""Two int8 steps of a logit are 0.2 to 0.4 in the models converted so far; runtimes differ by one."""
CARD_FORMAT = 1
"""Version of this layout. Higher ones are refused."""


MAX_LABELS, MAX_TEXT = 64, 4000
"""More than any model of this kind has: a card is shown in terminals, reports and messages."""
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]
"""Without control characters, which could overwrite a terminal."""
Count = Annotated[int, Field(ge=0, le=10**9)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class InputSpec(_Part):
    """Input of a classifier: uint8 crops in the camera's colours."""

    size: int = Field(ge=32, le=512, description="side of the square crop, pixels")
    channels: str = Field(pattern="^(rgb|bgr)$", description="order of the colour channels")
    crop_red_cells: float = Field(ge=1, le=10, description="side of the crop in red-cell diameters")
    scale: float = Field(gt=0, le=1, description="quantisation scale of the uint8 input")
    zero_point: int = Field(ge=0, le=255, description="quantisation zero point of the uint8 input")


class WindowInput(_Part):
    """Input of a locator: windows of a field at a standard scale, background normalised."""

    width: int = Field(ge=32, le=2048, description="of a window, pixels")
    height: int = Field(ge=32, le=2048, description="of a window, pixels")
    channels: str = Field(pattern="^rgb$", description="order of the colour channels")
    red_cell_px: float = Field(ge=4, le=400, description="standard diameter of a red cell, pixels")
    stride: int = Field(gt=0, le=64, description="pixels of a window per place of the maps")
    scale: float = Field(gt=0, le=1, description="quantisation scale of the uint8 input")
    zero_point: int = Field(ge=0, le=255, description="quantisation zero point of the uint8 input")


class StainSpec(_Part):
    """The reference stain to which crops are normalised."""

    method: str = Field(pattern="^optical_density$")
    reference_level: float = Field(gt=0, le=255)
    reference_nucleus_od: tuple[float, float, float] = Field(description="B, G, R, natural logarithm")
    ratio_limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    reference_red_od: tuple[float, float, float] | None = Field(
        None, description="B, G, R of red cells, third point of the table where nuclei are clipped; None: never used"
    )
    background: str = Field("session", pattern="^(session|field)$", description="over what the background is measured")


class EmbeddingSpec(_Part):
    """The model's embedding output, for comparing cells; see `models.prototypes`."""

    size: int = Field(ge=2, le=4096, description="dimensions of an embedding")
    prototypes: int = Field(gt=0, description="number of in-distribution cells whose embeddings are in the bundle")
    home_distance: float = Field(gt=0, description="95th percentile of the distance of held-out in-distribution cells")
    doubt: float = Field(
        0.0,
        ge=0,
        le=100,
        description="logits are divided by 1 + doubt × the distance of a cell beyond √size from the mean of its "
        "predicted class; 0: never",
    )


class CautionSpec(_Part):
    """What lowers the network's answers where it may not know; see `models.caution`."""

    lowered: tuple[Annotated[float, Field(ge=0, le=20)], ...] = Field(
        max_length=MAX_LABELS, description="subtracted from each label's logit"
    )
    weights: tuple[Annotated[float, Field(ge=-1000, le=1000)], ...] = Field(
        (), max_length=4096, description="of the embedding's numbers in the score of a known cell; empty: no score"
    )
    bias: float = Field(0.0, ge=-1000, le=1000, description="added to that score")
    slope: float = Field(
        0.0, ge=0, le=100, description="logits are divided by 1 + slope × what the score lacks to 0; 0: never"
    )


class AttributeSpec(_Part):
    """One morphological attribute predicted besides the class; see `models.attributes` and `morphology`."""

    name: Text
    values: tuple[Text, ...] = Field(min_length=2, max_length=MAX_LABELS)
    temperature: float = Field(ge=0.05, le=20, description="divides its logits before the softmax")
    cells: int = Field(gt=0, description="held-out cells it was evaluated on")
    accuracy: float = Field(ge=0, le=1, description="int8, on these")
    macro_f1: float = Field(ge=0, le=1, description="int8, on these: mean over its values")

    @property
    def least(self) -> float:
        """Below this confidence it is not reported."""
        return CONFIDENT

    @property
    def of(self) -> None:
        """Cells of all classes have it."""


class SubtypeSpec(_Part):
    """What the cells of one class are told apart by, such as band and segmented neutrophils; see `morphology`."""

    name: Text
    of: Text = Field(description="the class")
    values: tuple[Text, ...] = Field(min_length=2, max_length=MAX_LABELS, description="youngest first")
    temperature: float = Field(ge=0.05, le=20, description="divides its logits before the softmax")
    least: float = Field(ge=0, lt=1, description="below this confidence it is not told")
    told: tuple[tuple[Count, ...], ...] = Field(
        description="int8, held-out cells of the class; row: truth, column: answer, the last one 'not told'"
    )

    @model_validator(mode="after")
    def _is_square(self) -> SubtypeSpec:
        n = len(self.values)
        if len(self.told) != n or any(len(row) != n + 1 for row in self.told) or not all(map(any, self.told)):
            msg = f"the answers for {self.name} are not {n} × {n + 1} with a cell in each row"
            raise ValueError(msg)
        return self

    @property
    def cells(self) -> int:
        """Held-out cells it was evaluated on."""
        return sum(map(sum, self.told))

    @property
    def answered(self) -> float:
        """Share of them that was told."""
        return sum(sum(row[:-1]) for row in self.told) / self.cells

    @property
    def right(self) -> float:
        """Share of the told ones that was told rightly; 0 where none was."""
        told = sum(sum(row[:-1]) for row in self.told)
        return sum(row[place] for place, row in enumerate(self.told)) / told if told else 0.0


class DataSource(_Part):
    """A data set that the model was trained or evaluated on."""

    name: str
    licence: str
    split_sha256: str = Field(pattern="^[0-9a-f]{64}$", description="over the sorted path,label,split lines")
    train: int = Field(ge=0, description="cells trained on")
    val: int = Field(ge=0, description="cells held out for selection and reporting")


class Accuracy(_Part):
    """Accuracy on one laboratory's held-out cells."""

    data: str
    split: str
    cells: int = Field(gt=0)
    float_accuracy: float = Field(ge=0, le=1)
    int8_accuracy: float = Field(ge=0, le=1)
    int8_balanced_accuracy: float = Field(ge=0, le=1)


class Precision(_Part):
    """Detection accuracy for one kind of cell in one data set's held-out fields."""

    data: str
    split: str
    kind: str
    fields: int = Field(gt=0)
    boxes: int = Field(ge=0, description="number of annotated boxes")
    float_ap50: float = Field(ge=0, le=1, description="average precision at an IoU of 0.5, float model")
    int8_ap50: float = Field(ge=0, le=1)
    int8_precision: float = Field(ge=0, le=1, description="at the card's thresholds")
    int8_recall: float = Field(ge=0, le=1)


class Parity(_Part):
    """Agreement of the int8 file with the float model, on held-out cells."""

    cells: int = Field(gt=0)
    agreement: float = Field(ge=0, le=1, description="share of cells with the same top label")
    max_logit_difference: float = Field(ge=0)


class Golden(_Part):
    """The check that a device reproduces the converter's outputs."""

    count: int = Field(gt=0, le=1024)
    tolerance: float = Field(
        gt=0,
        le=8,
        description="largest allowed difference of a golden output: of a classifier's logit, or of a locator's integer "
        "output; runtimes differ in the last bits",
    )
    steps: dict[str, tuple[float, int]] = Field(
        default_factory=dict,
        description="scale and zero point of integer golden outputs; if missing, the flatbuffer's",
    )


class Artefact(_Part):
    """A part of a bundle compiled for one runtime; others run the flatbuffer."""

    part: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="its name in the archive")
    runtime: str = Field(min_length=1, description="its `model.runtime` in the settings")
    tolerance: float = Field(gt=0, le=8, description="as `golden.tolerance`, for this part")


class Card(_Part):
    """Fields common to all cards. All are required: a model without a complete card is not run."""

    format: int = CARD_FORMAT
    name: Annotated[Text, StringConstraints(min_length=1, max_length=200)]
    task: str
    architecture: Text
    alpha: float | None = None
    labels: tuple[Annotated[Text, StringConstraints(min_length=1, max_length=64)], ...] = Field(
        min_length=2, max_length=MAX_LABELS
    )
    training: tuple[DataSource, ...] = Field(min_length=1)
    training_arguments: dict[str, str | int | float | bool | None]
    golden: Golden
    versions: dict[Text, Text]
    created: datetime
    licence: Text
    attribution: Text
    artefacts: tuple[Artefact, ...] = Field(default=(), description="parts for other runtimes, at most one for each")
    sha256: dict[str, str] = Field(default_factory=dict, description="part of the bundle → hash; set when written")

    @model_validator(mode="after")
    def _is_readable(self) -> Card:
        if len(set(self.labels)) != len(self.labels):
            msg = "labels are not unique"
            raise ValueError(msg)
        for names in ([one.part for one in self.artefacts], [one.runtime for one in self.artefacts]):
            if len(set(names)) != len(names):
                msg = f"there are two artefacts for one of {', '.join(names)}"
                raise ValueError(msg)
        if self.format > CARD_FORMAT:
            msg = f"card format {self.format} is newer than this program's {CARD_FORMAT}"
            raise ValueError(msg)
        return self


class ClassifierCard(Card):
    """The card of a model that classifies the cell in a crop."""

    task: Literal["classify"]
    input: InputSpec
    stain: StainSpec
    accuracy: tuple[Accuracy, ...] = Field(min_length=1)
    confusion: tuple[tuple[Count, ...], ...] = Field(description="int8, held-out cells; row: truth, column: answer")
    parity: Parity
    temperature: float = Field(ge=0.05, le=20, description="divides the logits before the softmax")
    rejection_threshold: float = Field(ge=0, lt=1, description="below this confidence the label is 'unclassified'")
    second_look_views: Literal[1, 2, 4, 8] = Field(
        1,
        description="a cell below the threshold is classified again by the mean of so many views of its crop: 2 "
        "mirrored, 4 quarter turns, 8 both; 1: not again; see `models.second_look`",
    )
    embedding: EmbeddingSpec | None = Field(None, description="None: the model has none")
    caution: CautionSpec | None = Field(None, description="None: the network's logits are used as they are")
    attributes: tuple[AttributeSpec, ...] = Field(
        (), max_length=MAX_LABELS, description="in the order of the output's values; empty: the model has none"
    )
    subtypes: tuple[SubtypeSpec, ...] = Field(
        (), max_length=MAX_LABELS, description="in the order of the output's values; empty: the model has none"
    )
    abroad: dict[str, tuple[tuple[Count, ...], ...]] = Field(
        default_factory=dict,
        description="left-out laboratory → int8 answers for its cells from the same recipe trained without it; "
        "row: truth, column: answer, the last one 'unclassified'; a row of zeros: no such cells",
    )

    @model_validator(mode="after")
    def _shapes_agree(self) -> ClassifierCard:
        n = len(self.labels)
        if len(self.confusion) != n or any(len(row) != n for row in self.confusion):
            msg = f"the confusion matrix is not {n} × {n}"
            raise ValueError(msg)
        if not any(map(any, self.confusion)):
            msg = "the confusion matrix has no cell in it"
            raise ValueError(msg)
        if self.rejection_threshold <= 1 / n:
            msg = f"the rejection threshold {self.rejection_threshold:g} rejects nothing: chance level is 1/{n}"
            raise ValueError(msg)
        if self.golden.tolerance > MAX_LOGIT_TOLERANCE:
            msg = f"the tolerance {self.golden.tolerance:g} of a logit is larger than any runtime needs"
            raise ValueError(msg)
        embedded = 0 if self.embedding is None else self.embedding.size
        further = [sum(len(one.values) for one in specs) for specs in (self.attributes, self.subtypes)]
        lengths = [length for length in (n, embedded, *further) if length]
        if len(set(lengths)) != len(lengths):
            msg = "values of attributes or subtypes of the same number as another output's are ambiguous"
            raise ValueError(msg)
        if self.caution is not None and (
            len(self.caution.lowered) != n or len(self.caution.weights) not in (0, embedded)
        ):
            msg = f"the caution is not of {n} labels and an embedding of {embedded} numbers"
            raise ValueError(msg)
        if any(one.of not in self.labels for one in self.subtypes):
            msg = "subtypes of a class that the model does not answer"
            raise ValueError(msg)
        for laboratory, answers in self.abroad.items():
            if len(answers) != n or any(len(row) != n + 1 for row in answers):
                msg = f"the answers in {laboratory} are not {n} × {n + 1}"
                raise ValueError(msg)
        return self


class LocatorCard(Card):
    """The card of a model that finds cells in a field."""

    task: Literal["locate"]
    input: WindowInput
    min_scores: tuple[float, ...] = Field(description="by label: below this score a cell is not reported")
    precision: tuple[Precision, ...] = Field(min_length=1)
    multiply_adds: int = Field(gt=0, description="per window")

    @model_validator(mode="after")
    def _shapes_agree(self) -> LocatorCard:
        if len(self.min_scores) != len(self.labels) or not all(0 <= score < 1 for score in self.min_scores):
            msg = f"the thresholds are not {len(self.labels)} scores from 0 to 1"
            raise ValueError(msg)
        return self


AnyCard = ClassifierCard | LocatorCard
_READER: TypeAdapter[AnyCard] = TypeAdapter(Annotated[AnyCard, Field(discriminator="task")])


def read_card(document: bytes) -> AnyCard:
    """The card in a JSON document, of the kind given by its `task`.

    Raises:
        pydantic.ValidationError: it is no complete card of a known task.
    """
    return _READER.validate_json(document)
