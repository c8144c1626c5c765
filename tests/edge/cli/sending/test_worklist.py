"""A worklist as spreadsheets and FHIR servers write it, and a run that takes the next sample."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from hemato_edge.cli.sending.worklist import next_sample, read_worklist
from hemato_edge.errors import ConfigurationError
from hemato_edge.store.reader import Reader

REQUEST = {"resourceType": "ServiceRequest", "status": "active", "intent": "order"}


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "sample,ward\nA1,3\nA2,4\nA1,3\n",
        "\ufeffward;Sample\r\n3;A1\r\n4;A2\r\n",
        "A1\nA2\n",
        "A1\tx\nA2\ty\n\n",
        json.dumps([REQUEST | {"specimen": [{"identifier": {"value": name}}]} for name in ("A1", "A2")]),
        json.dumps(
            {
                "resourceType": "Bundle",
                "entry": [
                    {"resource": REQUEST | {"identifier": [{"value": "A1"}]}},
                    {"resource": {"resourceType": "Patient"}},
                    {"resource": REQUEST | {"status": "revoked", "identifier": [{"value": "A3"}]}},
                    {"resource": REQUEST | {"requisition": {"value": "A2"}}},
                ],
            }
        ),
    ],
)
def test_samples_are_read_once_each_in_their_order(tmp_path: Path, text: str) -> None:
    assert read_worklist(written(tmp_path / "list", text)) == ["A1", "A2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "{}",
        "[1]",
        '{"resourceType": "Patient"}',
        "{",
        "[" * 100_000,
        "Dear all,\nno samples today.\n",
        "x" * 65,
    ],
)
def test_what_is_no_worklist_is_told_with_what_is_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        read_worklist(written(tmp_path / "list", text))
    assert "a column named sample" in str(told.value.fix)


def test_samples_of_several_words_need_a_named_column(tmp_path: Path) -> None:
    assert read_worklist(written(tmp_path / "list", "sample;x\nward 3 bed 4;1\n")) == ["ward 3 bed 4"]
    with pytest.raises(ConfigurationError, match="'ward 3 bed 4' is no sample id"):
        read_worklist(written(tmp_path / "list", "ward 3 bed 4;1\n"))


def test_a_worklist_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.csv cannot be read \(No such file") as told:
        read_worklist(tmp_path / "gone.csv")
    assert told.value.fix == "Check the path."


def test_the_next_one_is_the_first_that_is_not_recorded(tmp_path: Path) -> None:
    file = written(tmp_path / "list.csv", "sample\nA1\nA2\n")
    assert next_sample(file, set()) == "A1"
    assert next_sample(file, {"A1"}) == "A2"
    with pytest.raises(ConfigurationError, match="All 2 samples"):
        next_sample(file, {"A1", "A2"})


def test_runs_take_one_sample_after_the_other(program: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    written(tmp_path / "list.csv", "sample\nA1\nA2\n")
    command = ("run", "--camera", "demo", "--max-frames", 2, "--no-display", "--db", "c.db", "--worklist", "list.csv")
    assert "Sample A1" in program(*command).stderr
    assert "Sample A2" in program(*command).stderr
    assert "All 2 samples of list.csv are recorded." in program(*command).stderr
    with Reader(tmp_path / "c.db") as reader:
        assert [one.label for one in reader.sessions()] == ["A1", "A2"]
