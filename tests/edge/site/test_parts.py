"""What a profile keeps: a head comes back as it was, a changed one is refused, older profiles still read."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from hemato_edge.calibration.profile import Profile
from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.errors import CalibrationError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.site.parts import Head, Share, SitePart
from hemato_edge.site.record import fitting_head

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
MODEL = "ab" * 32


def make_head(weights: np.ndarray) -> Head:
    packed, sha256 = Head.packed(weights)
    share = Share(value=0.9, low=0.8, high=0.95)
    return Head(
        model_sha256=MODEL, created=NOON, weights=packed, sha256=sha256, embedding=len(weights) - 1, share=0.7,
        threshold=0.8, cells={"neutrophil": 30}, sessions=3, readers=("Ada",), before=share, after=share,
        balanced_before=0.7, balanced_after=0.8, divided_by="session", source="session 1, 2, 3",
    )  # fmt: skip


def test_a_head_comes_back_as_it_was(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).normal(size=(17, len(CLASSIFIER_LABELS)))
    folder = ProfileFolder(tmp_path)
    folder.save(Profile(name="x100", frame_size=(640, 480)).with_site(SitePart(head=make_head(weights))))
    kept = folder.load("x100").site
    assert kept is not None
    assert kept.head is not None
    assert kept.head.matrix() == pytest.approx(weights, abs=1e-6)
    assert fitting_head(kept, MODEL) is kept.head
    assert fitting_head(kept, "cd" * 32) is None


def test_a_head_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = ProfileFolder(tmp_path)
    head = make_head(np.zeros((3, len(CLASSIFIER_LABELS))))
    file = folder.save(Profile(name="x100", frame_size=(640, 480)).with_site(SitePart(head=head)))
    tree = json.loads(file.read_text())
    tree["site"]["head"]["weights"] = "AAAA" + tree["site"]["head"]["weights"][4:-4] + "AAA="
    file.write_text(json.dumps(tree))
    with pytest.raises(CalibrationError, match="damaged"):
        folder.load("x100")
    with pytest.raises(ValidationError, match="hash or size"):
        Head.model_validate(head.model_dump() | {"embedding": 5})


def test_a_profile_without_a_site_stays_in_the_first_format(tmp_path: Path) -> None:
    folder = ProfileFolder(tmp_path)
    old = {"format": 1, "name": "x40", "frame_size": [640, 480]}
    (tmp_path / "x40.json").write_text(json.dumps(old))
    assert folder.load("x40").site is None
    again = json.loads(folder.save(folder.load("x40")).read_text())
    assert again["format"] == 1
