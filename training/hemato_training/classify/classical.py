"""The classical baseline: a support-vector machine, a tree, a forest or nearest neighbours on measured features.

Trains on the cells of a network's run and answers with logits as a network does, so the same figures judge it. It
runs on a workstation only: TFLite has no form for it.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED

import numpy as np
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from hemato_edge import vision
from hemato_edge.errors import ConfigurationError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.classify import features as texture
from hemato_training.classify.features import FEATURES, describe_cells
from hemato_training.classify.material import gather
from hemato_training.data.crops import prepare_cells
from hemato_training.metrics.classification import figures_by_laboratory, macro_accuracy
from hemato_training.progress import Silent
from hemato_training.runs.files import CLASSICAL_FILE, METRICS_FILE, RUN_FILE, check_new_run, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_training.classify.material import Material
    from hemato_training.data.crops import Cells
    from hemato_training.metrics.classification import Figures
    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings

PREFIX = "features+"
_VISION = Path(vision.__file__).parent
_TREE = "sklearn.tree._tree.Tree"
"""The one type that skops does not know by itself; what it holds is checked by `_refuse_wild_trees`."""
_RARE = 1e-4
"""Stands for a probability of zero, so that its logarithm is a logit."""

CLASSICAL: dict[str, Callable[[int], Any]] = {
    f"{PREFIX}svm": lambda seed: make_pipeline(
        StandardScaler(), SVC(C=10.0, class_weight="balanced", decision_function_shape="ovr", random_state=seed)
    ),
    f"{PREFIX}tree": lambda seed: DecisionTreeClassifier(
        min_samples_leaf=5, class_weight="balanced", random_state=seed
    ),
    f"{PREFIX}forest": lambda seed: RandomForestClassifier(
        400, min_samples_leaf=2, class_weight="balanced_subsample", random_state=seed
    ),
    f"{PREFIX}knn": lambda seed: make_pipeline(StandardScaler(), KNeighborsClassifier(9, weights="distance")),
}
"""Name → seed → estimator that learns from (n, features). Their settings are scikit-learn's usual ones, not tuned."""


@dataclass(frozen=True, slots=True)
class ClassicalModel:
    """A trained classical model.

    Attributes:
        kind: key of `CLASSICAL`.
        size: side of the crops it was trained on, pixels.
        estimator: scikit-learn's.
    """

    kind: str
    size: int
    estimator: Any

    def logits(self, images: NDArray[np.uint8], reporter: Reporter | None = None) -> NDArray[np.float32]:
        """Logits (n, labels) of prepared crops (n, S, S, 3) uint8 RGB.

        Logarithms of its probabilities; for the support-vector machine its one-against-the-rest scores, which rank
        the answers but are no probabilities: its calibration error says nothing.
        """
        return self.logits_of_features(describe_cells(images, reporter))

    def logits_of_features(self, features: NDArray[np.float64]) -> NDArray[np.float32]:
        """As `logits`, of what `texture.describe_cells` measured."""
        wide = np.full((len(features), len(CLASSIFIER_LABELS)), np.log(_RARE) - 1, np.float32)
        if not len(features):
            return wide
        if hasattr(self.estimator, "predict_proba"):
            known = np.log(np.maximum(self.estimator.predict_proba(features), _RARE))
        else:
            known = self.estimator.decision_function(features)
            if known.ndim == 1:  # of two classes, the score of the second
                known = np.stack([-known, known], axis=1)
        wide[:, self.estimator.classes_] = known
        return wide

    def save(self, path: Path) -> None:
        """Write it; `load_classical` reads it back."""
        whole = {"kind": self.kind, "size": self.size, "estimator": self.estimator}
        skops.io.dump({**whole, "features": FEATURES, "labels": CLASSIFIER_LABELS}, path, compression=ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class ClassicalOutcome:
    """What training gave: the model and its figures on the validation cells."""

    model: Path
    laboratories: dict[str, Figures]
    overall: Figures

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "model": str(self.model),
            "macro_accuracy": macro_accuracy(self.laboratories),
            "laboratories": {name: figures.as_json() for name, figures in self.laboratories.items()},
            "overall": self.overall.as_json(),
        }


def is_classical(architecture: str) -> bool:
    """Whether a name is one of the classical models rather than a network.

    Raises:
        ConfigurationError: for features with an unknown model.
    """
    if not architecture.startswith(PREFIX):
        return False
    if architecture not in CLASSICAL:
        raise ConfigurationError(f"Unknown classical model {architecture!r}.", f"Known: {', '.join(CLASSICAL)}.")
    return True


def refuse_classical(path: Path) -> None:
    """Say clearly that a classical model has no TFLite form.

    Raises:
        ModelError: if `path` is a classical model or the folder of its run.
    """
    if path.suffix == Path(CLASSICAL_FILE).suffix or (path / CLASSICAL_FILE).is_file():
        raise ModelError(
            f"{path} is a classical model on measured features; it has no TFLite form and stays on the workstation.",
            "Train a network for the device, such as `hemato-edge train classify --arch mobilenet_v2`.",
        )


def _refuse_wild_trees(estimator: Any) -> None:
    """A tree walks its arrays unchecked: a node that points out of them, or a feature that is none, is refused.

    Raises:
        ValueError: there is one.
    """
    for one in getattr(estimator, "estimators_", [estimator]):
        tree = getattr(one, "tree_", None)
        if tree is None:
            continue
        nodes, leaf = tree.node_count, -1
        children = np.stack([tree.children_left, tree.children_right])
        inner = children[0] != leaf
        forward = (children > np.arange(nodes)) & (children < nodes)  # so that every walk ends
        features = (tree.feature >= 0) & (tree.feature < len(FEATURES))
        if not np.all(forward[:, inner]) or not np.all(features[inner]) or len(tree.value) != nodes:
            msg = "a tree points out of itself"
            raise ValueError(msg)


def load_classical(path: Path) -> ClassicalModel:
    """The classical model at `path`.

    The file is no pickle: skops builds known types of scikit-learn and numpy alone, and refuses any other; trees are
    checked, since scikit-learn walks them unchecked.

    Raises:
        ModelError: if there is none, it cannot be read, it was written by another scikit-learn, or it measures other
            features or answers other labels than this version.
    """
    fix = "Train it again with `hemato-edge train compare`."
    if not path.is_file():
        raise ModelError(f"There is no model at {path}.", fix)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            whole = skops.io.load(path, trusted=[_TREE])
        found = ClassicalModel(whole["kind"], int(whole["size"]), whole["estimator"])
        _refuse_wild_trees(found.estimator)
        fits = whole["features"] == FEATURES and whole["labels"] == CLASSIFIER_LABELS
    except Exception as error:  # a file of anybody's can fail in any way, and unknown types are refused
        raise ModelError(f"{path} is no classical model that can be read here.", fix) from error
    if not fits:
        raise ModelError(f"{path} measures other features or answers other labels than this version.", fix)
    return found


def train_classical(
    settings: Settings, *, resume: bool = False, cache: Path | None = None, reporter: Reporter | None = None
) -> ClassicalOutcome:
    """Train a classical model into `settings.out`: model.joblib, run.json and metrics.json.

    It learns from the crops as the device cuts them, without augmentation: most features do not change when a cell
    is turned or shifted.

    Args:
        settings: the run; of a network's settings, data, out, architecture, size, per_class and seed count.
        resume: the folder may hold this run already; it begins anew.
        cache: folder for crops; "cells" in the run's folder unless named.
        reporter: receives progress.

    Raises:
        ConfigurationError: for an unknown model.
        DataError: if data are missing or leak, or the folder holds a run or somebody else's files.
    """
    is_classical(settings.architecture)
    if not resume:
        check_new_run(settings.out)
    reporter = reporter or Silent()
    cache = cache or settings.out / "cells"
    material = gather(settings, cache, reporter)
    own = middle_of(material.train, settings.size)
    features = measured(prepare_cells(own, material.looks), cache, reporter)
    estimator = CLASSICAL[settings.architecture](settings.seed).fit(features, own.labels)
    model = ClassicalModel(settings.architecture, settings.size, estimator)
    logits = model.logits_of_features(measured(material.val_images, cache, reporter))
    by_name, overall = figures_by_laboratory(logits, material.val)
    settings.out.mkdir(parents=True, exist_ok=True)
    (settings.out / RUN_FILE).write_text(json.dumps(_facts(settings, material), indent=1))
    model.save(settings.out / CLASSICAL_FILE)
    outcome = ClassicalOutcome(settings.out / CLASSICAL_FILE, by_name, overall)
    whole = {**outcome.as_json(), "model": CLASSICAL_FILE, "labels": list(CLASSIFIER_LABELS)}
    (settings.out / METRICS_FILE).write_text(json.dumps(whole, indent=1))
    return outcome


def measured(images: NDArray[np.uint8], cache: Path, reporter: Reporter | None = None) -> NDArray[np.float64]:
    """As `describe_cells`, measured once and kept in `cache`; anew when the images or the code changed."""
    code = b"".join(path.read_bytes() for path in (Path(texture.__file__), *sorted(_VISION.glob("*.py"))))
    key = hashlib.sha256(code + str(images.shape).encode() + images.tobytes()).hexdigest()[:16]
    path = cache / f"features-{key}.npy"
    if path.is_file():
        kept: NDArray[np.float64] = np.load(path, allow_pickle=False)
        return kept
    features = describe_cells(images, reporter)
    cache.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial.npy")
    np.save(temporary, features)
    temporary.replace(path)
    return features


def middle_of(cells: Cells, size: int) -> Cells:
    """Cells cut with a margin, without it: their middle `size` pixels, at the same scale."""
    start = (cells.crops.shape[1] - size) // 2
    middle = np.ascontiguousarray(cells.crops[:, start : start + size, start : start + size])
    return replace(cells, crops=middle)


def _facts(settings: Settings, material: Material) -> dict[str, object]:
    cells = {
        name: {
            "train": len(material.train.of_laboratory(name)),
            "val": len(material.val.of_laboratory(name)),
            "split_sha256": digest,
        }
        for name, digest in material.splits.items()
    }
    return {
        "settings": settings.as_json(),
        "labels": list(CLASSIFIER_LABELS),
        "features": list(FEATURES),
        "data": cells,
        "looks": {name: look.as_json() for name, look in material.looks.items()},
        "versions": versions(),
    }
