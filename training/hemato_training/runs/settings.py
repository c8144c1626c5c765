"""Settings of a classifier training run. Imports nothing heavy: the command line is generated from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.networks.initial_weights import IMAGENET

if TYPE_CHECKING:
    from collections.abc import Mapping


def _usual_sets() -> tuple[str, ...]:
    from hemato_training.data.cell_sets import TRAINED_ON

    return TRAINED_ON


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that determines a run; equal settings and data give equal runs.

    Attributes:
        data: directory with one folder per data set, or one data set of your own.
        out: folder of the run, such as runs/first.
        laboratories: data set to train and evaluate on; default: pbc, bccd and reviewed, else your own.
        without: class to leave out, to test the model on an unknown class.
        architecture: mobilenet_v2, efficientnet_b0, efficientnet_lite0, resnet50, inception_v3, vgg16, densenet121,
            simple_cnn, or features+svm, +tree, +forest, +knn.
        size: side of the input, 64 to 224 pixels.
        alpha: width of MobileNetV2, 0.35 to 1.0.
        weights: "imagenet", "none", a file without top, or the `.keras` or `.tflite` of an earlier run to continue
            from.
        head_epochs: epochs with the trunk frozen.
        epochs: epochs with all layers learning, batch norm frozen.
        batch: images per step.
        learning_rate: highest rate of the second stage.
        weight_decay: of AdamW.
        label_smoothing: share of each label that is spread over all classes, 0 for none. It compresses the top of the
            confidence scale, where a strict threshold lies.
        dropout: before the dense layer.
        strength: of the augmentation, 0 to 1.
        oversample: repetitions of a cell of a smaller laboratory per cell of the largest; 0 draws each laboratory in
            proportion to the square root of its size.
        views: cells drawn per epoch if `oversample` is 0; 0 for as many as there are.
        average: momentum of the exponential moving average of the weights; 0 for none.
        patience: epochs without improvement on validation before the run ends; 0 for never.
        keep: "best" keeps the best epoch on validation, "last" the last. With averaged weights and a learning rate
            falling to zero the last is as good, and does not depend on luck on a small validation set.
        seed: of all randomness.
        fold: part of a cross-validation, such as "2/5", that is held out in place of the split's validation cells.
        train_batch_norm: train batch norm, too: needed without pretrained weights.
        frozen_share: share of the trunk, from the input on, that stays frozen in the second stage, too.
        teachers: model.keras of a run whose answer to each augmented view is learned together with the label; several
            are an ensemble distilled into one network.
        teaching: weight of that answer against the label's, 0 to 1.
        attribute_weight: weight of the morphological attributes that a table `attributes.csv` beside the pictures has,
            learned together with the names, against the names' 1; 0 for names alone. It shapes the trunk only:
            `hemato-edge train attributes` fits the branch that a bundle has.
        per_class: maximum cells of each laboratory and class, for trials; 0 for all.
        workers: threads that augment.
    """

    data: Path
    out: Path
    laboratories: tuple[str, ...] = field(default_factory=_usual_sets, metadata={"option": "--laboratory"})
    without: tuple[str, ...] = ()
    architecture: str = field(default="mobilenet_v2", metadata={"option": "--arch"})
    size: int = 112
    alpha: float = 1.0
    weights: str = IMAGENET
    head_epochs: int = 1
    epochs: int = 10
    batch: int = 32
    learning_rate: float = 6e-4
    weight_decay: float = 1e-3
    label_smoothing: float = 0.0
    dropout: float = 0.2
    strength: float = 0.6
    oversample: float = 0.0
    views: int = 0
    average: float = 0.995
    patience: int = 0
    keep: str = "best"
    seed: int = 1
    fold: str = ""
    train_batch_norm: bool = field(default=False, metadata={"option": "--train-batch-norm"})
    frozen_share: float = 0.0
    teachers: tuple[str, ...] = field(default=(), metadata={"option": "--teacher"})
    teaching: float = 0.7
    attribute_weight: float = 0.0
    per_class: int = 0
    workers: int = 2

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.head_epochs < 0 or self.batch < 1:
            raise ConfigurationError("A run needs at least one epoch and one image a batch.", "Check the options.")
        if self.keep not in ("best", "last"):
            raise ConfigurationError(f"Unknown choice of epoch {self.keep!r}.", "Choose --keep best or last.")
        if not 0 <= self.label_smoothing < 1:
            raise ConfigurationError(f"Label smoothing {self.label_smoothing} is out of range.", "Choose 0 to 0.3.")
        from hemato_training.data.cell_sets import laboratory_named  # reads pictures: not for a device's help

        for name in self.laboratories:
            if not laboratory_named(name).trainable:
                raise ConfigurationError(f"{name} is for evaluation only, never trained on.", "Leave it out.")
        for label in self.without:
            if label not in CLASSIFIER_LABELS:
                raise ConfigurationError(f"There is no class {label!r}.", f"Known: {', '.join(CLASSIFIER_LABELS)}.")
        if not 0 <= self.teaching <= 1:
            raise ConfigurationError(f"The teachers' weight {self.teaching} is out of range.", "Choose 0 to 1.")
        if self.attribute_weight < 0:
            raise ConfigurationError(
                f"The attributes' weight {self.attribute_weight} is negative.", "Choose 0.5, or 0 for names alone."
            )
        if not 0 <= self.average < 1:
            raise ConfigurationError(f"The average's momentum {self.average} is out of range.", "Choose 0 to 0.9999.")

    @property
    def total_epochs(self) -> int:
        """Epochs of both stages."""
        return self.head_epochs + self.epochs

    def as_json(self) -> dict[str, str | int | float | bool]:
        """As plain JSON values; the weights without their folder."""
        values = asdict(self)
        values["data"], values["out"] = self.data.name, self.out.name
        values["weights"] = Path(self.weights).name
        values["teachers"] = ",".join(Path(teacher).parent.name for teacher in self.teachers)
        values["laboratories"], values["without"] = ",".join(self.laboratories), ",".join(self.without)
        return values

    def differences(self, earlier: Mapping[str, object]) -> list[str]:
        """Names of settings that affect training and differ from those in an earlier `as_json`."""
        now = self.as_json()
        free = {"data", "out", "workers", "patience", "keep"}
        usual = Settings(data=self.data, out=self.out).as_json()  # for settings that an older version did not record
        names = [f.name for f in fields(self) if f.name not in free]
        return [name for name in names if earlier.get(name, usual[name]) != now[name]]
