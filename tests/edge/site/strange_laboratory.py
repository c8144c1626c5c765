"""Drawn embeddings: home cells, and those of a laboratory whose stain moves them."""

from __future__ import annotations

import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.site.adaptation import SiteEmbeddings

K, D = len(CLASSIFIER_LABELS), 24
MIDDLES = np.random.default_rng(0).normal(0, 2.0, (K, D))


def home_cells(rng: np.random.Generator, each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, D) float32 and labels of home cells."""
    labels = np.repeat(np.arange(K), each)
    return (MIDDLES[labels] + rng.normal(0, 1, (len(labels), D))).astype(np.float32), labels


def shipped_answers(embeddings: np.ndarray) -> np.ndarray:
    """(n, K) float32: right at home, by the distance to the middles there."""
    apart = ((embeddings[:, None] - MIDDLES) ** 2).sum(axis=2)
    odds = np.exp(-0.5 * (apart - apart.min(axis=1, keepdims=True)) / 3)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def site_cells(rng: np.random.Generator, number: int, moved: float, slides: int = 4) -> SiteEmbeddings:
    """Cells of a laboratory: the first five classes, moved towards their neighbours by a share of the way."""
    labels = rng.integers(0, 5, number)
    towards = MIDDLES[(labels + 1) % 5]
    middles = (1 - moved) * MIDDLES[labels] + moved * towards
    embeddings = (middles + rng.normal(0, 1, (number, D))).astype(np.float32)
    slide = np.array([str(i % slides) for i in range(number)])
    return SiteEmbeddings(embeddings, shipped_answers(embeddings), labels, slide, np.char.add(slide, "/0"))
