"""The head of the site's own: it fits, keeps what home taught, and is mixed by the geometric mean."""

from __future__ import annotations

import numpy as np
import pytest
from strange_laboratory import K, home_cells, site_cells

from hemato_edge.site.head import fit_head, head_probabilities, mixed


def test_a_head_learns_the_site_and_keeps_home() -> None:
    rng = np.random.default_rng(1)
    home, labels = home_cells(rng)
    site, unseen = site_cells(rng, 60, moved=0.6), site_cells(rng, 400, moved=0.6)
    weights = fit_head(home, labels, site.embeddings, site.labels, K)
    assert (head_probabilities(weights, unseen.embeddings).argmax(axis=1) == unseen.labels).mean() > 0.75
    assert (unseen.probabilities.argmax(axis=1) == unseen.labels).mean() < 0.4
    others = labels >= 5  # classes that the site did not show
    assert (head_probabilities(weights, home[others]).argmax(axis=1) == labels[others]).mean() > 0.95


def test_the_descent_ends_where_the_slope_does() -> None:
    """At the minimum the mean of the probabilities equals the weighted share of each class, as the bias is free."""
    rng = np.random.default_rng(2)
    home, labels = home_cells(rng)
    site = site_cells(rng, 50, moved=0.3)
    weights = fit_head(home, labels, site.embeddings, site.labels, K)
    shown = np.bincount(site.labels, minlength=K)
    of_class = 1 / K / (shown + 1)  # of each of the site's cells, and of a class's home cells together
    share = np.concatenate([(of_class / np.bincount(labels))[labels], of_class[site.labels]])
    assert share.sum() == pytest.approx(1)
    answers = head_probabilities(weights, np.concatenate([home, site.embeddings]))
    truth = np.eye(K)[np.concatenate([labels, site.labels])]
    assert share @ answers == pytest.approx(share @ truth, abs=2e-3)


def test_fewer_cells_than_features_give_the_same_as_the_full_space() -> None:
    rng = np.random.default_rng(3)
    home, labels = home_cells(rng, each=2)
    site = site_cells(rng, 6, moved=0.3)
    narrow = fit_head(home, labels, site.embeddings, site.labels, K)
    spare = np.zeros((len(home), 40), np.float32), np.zeros((6, 40), np.float32)
    wide = fit_head(np.hstack([home, spare[0]]), labels, np.hstack([site.embeddings, spare[1]]), site.labels, K)
    assert wide[:24] == pytest.approx(narrow[:24], abs=0.02)
    assert np.abs(wide[24:64]).max() < 1e-9


def test_the_mixture_of_sure_answers_is_the_geometric_mean() -> None:
    shipped, own = np.array([[0.98, 0.01, 0.01]], np.float32), np.array([[0.1, 0.8, 0.1]])
    half = np.sqrt(np.array([0.098, 0.008, 0.001]))
    assert mixed(shipped, own, 0.5)[0] == pytest.approx(half / half.sum(), rel=1e-4)
    assert mixed(shipped, own, 0.0)[0] == pytest.approx(shipped[0], rel=1e-4)
    assert mixed(shipped, own, 1.0)[0] == pytest.approx(own[0], rel=1e-4)


def test_a_guess_that_was_doubted_has_a_part_in_the_mixture() -> None:
    """Doubt divides the logits of a cell far from home, and leaves their order; a head's answer may not be better."""
    logits = np.array([[5.0, 1.0, 0.5, 0.0]])
    plain, doubted = (np.exp(each) / np.exp(each).sum() for each in (logits, logits / 8))
    own = np.array([[0.3, 0.5, 0.1, 0.1]])
    assert doubted.max() < 0.4
    answers = [mixed(one.astype(np.float32), own, 0.5)[0] for one in (plain, doubted)]
    assert [int(one.argmax()) for one in answers] == [0, 0]
    assert answers[1].max() <= answers[0].max()
    uniform = np.full((1, 4), 0.25, np.float32)
    assert int(mixed(uniform, own, 0.5)[0].argmax()) == 1
