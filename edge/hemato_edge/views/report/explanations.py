"""What the figures of a report mean, in the words that stand on it."""

from __future__ import annotations

from hemato_edge.counting.intervals import CONFIDENCE

_LEVEL = f"{100 * CONFIDENCE:.0f} %"
METHOD = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: Clopper-Pearson; "
    "it covers sampling, not the classifier's own errors."
)
"""What the percentages and intervals mean where the classifier's confusion matrix is not known."""
METHOD_CORRECTED = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: it covers sampling and the classifier's confusions "
    "as its held-out cells showed them; another laboratory's slides may be confused more."
)
"""What they mean where it is; see `counting.confusion`."""
METHOD_ABROAD = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: it covers sampling and the classifier's confusions, "
    "which on this unverified microscope may differ as they did between laboratories that it was trained without. "
    "To narrow it, verify the microscope (`hemato-edge site verify`)."
)
"""What they mean where the card tells how the model did elsewhere; see `counting.laboratory_spread`."""
METHOD_VERIFIED = (
    f"Percentages are of the classified white cells. {_LEVEL} CI: it covers sampling and the classifier's confusions "
    "as reviewed cells of this microscope showed them."
)
"""What they mean on a verified microscope."""
NO_SCALE = "No micrometre and no absolute estimate: the session has no calibration (`hemato-edge calibrate`)."
"""Why a report has no densities."""
ROUGH = (
    "Estimates per litre are a rule of thumb for a monolayer (settings estimate.*); their CI covers chance and the "
    "scale's uncertainty, not the smear's thickness. The area is where such cells were seen whole, each place once."
)
"""What the densities mean."""
MEASURES = {
    "brightness": "mean light of the field, 0 black to 1 white",
    "saturated_share": "part of the field so bright that nothing can be told in it",
    "covered_share": "part of the field that cells lie on",
    "focus": "how steep the edges of cells are, whatever their contrast; greater is sharper",
    "focus_evenness": "the least sharp direction over the sharpest; 1 is alike in all, a moving stage blurs one",
    "slide_share": "part of the frame that is slide and not rim, bar or overlay",
}
"""What is measured of each field, in words."""
