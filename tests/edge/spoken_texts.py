"""What the page and the reports say, as it stands in the code: every text that a language has to have."""

from __future__ import annotations

import ast
import functools
import json
import re
from importlib.resources import files
from itertools import product
from pathlib import Path
from zipfile import ZipFile

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.calibration.scale import MICROMETER, RED_CELLS, TWO_POINTS
from hemato_edge.cameras.drivers.opencv import CUT_OFF
from hemato_edge.cameras.drivers.whole_frames import DAMAGED
from hemato_edge.cameras.recovery.state import Fault
from hemato_edge.labels import BY_NAME
from hemato_edge.models.bundle import shipped_classifier
from hemato_edge.morphology import SUBTYPES, Attribute, phrases
from hemato_edge.pipeline.calibrated import OTHER_SIZE
from hemato_edge.pipeline.field import NO_SCALE
from hemato_edge.quality_control.lots import STATES
from hemato_edge.quality_control.observed import FOCUS, LAMP, SHARES, SIZE_PX, SIZE_UM, STAIN
from hemato_edge.quality_control.westgard import RULES
from hemato_edge.settings.harmless import HARMLESS
from hemato_edge.site.verified_line import NOT_VERIFIED, VERIFIED_LINES
from hemato_edge.store.records import FINISHED, INTERRUPTED, RUNNING
from hemato_edge.store.write.statements import POWER_CUT
from hemato_edge.views.quality_control import words
from hemato_edge.views.report import explanations, field_of_view
from hemato_edge.views.report.explanations import MEASURES
from hemato_edge.views.report.red_cells.words import LEFT_OUT, SHAPE_WORDS
from hemato_edge.views.report.words import ADVICE, WARNINGS
from hemato_edge.vision import colours, quality
from hemato_edge.web.pages import MENU
from hemato_edge.web.screens.counting import NOTES
from hemato_edge.web.security.access import Role

PACKAGE = Path(str(files("hemato_edge")))
SPEAKING = ("report", "quality_control")
"""Rooms of `views` that speak the reader's language."""
NOWHERE = {"There is no such page.", "Go back to the first one."}
"""What is said where nothing is: handed to `_` as an error."""
REASONS = {DAMAGED, CUT_OFF, OTHER_SIZE, NO_SCALE, "unreadable", "identical", "dropped"}
"""Why a frame or a source is not counted, beside what the quality gate says."""
RECORDED = {
    POWER_CUT,
    "an error",
    "stopped at the door",
    "stopped by {signal}",
    "the camera has no more frames",
    "the target of {n} white cells was reached",
    "{n} s are over",
    "adapted to this site on {day} by {number} cells (head {digest})",
    "{share} % of a frame is slide; left out: {what}.",
    "The mask is the calibration profile's.",
    "The frames contradict the mask of the calibration profile; it was made anew.",
    "The field of view cannot be told: {why}.",
    "Control slide of lot {lot}: {state}.",
    "Last control slide, session {n} of lot {lot}: {state}.",
    "{n} of the {needed} sessions that a baseline takes: no limits yet.",
    "Sessions of the baseline were answered by different models.",
    "Another model answers from session {n} on; a baseline holds for one model.",
    "{measure}: session {n} of the baseline lies beyond 3 standard deviations; leave it out with --baseline if its "
    "cause is known.",
    "{measure}: the baseline does not vary at all, so it gives no limits.",
    *STATES,
}
"""Sentences that the store keeps, their values in them: a report finds their translation by the words between."""


def said_in_templates() -> set[str]:
    """Every text that a template hands to `_`."""
    found = set()
    for template in (*PACKAGE.glob("web/templates/*.html"), *PACKAGE.glob("views/report/formats/templates/*.j2")):
        text = template.read_text(encoding="utf-8")
        calls = re.findall(r"""\b_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", text)
        found |= {ast.literal_eval(call) for call in calls}
        assert len(re.findall(r"\b_\(\s*[\"']", text)) == len(calls), template.name
    return found


def said_in_modules() -> set[str]:
    """Every text that a module of report or quality control hands to `_`, or to what `words_of` gives."""
    found = set()
    for module in (path for room in SPEAKING for path in (PACKAGE / "views" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and node.args
                and _speaks(node.func)
                and isinstance(node.args[0], ast.Constant)
            ):
                found.add(str(node.args[0].value))
    return found


def _speaks(function: ast.expr) -> bool:
    if isinstance(function, ast.Call):
        return isinstance(function.func, ast.Name) and function.func.id == "words_of"
    return isinstance(function, ast.Name) and function.id == "_"


def said_by_names() -> set[str]:
    """What is handed to `_` by the name of a value."""
    classes = {words for one in BY_NAME.values() for words in (one.plural, one.words)}
    roles = {role.word for role in Role if role is not Role.NOBODY}
    states = {RUNNING, FINISHED, INTERRUPTED, NOT_VERIFIED}
    gate = {value for part in (quality, colours) for name, value in vars(part).items() if _is_reason(name, value)}
    named = {*gate, *REASONS, *MEASURES, *(fault.value for fault in Fault)}
    methods = {MICROMETER, TWO_POINTS, RED_CELLS}
    explained = {value for name, value in vars(explanations).items() if _is_reason(name, value)}
    hidden = {*field_of_view.HIDES.values(), *field_of_view.UNTOLD.values()}
    screens = {name for _, name in MENU} | set(NOTES) | set(HARMLESS.values()) | NOWHERE
    told = (
        classes
        | roles
        | states
        | methods
        | explained
        | hidden
        | screens
        | morphology()
        | set(WARNINGS.values())
        | set(ADVICE.values())
        | set(MEASURES.values())
    )
    spaced = {name.replace("_", " ") for name in named}
    return (
        told
        | spaced
        | set(VERIFIED_LINES)
        | RECORDED
        | quality_over_time()
        | {RESEARCH_USE_NOTICE, *LEFT_OUT.values(), *SHAPE_WORDS.values()}
    )


def quality_over_time() -> set[str]:
    """What the views of control slides and drift say by the name of a value."""
    lines = {words.TITLE, words.DRIFTS, words.REVIEWERS, words.NO_CONTROLS, words.TOO_FEW, words.SHARE_NOTE}
    measures = {one.title for one in (SIZE_PX, SIZE_UM, STAIN, LAMP, FOCUS, *SHARES)}
    return {*lines, *words.COLUMNS, *words.DAY_COLUMNS, *(rule.meaning for rule in RULES), *measures}


def _is_reason(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, str) and not name.startswith("_")


@functools.cache
def morphology() -> set[str]:
    """Every phrase that the shipped classifier's attributes can make."""
    card = json.loads(ZipFile(shipped_classifier()).read("card.json"))
    values = {
        one["name"]: [Attribute(one["name"], value, 1.0) for value in one["values"]] for one in card["attributes"]
    }
    together = [("granule_type", "granule_colour"), ("cytoplasm_texture", "cytoplasm_colour")]
    values |= {name: [Attribute(name, value, 1.0) for value in known] for name, (_, known) in SUBTYPES.items()}
    made = {said for several in values.values() for one in several for said, _ in phrases([one])}
    for first, second in together:
        made |= {said for pair in product(values[first], values[second]) for said, _ in phrases(pair)}
    return made
