from __future__ import annotations

from dataclasses import replace

import pytest

from hemato_edge.morphology import Attribute, confident, in_words, phrases, pooled


def said(**values: str) -> list[Attribute]:
    return [Attribute(name, value, 0.95) for name, value in values.items()]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, ""),
        (
            {"granule_colour": "pink", "nucleus_shape": "segmented-bilobed", "granule_type": "small"},
            "bilobed nucleus, small pink granules",
        ),
        ({"granularity": "yes"}, "granules"),
        ({"granularity": "no", "granule_type": "nil", "granule_colour": "nil"}, "no granules"),
        ({"granularity": "no", "granule_type": "small"}, ""),  # a contradiction is no word
        ({"granularity": "yes", "granule_type": "coarse"}, "coarse granules"),
        ({"cytoplasm_colour": "light blue"}, "light blue cytoplasm"),
        ({"cytoplasm_vacuole": "yes", "chromatin_density": "loosely"}, "loose chromatin, vacuoles"),
        ({"hue": "green", "nucleus_shape": "round as a ball"}, "nucleus shape: round as a ball, hue: green"),
    ],
)
def test_attributes_are_said_in_words_nucleus_first(attributes: dict[str, str], words: str) -> None:
    assert in_words(said(**attributes)) == words


def test_a_phrase_of_two_attributes_is_as_sure_as_the_less_sure() -> None:
    both = [Attribute("granule_type", "small", 0.99), Attribute("granule_colour", "pink", 0.91)]
    assert phrases(both) == [("small pink granules", 0.91)]
    assert in_words(both, shares=True) == "small pink granules 91%"


def test_what_is_unsure_is_not_said() -> None:
    unsure = Attribute("cell_size", "big", 0.89)
    assert confident([unsure, *said(cell_shape="round")], "neutrophil") == tuple(said(cell_shape="round"))


def test_the_level_below_a_class_has_its_own_least_confidence_and_is_of_that_class_alone() -> None:
    band = Attribute("neutrophil_form", "band", 0.7, least=0.65, of="neutrophil")
    assert confident([band], "neutrophil") == (band,)
    assert confident([band], "lymphocyte") == confident([replace(band, least=0.75)], "neutrophil") == ()
    assert in_words([band, *said(nucleus_shape="unsegmented-band")]) == "band neutrophil, band-shaped nucleus"
    (one,) = pooled([[band], [replace(band, confidence=0.9)]])
    assert (one.least, one.of, one.confidence) == (0.65, "neutrophil", pytest.approx(0.8))


def test_views_that_disagree_make_an_attribute_less_sure() -> None:
    views = [[Attribute("cell_size", "big", 0.9)], [Attribute("cell_size", "small", 0.8)]]
    (one,) = pooled(views)
    assert (one.value, one.confidence) == ("big", pytest.approx(0.45))
    assert pooled([[Attribute("cell_size", "big", 0.9)], [Attribute("cell_size", "big", 0.7)]])[0].confidence == (
        pytest.approx(0.8)
    )
    assert pooled([]) == ()
    assert pooled([(), ()]) == ()
