"""The names of the cells: what the locator finds and what the classifier answers."""

from __future__ import annotations

KINDS: tuple[str, ...] = ("wbc", "rbc", "platelet")
"""What the locator tells apart, in the order of `Detections.kinds`."""
WBC, RBC, PLATELET = range(3)

LEUKOCYTES: tuple[str, ...] = (
    "neutrophil",
    "eosinophil",
    "basophil",
    "lymphocyte",
    "monocyte",
    "immature_granulocyte",
)
"""The white cells: what a differential is made of."""

ERYTHROBLAST = "erythroblast"
"""Nucleated red cell. The locator takes it for a white cell; reported per 100 white cells, not in the differential."""
PLATELET_LABEL = "platelet"
"""A large platelet that the locator took for a white cell; counted with the platelets."""

CLASSIFIER_LABELS: tuple[str, ...] = (*LEUKOCYTES, ERYTHROBLAST, PLATELET_LABEL)
"""The classifier's answers, in the order of its outputs."""
UNCLASSIFIED = "unclassified"
"""The answer when the calibrated confidence is under the card's threshold."""
ARTEFACT = "artefact"
"""What a person calls a find that is no cell; it counts as nothing. The classifier never answers it."""
REVIEW_LABELS: tuple[str, ...] = (*CLASSIFIER_LABELS, UNCLASSIFIED, ARTEFACT)
"""What a person may call a cell in review."""
