"""The probes that run something on this machine: the models, the database, the disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from recorded import record

from hemato_edge.doctor import board_probes, model_probes, storage_probes
from hemato_edge.doctor.checked_models import check_card, check_golden
from hemato_edge.doctor.findings import Finding, Status
from hemato_edge.doctor.subject import Subject, this_user
from hemato_edge.models.bundle import shipped_classifier, shipped_locator
from hemato_edge.settings import load_settings


def database(path: Path, **overrides: object) -> Finding:
    settings = load_settings(overrides={"store.path": path, **overrides})
    (found,) = storage_probes.database(Subject(settings=settings))
    return found


def test_the_shipped_models_pass_their_golden_vectors_and_are_delegated() -> None:
    for path in (shipped_classifier(), shipped_locator()):
        card, bundle = check_card(path)
        assert bundle is not None
        found = card | check_golden(bundle, "auto")
        assert "error" not in found
        assert found["difference"] <= found["tolerance"]  # type: ignore[operator]
        assert 0 < found["delegated"] <= found["operations"]  # type: ignore[operator]


def test_a_changed_model_is_a_failure_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_probes, "ask_python", _patiently)
    whole = bytearray(shipped_classifier().read_bytes())
    whole[2000] ^= 1
    changed = tmp_path / "changed.tflite"
    changed.write_bytes(whole)
    settings = load_settings(overrides={"model.path": changed})
    findings = list(model_probes.models(Subject(settings=settings)))
    assert [(f.probe, f.status.value) for f in findings] == [("runtime", "PASS"), ("model", "FAIL"), ("model", "PASS")]
    assert "hash" in findings[1].said
    assert findings[1].fix


@pytest.mark.parametrize(
    ("reason", "status"), [("it crashed (SIGILL)", Status.FAIL), ("it took longer than 4 s", Status.WARN)]
)
def test_models_that_were_read_but_not_run(monkeypatch: pytest.MonkeyPatch, reason: str, status: Status) -> None:
    read = {"models": [{"name": "a classifier", "sha256": "ab" * 32}]}
    monkeypatch.setattr(model_probes, "ask_python", lambda *_: (read, reason))
    runtime, model = model_probes.models(Subject())
    assert (runtime.status, model.status) == (status, status)
    assert model.said == f"a classifier, sha256 abababababab; its golden vectors were not run: {reason}"
    monkeypatch.setattr(model_probes, "ask_python", lambda *_: (None, reason))
    (alone,) = model_probes.models(Subject())
    assert alone.status is status


def _patiently(*arguments: str) -> tuple[dict[str, object] | None, str]:
    from hemato_edge.doctor.child import ask_python

    return ask_python(*arguments, limit_s=120)


def test_a_database_that_is_well(tmp_path: Path) -> None:
    assert database(tmp_path / "none.db").said.startswith("none yet")
    path = tmp_path / "x.db"
    record(path, ["neutrophil", "lymphocyte"])
    found = database(path)
    assert found.status is Status.PASS
    assert found.said.startswith("1 sessions, ")


def test_a_database_that_is_not(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    record(path, ["neutrophil", "lymphocyte"])
    damaged = bytearray(path.read_bytes())
    damaged[4096:12288] = b"\xa5" * 8192
    path.write_bytes(damaged)
    found = database(path)
    assert found.status is Status.FAIL
    assert "damaged" in found.said
    path.write_bytes(b"")
    assert database(path).status is Status.FAIL
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    assert database(other).status is Status.FAIL


def test_a_database_that_is_too_large_for_a_quick_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.db"
    record(path, ["neutrophil", "lymphocyte"])
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS extra (x)")
        connection.executemany("INSERT INTO extra VALUES (?)", ((str(i),) for i in range(20_000)))
    connection.close()
    monkeypatch.setattr(storage_probes, "_CHECK_S", 0.0)
    found = database(path)
    assert found.status is Status.SKIP
    assert "db check" in found.said


def test_little_room(tmp_path: Path) -> None:
    def asked(least: int, least_for_pictures: int) -> str:
        overrides = {
            "store.path": tmp_path / "not" / "yet" / "x.db",
            "store.min_free_mb": least,
            "store.portraits_min_free_mb": least_for_pictures,
        }
        (found,) = storage_probes.disk(Subject(settings=load_settings(overrides=overrides)))
        return found.status.value

    assert asked(0, 0) == "PASS"
    assert asked(0, 1_000_000) == "WARN"
    assert asked(1_000_000, 1_000_000) == "FAIL"


def test_the_kernel_is_asked_for_its_clock() -> None:
    (found,) = board_probes.clock(Subject())
    assert found.status in (Status.PASS, Status.WARN)
    assert this_user().name
