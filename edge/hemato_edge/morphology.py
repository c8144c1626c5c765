"""Morphological attributes of a cell besides its class, the level below it, and their haematological wording.

The attributes are those of WBCAtt (S. Tsutsui et al., "WBCAtt: a white blood cell dataset annotated with detailed
morphological attributes", NeurIPS 2023): "neutrophil: multilobed nucleus, small pink granules".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONFIDENT = 0.9
"""Minimum calibrated probability of a reported attribute; docs/results/training.md has the share of correct ones."""
SUBTYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "neutrophil_form": ("neutrophil", ("band", "segmented")),
    "granulocyte_stage": ("immature_granulocyte", ("promyelocyte", "myelocyte", "metamyelocyte")),
}
"""Level below a class: its name → the class, and what its cells are told apart by, youngest first."""
_ABSENT = ("nil", "no")
_NUCLEUS = {
    "segmented-bilobed": "bilobed nucleus",
    "segmented-multilobed": "multilobed nucleus",
    "unsegmented-band": "band-shaped nucleus",
    "unsegmented-indented": "indented nucleus",
    "unsegmented-round": "round nucleus",
    "irregular": "irregular nucleus",
}
_PLAIN: dict[str, Mapping[str, str]] = {
    "nucleus_shape": _NUCLEUS,
    "chromatin_density": {"densely": "dense chromatin", "loosely": "loose chromatin"},
    "cytoplasm_vacuole": {"yes": "vacuoles", "no": "no vacuoles"},
    "nuclear_cytoplasmic_ratio": {"high": "high N:C ratio", "low": "low N:C ratio"},
    "cell_size": {"big": "big cell", "small": "small cell"},
    "cell_shape": {"round": "round outline", "irregular": "irregular outline"},
    "neutrophil_form": {"band": "band neutrophil", "segmented": "segmented neutrophil"},
    "granulocyte_stage": {stage: stage for stage in SUBTYPES["granulocyte_stage"][1]},
}
_GRANULES = ("granule_type", "granule_colour", "granularity")
_CYTOPLASM = ("cytoplasm_texture", "cytoplasm_colour")
_ORDER: tuple[str, ...] = (
    *SUBTYPES,
    *("nucleus_shape", "granules", "chromatin_density", "cytoplasm", "cytoplasm_vacuole"),
    *("nuclear_cytoplasmic_ratio", "cell_size", "cell_shape"),
)
"""Order of the phrases: after the level below the class, nucleus and granules identify a cell."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A model's prediction of one attribute of a cell.

    Attributes:
        name: name of the attribute, such as "nucleus_shape".
        value: the most probable one, such as "segmented-bilobed".
        confidence: its calibrated probability, 0 to 1.
        least: below this confidence it is not reported.
        of: the one class whose cells have it; None: all.
    """

    name: str
    value: str
    confidence: float
    least: float = CONFIDENT
    of: str | None = None

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"name": self.name, "value": self.value, "confidence": round(self.confidence, 4)}


def confident(attributes: Sequence[Attribute], label: str) -> tuple[Attribute, ...]:
    """Those that are sure and that a cell of the class `label` can have, in order."""
    return of_class([one for one in attributes if one.confidence >= one.least], label)


def of_class(attributes: Sequence[Attribute], label: str) -> tuple[Attribute, ...]:
    """Those that a cell of the class `label` can have, in order."""
    return tuple(one for one in attributes if one.of in (None, label))


def pooled(several: Sequence[Sequence[Attribute]]) -> tuple[Attribute, ...]:
    """One answer from several views of the same cell: for each attribute the value with the largest mean probability.

    A view that prefers another value adds nothing to this one, so disagreement lowers the probability.
    """
    if not several:
        return ()
    votes: dict[str, dict[str, float]] = {}
    kinds = {one.name: one for view in several for one in view}
    for view in several:
        for one in view:
            values = votes.setdefault(one.name, {})
            values[one.value] = values.get(one.value, 0.0) + one.confidence / len(several)
    best = {name: max(values.items(), key=lambda item: item[1]) for name, values in votes.items()}
    return tuple(replace(kinds[name], value=value, confidence=share) for name, (value, share) in best.items())


def phrases(attributes: Sequence[Attribute]) -> list[tuple[str, float]]:
    """Phrases such as "small pink granules", each with the lowest probability of its parts; nucleus first.

    Attributes of another vocabulary become "name: value".
    """
    given = {one.name: one for one in attributes}
    said = {
        name: (_PLAIN[name].get(one.value, f"{_spaced(name)}: {one.value}"), one.confidence)
        for name, one in given.items()
        if name in _PLAIN
    }
    said["granules"] = _granules(given)
    said["cytoplasm"] = _joined([given[name] for name in _CYTOPLASM if name in given], "cytoplasm")
    others = [
        (f"{_spaced(one.name)}: {one.value}", one.confidence)
        for one in attributes
        if one.name not in (*_PLAIN, *_GRANULES, *_CYTOPLASM)
    ]
    return [said[name] for name in _ORDER if said.get(name, ("", 0.0))[0]] + others


def in_words(attributes: Sequence[Attribute], *, shares: bool = False) -> str:
    """One line of text: "bilobed nucleus, small pink granules"; with `shares` each phrase has its probability."""
    return ", ".join(f"{words} {share:.0%}" if shares else words for words, share in phrases(attributes))


def _granules(given: Mapping[str, Attribute]) -> tuple[str, float]:
    """Type and colour if there are granules; "no granules" if one of the three says so and none contradicts it."""
    known = [given[name] for name in _GRANULES if name in given]
    absent = [one for one in known if one.value in _ABSENT]
    present = [one for one in known if one.value not in _ABSENT]
    if absent and present:
        return "", 0.0
    if absent:
        return "no granules", max(one.confidence for one in absent)
    if [one.name for one in present] == ["granularity"]:
        return "granules", present[0].confidence
    return _joined([given[name] for name in _GRANULES[:2] if name in given], "granules")


def _joined(described: Sequence[Attribute], noun: str) -> tuple[str, float]:
    if not described:
        return "", 0.0
    return " ".join([*(one.value for one in described), noun]), min(one.confidence for one in described)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
