"""A multinomial logistic head on the classifier's embedding, fitted in NumPy, and its mixture with the shipped answer.

It learns from a site's reviewed cells together with home cells, so that it keeps the classes that the site has not
shown yet. The mixture is the geometric mean of both answers, the head's with weight `SHARE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHARE = 0.7
"""Weight of the head's answer. Measured on isfahan, moticam and bccd (`benchmarks/travel.py`): 0.5 gains two thirds as
much where there is something to gain, 0.85 costs a point of right answers elsewhere."""
_SURE = 3.0
"""An answer whose largest logit is less than this above their mean has its logits multiplied until it is, a probability
of about 0.8, before it is mixed: far from home doubt makes most answers nearly even, but keeps their order."""
_RIDGE = 1e-3
"""Of the mean squared weights, features scaled to a total variance of one. With 1e-4 more is gained by two points on
isfahan and more is lost by one on moticam; 1e-2 gains three less."""
_STEPS = 80
"""Of Nesterov's accelerated descent; more change no weight by one in a hundred."""
_LEAST = 1e-9


def fit_head(
    home: NDArray[np.float32],
    home_labels: NDArray[np.int64],
    site: NDArray[np.float32],
    site_labels: NDArray[np.int64],
    classes: int,
) -> Floats:
    """Weights (d + 1, classes) float64, the last row the bias: softmax(x · weights[:-1] + weights[-1]).

    Each class has the same weight, so a class that the site shows rarely is not outvoted; a class's home cells count
    together as one cell of the site's (`benchmarks/site_proof.py`). The step is that of Böhning's bound of the Hessian,
    "Multinomial logistic regression algorithm", Annals of the Institute of Statistical Mathematics 44 (1992),
    197-200, so it needs no search and never diverges.

    Args:
        home: (n, d) embeddings of home cells.
        home_labels: (n,) their classes.
        site: (m, d) of the site's, one at least.
        site_labels: (m,) their classes.
        classes: how many there are.
    """
    middle = home.mean(axis=0, dtype=np.float64)
    scale = max(float(np.sqrt(home.var(axis=0, dtype=np.float64).sum())), _LEAST)
    scaled = (np.concatenate([home, site]).astype(np.float64) - middle) / scale
    labels = np.concatenate([home_labels, site_labels])
    share = _shares(home_labels, site_labels, classes)
    basis = _basis(scaled)
    cells = np.concatenate([scaled @ basis, np.ones((len(scaled), 1))], axis=1)
    found = _descend(cells, np.eye(classes)[labels], share)
    weights = basis @ found[:-1] / scale
    return np.concatenate([weights, (found[-1] - middle @ weights)[None]])


def _shares(home_labels: NDArray[np.int64], site_labels: NDArray[np.int64], classes: int) -> Floats:
    """(n + m,) the weight of each home cell and site cell, of sum 1."""
    at_home, on_site = (np.bincount(labels, minlength=classes) for labels in (home_labels, site_labels))
    together = np.maximum(on_site + (at_home > 0), 1)
    each = np.concatenate([(1 / np.maximum(at_home, 1) / together)[home_labels], (1 / together)[site_labels]])
    shares: Floats = each / each.sum()
    return shares


def head_probabilities(weights: NDArray[Any], embeddings: NDArray[np.float32]) -> Floats:
    """Probabilities (n, classes) of the head for embeddings (n, d)."""
    return _softmax(embeddings.astype(np.float64) @ weights[:-1] + weights[-1])


def mixed(shipped: NDArray[np.float32], own: Floats, share: float) -> NDArray[np.float32]:
    """(n, classes) float32: the geometric mean of the shipped probabilities and the head's, which weighs `share`."""
    logits = np.log(np.maximum(shipped.astype(np.float64), _LEAST))
    logits -= logits.mean(axis=1, keepdims=True)
    logits *= np.maximum(1.0, _SURE / np.maximum(logits.max(axis=1, keepdims=True), _LEAST))
    shares: NDArray[np.float32] = _softmax((1 - share) * logits + share * np.log(np.maximum(own, _LEAST))).astype(
        np.float32
    )
    return shares


def _basis(cells: Floats) -> Floats:
    """(d, r) orthonormal basis of the cells' embeddings; r < d where there are fewer cells than features."""
    if len(cells) >= cells.shape[1]:
        return np.eye(cells.shape[1])
    spread, directions = np.linalg.eigh(cells @ cells.T)
    kept = spread > max(float(spread[-1]), _LEAST) * 1e-10
    basis: Floats = cells.T @ directions[:, kept] / np.sqrt(spread[kept])
    return basis


def _descend(cells: Floats, truth: Floats, share: Floats) -> Floats:
    ridge = np.full(cells.shape[1], _RIDGE)
    ridge[-1] = _LEAST
    step = np.linalg.inv(0.5 * (cells * share[:, None]).T @ cells + np.diag(ridge))
    weights = ahead = np.zeros((cells.shape[1], truth.shape[1]))
    pace = 1.0
    for _ in range(_STEPS):
        slope = cells.T @ (share[:, None] * (_softmax(cells @ ahead) - truth)) + ridge[:, None] * ahead
        stepped = ahead - step @ slope
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = stepped + (pace - 1) / faster * (stepped - weights)
        weights, pace = stepped, faster
    return weights


def _softmax(values: Floats) -> Floats:
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares
