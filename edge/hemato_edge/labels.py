"""The cell classes and everything known about each: names, key, colours, code, reference interval, spellings.

`CELL_CLASSES` is the only definition: tables, charts, reports, settings, review, the drawn slide, data set readers and
exports all use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KINDS: tuple[str, ...] = ("wbc", "rbc", "platelet")
"""Kinds that the locator distinguishes, in the order of `Detections.kinds`."""
WBC, RBC, PLATELET = range(3)
KIND_SPELLINGS: dict[int, tuple[str, ...]] = {
    WBC: ("wbc", "white cell", "white blood cell", "leukocyte", "leucocyte"),
    RBC: ("rbc", "red cell", "red blood cell", "erythrocyte"),
    PLATELET: ("platelet", "plt", "plat", "thrombocyte", "thrombo"),
}
"""Kind → its names in data sets."""

Role = Literal["white", "nucleated_red", "platelet", "none"]
"""How a cell is counted: in the differential, per 100 white cells, with the platelets, or not at all."""


@dataclass(frozen=True, slots=True)
class CellClass:
    """One cell class, or an answer without a class.

    Attributes:
        name: in models, databases and data: lower case, words joined by `_`.
        plural: heading in tables.
        short: abbreviation where space is limited.
        key: its keyboard key in review.
        role: how it is counted.
        colour: on a light background, `#rrggbb`. The palette is distinguishable by colour-blind people (M. Okabe and
            K. Ito, 2002, plus two).
        colour_on_dark: on a dark background; a lighter variant if `colour` has a contrast below 3:1 there
            (WCAG 2.2, 1.4.11).
        words: for use in a sentence; by default `name` with spaces.
        loinc: LOINC code of its share in blood, without a method: percent of the white cells, or per 100 of them.
        reference: reference interval, percent of the white cells: ARUP Laboratories' for manual differentials from 15
            years on (test 0040005). None: flagged only if a laboratory sets one.
        reference_note: remark on the interval.
        aliases: other spellings in data sets, lower-case letters, singular. The short codes are those of the PBC set
            (Acevedo et al. 2020: BA, BNE, SNE, EO, ERB, IG, LY, MMY, MO, MY, PMY) and of the Munich AML set (Matek et
            al. 2019: NGS, NGB, LYT, EBO …).
        drawn_share: share of the nucleated cells on a drawn slide; 0 draws none.
        drawn_as: the class as which it is drawn; by default its own.
    """

    name: str
    plural: str
    short: str
    key: str
    role: Role
    colour: str
    colour_on_dark: str = ""
    words: str = ""
    loinc: str | None = None
    reference: tuple[float, float] | None = None
    reference_note: str = ""
    aliases: tuple[str, ...] = ()
    drawn_share: float = 0.0
    drawn_as: str = ""

    def __post_init__(self) -> None:
        """Fill in the defaults that depend on other fields."""
        object.__setattr__(self, "colour_on_dark", self.colour_on_dark or self.colour)
        object.__setattr__(self, "words", self.words or self.name.replace("_", " "))
        object.__setattr__(self, "drawn_as", self.drawn_as or self.name)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CELL_CLASSES: tuple[CellClass, ...] = (
    CellClass(
        name="neutrophil",
        plural="Neutrophils",
        short="neu",
        key="n",
        role="white",
        colour="#0072b2",
        loinc="26511-6",
        reference=(45, 79),
        reference_note="bands included",
        aliases=_words(
            "neutro neut neu ne sne bne ngs ngb seg segment segmented segmentedneutrophil band bandneutrophil bandform "
            "bandcell stab neutrophilseg neutrophilband segneutrophil pmn poly polymorph polymorphonuclear "
            "polymorphonuclearleukocyte"
        ),
        drawn_share=0.545,
    ),
    CellClass(
        name="eosinophil",
        plural="Eosinophils",
        short="eos",
        key="e",
        role="white",
        colour="#d55e00",
        loinc="26450-7",
        reference=(0, 6),
        aliases=("eosino", "eosin", "eos", "eo"),
        drawn_share=0.055,
    ),
    CellClass(
        name="basophil",
        plural="Basophils",
        short="bas",
        key="b",
        role="white",
        colour="#54278f",
        colour_on_dark="#a58be0",
        loinc="30180-4",
        reference=(0, 2),
        aliases=("baso", "bas", "ba"),
        drawn_share=0.03,
    ),
    CellClass(
        name="lymphocyte",
        plural="Lymphocytes",
        short="lym",
        key="l",
        role="white",
        colour="#009e73",
        loinc="26478-8",
        reference=(16, 47),
        aliases=_words(
            "lympho lymph lymp lym lyt ly smalllymphocyte largelymphocyte typicallymphocyte lymphocytetypical"
        ),
        drawn_share=0.225,
    ),
    CellClass(
        name="monocyte",
        plural="Monocytes",
        short="mon",
        key="m",
        role="white",
        colour="#cc79a7",
        loinc="26485-3",
        reference=(0, 9),
        aliases=("mono", "mon", "mo"),
        drawn_share=0.075,
    ),
    CellClass(
        name="immature_granulocyte",
        plural="Immature granulocytes",
        short="ig",
        key="i",
        role="white",
        colour="#e69f00",
        loinc="38518-7",
        aliases=_words(
            "ig immaturegranulocyte immature promyelocyte myelocyte metamyelocyte pmy my mmy pmo pmb myb mmz myeloid "
            "metamyeloid meta myelo promyelo"
        ),
        drawn_share=0.04,
    ),
    CellClass(
        name="erythroblast",
        plural="Nucleated red cells",
        short="nrbc",
        key="r",
        role="nucleated_red",
        colour="#8c510a",
        colour_on_dark="#c98a4b",
        words="nucleated red cell",
        loinc="19048-8",
        aliases=_words("erb ebo nrbc nucleatedredcell nucleatedredbloodcell nucleatedrbc nucrbc normoblast"),
        drawn_share=0.03,
    ),
    CellClass(
        name="platelet",
        plural="Large platelets",
        short="plt",
        key="p",
        role="platelet",
        colour="#666666",
        colour_on_dark="#9a9a9a",
        aliases=("plt", "plat", "thrombocyte", "thrombo", "giantplatelet", "largeplatelet"),
    ),
)
"""All classes in the order of the classifier's outputs: the white cells of the differential come first."""
NO_CLASSES: tuple[CellClass, ...] = (
    CellClass(
        name="unclassified",
        plural="Unclassified",
        short="unc",
        key="u",
        role="none",
        colour="#999999",
    ),
    CellClass(
        name="artefact",
        plural="No cell",
        short="art",
        key="x",
        role="none",
        colour="#cccccc",
        words="no cell",
    ),
)
"""Answers without a class: confidence below the threshold; and no cell, which only a reviewer can say."""
BY_NAME: dict[str, CellClass] = {one.name: one for one in (*CELL_CLASSES, *NO_CLASSES)}
"""Name → class, for all labels available in review."""
KIND_COLOURS: dict[int, str] = {
    WBC: "#1f1f1f",
    RBC: "#ff00ff",
    PLATELET: BY_NAME["platelet"].colour,
}
"""Kind → colour of what has no class. Of magenta every class's colour is at least 22 apart (CIE L*a*b*), also as seen
without red, green or blue cones (Machado et al. 2009); the red of before was 13 apart from two of them."""

LEUKOCYTES: tuple[str, ...] = tuple(one.name for one in CELL_CLASSES if one.role == "white")
"""The white cells of the differential."""
ERYTHROBLAST = next(one.name for one in CELL_CLASSES if one.role == "nucleated_red")
"""Nucleated red cell. The locator reports it as a white cell; counted per 100 white cells, not in the differential."""
PLATELET_LABEL = next(one.name for one in CELL_CLASSES if one.role == "platelet")
"""A large platelet that the locator reported as a white cell; counted with the platelets."""
CLASSIFIER_LABELS: tuple[str, ...] = tuple(one.name for one in CELL_CLASSES)
"""The classifier's labels, in the order of its outputs."""
UNCLASSIFIED, ARTEFACT = (one.name for one in NO_CLASSES)
"""The label when the calibrated confidence is below the card's threshold; and the reviewer's label for a detection that
is no cell: it is not counted, and the classifier never gives it."""
REVIEW_LABELS: tuple[str, ...] = tuple(BY_NAME)
"""Labels available in review."""


_LEAST_LETTERS = 4
"""Shorter codes are like everything."""
_SEVERAL: dict[str, str] = {
    **dict.fromkeys(("gran", "granulocyte", "gra", "granulo"), "neutrophil, eosinophil or basophil"),
    **dict.fromkeys(("atyp", "atl", "al", "vly", "reactive", "reactivelymphocyte", "variantlymphocyte"), "lymphocyte"),
    **dict.fromkeys(("atypicallymphocyte", "atypicallymph", "variantlymph", "reactivelymph"), "lymphocyte"),
    **dict.fromkeys(("ery", "erythro"), "erythroblast for nucleated ones, rbc for others"),
    **dict.fromkeys(("mye", "myel"), "immature_granulocyte"),
    **dict.fromkeys(("neutrophile", "neutrophiler", "segmentkernige", "stabkernige"), "neutrophil"),
    **dict.fromkeys(("lymphozyt", "lymphozyten", "linfocito", "linfocyto"), "lymphocyte"),
    **dict.fromkeys(("monozyt", "monozyten", "monocito"), "monocyte"),
    **dict.fromkeys(("thrombozyt", "thrombozyten", "plaquette", "plaqueta"), "platelet"),
}
"""Abbreviations and words of laboratories that are suggested and never taken: what else they may mean is left out."""


def suggested(text: str, *, kinds: bool = True) -> str | None:
    """What a name may mean that is none of this program's: one class, or several in words; None where nothing is near.

    By the list of laboratories' abbreviations, else by the first letters, else by likeness.

    Args:
        text: the name.
        kinds: whether `wbc`, `rbc` and `platelet` are answers as well.
    """
    import difflib

    wanted = _letters(text)
    if not wanted:
        return None
    if wanted in _SEVERAL:
        return _SEVERAL[wanted]
    known = {_letters(spelling): one.name for one in BY_NAME.values() for spelling in _spellings(one)}
    kinds_named = KIND_SPELLINGS.values() if kinds else ()
    of_kinds = {_letters(spelling): names[0] for names in kinds_named for spelling in names}
    known = of_kinds | known
    begun = {name for spelling, name in known.items() if len(wanted) > 2 and spelling.startswith(wanted)}
    if len(begun) == 1:
        return begun.pop()
    words = [one for one in known if len(one) > _LEAST_LETTERS and (one in of_kinds or not one.endswith("cell"))]
    near = difflib.get_close_matches(wanted, words, n=1, cutoff=0.7)  # every cell is like a band cell
    return known[near[0]] if near else None


def _spellings(one: CellClass) -> tuple[str, ...]:
    return one.name, one.plural, one.words, one.short, *one.aliases


def named_class(text: str) -> CellClass | None:
    """The class meant by a name, plural, words, abbreviation or alias; None if there is none."""
    wanted = _letters(text)
    for one in BY_NAME.values():
        if wanted in {_letters(spelling) for spelling in _spellings(one)}:
            return one
    return None


def _letters(text: str) -> str:
    """Lower case, letters only, singular; so that a code of three letters keeps its s."""
    letters = "".join(letter for letter in text.lower() if letter.isalpha())
    return letters[:-1] if letters.endswith("s") and len(letters) > _LEAST_LETTERS - 1 else letters
