"""The site's part of a calibration profile: its verification and its own head."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from hemato_edge.labels import CLASSIFIER_LABELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Proportion = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_K = len(CLASSIFIER_LABELS)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Share(_Part):
    """A proportion with its 95 % interval, 0 to 1; all None if there were no cells."""

    value: Proportion | None
    low: Proportion | None
    high: Proportion | None


class ClassFigures(_Part):
    """One class among the reviewed cells.

    Attributes:
        cells: that a person called so.
        right: of these, those that the program called so, too.
        named: cells that the program called so.
    """

    label: str
    cells: int = Field(ge=0)
    right: Share
    named: int = Field(ge=0)
    named_right: Share


class Agreement(_Part):
    """Cohen's kappa between the two readers who named most cells both, with its 95 % interval."""

    readers: tuple[str, str]
    cells: int = Field(gt=0)
    same: int = Field(ge=0)
    kappa: float
    low: float
    high: float


class Verification(_Part):
    """The program's answers on one microscope compared with a reader's.

    Attributes:
        created: when it was computed.
        model_sha256, head_sha256: of what answered; None without a head of the site's own.
        method: "reviewed": answers as they were given; "cross-validated": answers of a head that did not know the cell.
        cells: reviewed cells it rests on.
        doubtful: reviewed cells that the person could not name either; in no figure.
        sessions: how many they are from.
        readers: who named them.
        right: of the answered cells, those that are right; the program's cells weighted as they occur.
        accuracy: of all cells, best guesses that are right.
        coverage: of all cells, those that were answered.
        classes: class by class, in the order of `labels.CLASSIFIER_LABELS`.
        counted: (K + 1, K + 1) cells, rows truth (the last: no cell at all), columns answer (the last: unclassified).
        confusion: (K, K + 1) the same weighted as cells occur, in cells that tell as much as unweighted ones.
        agreement: between two readers; None where no two named the same cells.
    """

    created: AwareDatetime
    model_sha256: Sha256
    head_sha256: Sha256 | None = None
    method: str = Field("reviewed", pattern="^(reviewed|cross-validated)$")
    cells: int = Field(gt=0)
    doubtful: int = Field(0, ge=0)
    sessions: int = Field(gt=0)
    readers: tuple[str, ...]
    right: Share
    accuracy: Share
    coverage: Share
    classes: tuple[ClassFigures, ...]
    counted: tuple[tuple[int, ...], ...]
    confusion: tuple[tuple[Annotated[float, Field(ge=0)], ...], ...]
    agreement: Agreement | None = None

    @model_validator(mode="after")
    def _shapes_agree(self) -> Verification:
        wanted = ((self.counted, _K + 1), (self.confusion, _K))
        if any(len(rows) != n or any(len(row) != _K + 1 for row in rows) for rows, n in wanted):
            msg = f"its matrices are not of {_K} classes"
            raise ValueError(msg)
        return self


class Head(_Part):
    """A multinomial logistic head on the classifier's embedding, and how its answer is mixed with the shipped one.

    Attributes:
        model_sha256: of the bundle whose embedding it reads; it is used with no other.
        created: when it was fitted.
        weights: base64 of (d + 1, K) little-endian float32, the last row added; see `site.head`.
        sha256: of these bytes.
        share: how much its answer weighs in the mixture, 0 to 1.
        threshold: confidence under which the mixture is "unclassified".
        cells: of the site, fitted on; by label.
        sessions: they are from.
        readers: who named them.
        before, after: right of answered at equal coverage, shipped and mixed, cross-validated.
        balanced_before, balanced_after: mean recall of the classes.
        divided_by: what was never on both sides of the cross-validation.
        source: sessions or folder it was learnt from, in words.
    """

    model_sha256: Sha256
    created: AwareDatetime
    weights: str
    sha256: Sha256
    embedding: int = Field(gt=0, le=4096)
    share: Proportion
    threshold: Proportion
    cells: dict[str, int]
    sessions: int = Field(gt=0)
    readers: tuple[str, ...]
    before: Share
    after: Share
    balanced_before: Proportion
    balanced_after: Proportion
    divided_by: str = Field(pattern="^(session|field|picture)$")
    source: str

    @model_validator(mode="after")
    def _weights_fit(self) -> Head:
        self.matrix()
        return self

    @staticmethod
    def packed(weights: NDArray[np.float64]) -> tuple[str, str]:
        """Base64 and hash of the weights (d + 1, K)."""
        content = weights.astype("<f4").tobytes()
        return base64.b64encode(content).decode(), hashlib.sha256(content).hexdigest()

    def matrix(self) -> NDArray[np.float32]:
        """The weights, (d + 1, K) float32.

        Raises:
            ValueError: they are damaged.
        """
        try:
            content = base64.b64decode(self.weights, validate=True)
        except binascii.Error as error:
            msg = "the site's head is no base64"
            raise ValueError(msg) from error
        if hashlib.sha256(content).hexdigest() != self.sha256 or len(content) != (self.embedding + 1) * _K * 4:
            msg = "the site's head was changed: hash or size does not match"
            raise ValueError(msg)
        import numpy as np  # only where a head is used

        weights = np.frombuffer(content, "<f4").reshape(self.embedding + 1, _K).astype(np.float32)
        if not np.isfinite(weights).all():
            msg = "the site's head holds numbers that are none"
            raise ValueError(msg)
        return weights


class SitePart(_Part):
    """A profile's data about its site.

    Attributes:
        verification: of the answers as they are given now, with `head` where there is one.
        shipped: of the shipped classifier alone, kept while a head is in use and used again once that is undone.
        head: in use; None without one.
    """

    verification: Verification | None = None
    shipped: Verification | None = None
    head: Head | None = None
