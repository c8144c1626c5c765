"""A head is used where its gain is shown on slides that it did not learn from; else it is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from strange_laboratory import home_cells, site_cells

from hemato_edge.site.adaptation import divided, shortfall, try_head
from hemato_edge.site.gain import Gain, gain


def test_a_gain_is_shown_and_the_coverage_stays() -> None:
    rng = np.random.default_rng(1)
    cells = site_cells(rng, 100, moved=0.45)
    trial = try_head(*home_cells(rng), cells, 0.6)
    assert trial.refusal is None
    assert trial.balanced_after > trial.balanced_before + 0.2
    answered = (cells.probabilities.max(axis=1) >= 0.6).sum()
    assert (trial.answers.max(axis=1) >= trial.threshold).sum() == answered
    assert trial.divided_by == "session"


def test_the_gain_is_one_over_slides_where_there_are_three_and_over_fields_where_not() -> None:
    rng = np.random.default_rng(1)
    home, fields = home_cells(rng), np.arange(100).astype(str)
    for slides in (4, 2):
        cells = replace(site_cells(rng, 100, moved=0.45, slides=slides), fields=fields)
        trial = try_head(*home, cells, 0.6)
        groups = cells.slides if slides == 4 else fields
        assert trial.divided_by == ("session" if slides == 4 else "field")
        assert trial.gain == gain(cells.probabilities, trial.answers, cells.labels, groups)


def test_the_coverage_stays_for_the_cells_as_they_occur() -> None:
    rng = np.random.default_rng(1)
    cells = site_cells(rng, 200, moved=0.45)
    sure = cells.probabilities.max(axis=1) >= 0.6
    asked = np.concatenate([np.flatnonzero(sure)[:10], np.flatnonzero(~sure)[:60]])
    weight = np.where(sure[asked], sure.sum() / 10, (~sure).sum() / 60)
    parts = {
        name: getattr(cells, name)[asked] for name in ("embeddings", "probabilities", "labels", "slides", "fields")
    }
    home = home_cells(rng)
    covered = []
    for weights in (None, weight):
        trial = try_head(*home, replace(cells, **parts, weights=weights), 0.6)
        covered.append(weight[trial.answers.max(axis=1) >= trial.threshold].sum() / len(sure))
    assert abs(covered[1] - sure.mean()) < abs(covered[0] - sure.mean())
    assert sure.mean() - weight.max() / len(sure) <= covered[1] <= sure.mean() + 1e-9


def test_a_gain_that_chance_may_give_is_refused_with_its_chance() -> None:
    rng = np.random.default_rng(1)
    trial = try_head(*home_cells(rng), site_cells(rng, 100, moved=0.45), 0.6)
    assert trial.refusal is None
    assert "gain like its own in 12 of 100 cases" in str(replace(trial, gain=Gain(0.1, 0.12)).refusal)
    assert "are no better" in str(replace(trial, gain=Gain(-0.1, 1.0)).refusal)


def test_a_gain_among_doubtful_cells_alone_does_not_outweigh_the_sure_ones() -> None:
    """Each doubtful cell that was asked for stands for itself, each sure one, which loses by it, for forty."""
    rng = np.random.default_rng(6)
    moved, still = site_cells(rng, 60, moved=1.0), site_cells(rng, 10, moved=0.0)
    names = ("embeddings", "probabilities", "labels", "slides", "fields")
    both = {name: np.concatenate([getattr(moved, name), getattr(still, name)]) for name in names}
    cells, home = replace(moved, **both), home_cells(rng)
    assert try_head(*home, cells, 0.6).refusal is None
    weighted = replace(cells, weights=np.repeat([1.0, 40.0], [60, 10]))
    assert "are no better" in str(try_head(*home, weighted, 0.6).refusal)


def test_labels_that_mean_nothing_are_refused() -> None:
    rng = np.random.default_rng(2)
    cells = site_cells(rng, 60, moved=0.0)
    shuffled = replace(cells, labels=rng.permutation(cells.labels))
    assert try_head(*home_cells(rng), shuffled, 0.6).refusal is not None


def test_where_the_shipped_answers_are_right_there_is_no_gain_to_show() -> None:
    rng = np.random.default_rng(3)
    refusal = try_head(*home_cells(rng), site_cells(rng, 60, moved=0.0), 0.6).refusal
    assert refusal is not None
    assert "are no better" in refusal


def test_no_cell_is_judged_by_a_head_that_knows_its_slide() -> None:
    """Labels that only a slide's own stain gives away: a head that saw the slide would know them all."""
    rng = np.random.default_rng(4)
    cells = site_cells(rng, 80, moved=0.0, slides=4)
    marked = cells.embeddings.copy()
    marked[np.arange(80), cells.slides.astype(int)] += 40
    of_slide = replace(cells, embeddings=marked, labels=cells.slides.astype(np.int64))
    trial = try_head(*home_cells(rng), of_slide, 0.6)
    assert (trial.answers.argmax(axis=1) == of_slide.labels).mean() < 0.4


def test_slides_are_divided_whole_and_fields_where_there_are_few() -> None:
    slides = np.array(["1"] * 30 + ["2"] * 10 + ["3"] * 10 + ["4"] * 5)
    folds, by = divided(slides, slides)
    assert by == "session"
    assert all(len(set(folds[slides == one])) == 1 for one in "1234")
    fields = np.array([f"1/{i // 2}" for i in range(20)])
    folds, by = divided(np.array(["1"] * 20), fields)
    assert by == "field"
    assert all(len(set(folds[fields == one])) == 1 for one in fields)
    assert np.bincount(folds).tolist() == [4] * 5


def test_too_few_cells_are_told() -> None:
    rng = np.random.default_rng(5)
    assert shortfall(site_cells(rng, 20, moved=0)) == "20 named cells with a picture, 25 are needed"
    one = site_cells(rng, 30, moved=0)
    assert shortfall(replace(one, labels=np.zeros(30, np.int64))) == "all of the named cells are of one class"
    assert shortfall(one) is None
