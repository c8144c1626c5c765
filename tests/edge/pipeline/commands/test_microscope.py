"""What is asked at the door about the microscope: profiles are made on live pictures, chosen, and verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from drawn_micrometer import draw_micrometer
from recorded import NOON, record

from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.door.commands import Calibrate, Profiles, UseProfile, Verification, Verify
from hemato_edge.door.messages import Answer, DoorError
from hemato_edge.errors import CalibrationError, ConfigurationError
from hemato_edge.pipeline.commands import microscope as microscope_commands
from hemato_edge.pipeline.commands.microscope import MicroscopeCommands
from hemato_edge.pipeline.running.viewfinder import ATTENDING, Viewfinder
from hemato_edge.settings.model import CalibrationSettings
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer
from hemato_edge.values import Frame

LABELS = ["neutrophil"] * 40 + ["lymphocyte"] * 20 + ["unclassified"] * 10


class Held:
    """What a run waits in, as far as its commands ask it."""

    def __init__(self) -> None:
        self.waiting, self.renewed = True, []

    def renew(self, profile: str | None) -> None:
        self.renewed.append(profile)


class Microscope:
    """Commands over a folder, and a camera that shows `images` in turn."""

    def __init__(self, folder: Path) -> None:
        self.finder, self.held, self.remembered = Viewfinder(), Held(), []
        self.folder = ProfileFolder(folder / "profiles")
        self.images: list[np.ndarray] = [(0.9 * draw_field(seed)[0]).astype(np.uint8) for seed in range(3)]
        self.over = threading.Event()
        self._remembers = True
        settings = CalibrationSettings(folder=folder / "profiles", profile="40x")
        self.commands = MicroscopeCommands(
            folder / "x.db",
            settings,
            "ab" * 32,
            self.finder,
            self.held,
            self.remember,  # type: ignore[arg-type]
        )

    def remember(self, name: str | None) -> None:
        if not self._remembers:
            raise ConfigurationError("It may not be written there.")
        self.remembered.append(name)

    def show(self) -> None:
        number = 0
        while not self.over.wait(0.002):
            image = self.images[number % len(self.images)]
            self.finder.show(Frame(image, number, 0.0, datetime.now(timezone.utc), "drawn"), ATTENDING)
            number += 1

    def ask(self, command) -> Answer:
        return self.commands.answers[command.name](command)


@pytest.fixture
def microscope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Microscope]:
    monkeypatch.setattr(microscope_commands, "FRAMES", dict.fromkeys(microscope_commands.FRAMES, (4, 0.0)))
    made = Microscope(tmp_path)
    thread = threading.Thread(target=made.show)
    thread.start()
    yield made
    made.over.set()
    thread.join()


def test_each_part_is_measured_on_live_pictures_and_kept(microscope: Microscope) -> None:
    assert microscope.ask(Profiles()).told == {"used": "40x", "profiles": []}
    told = microscope.ask(Calibrate("flat_field", "40x", "Plan 40×")).told
    assert (told["name"], told["objective"], told["flat_field"], told["um_per_px"]) == ("40x", "Plan 40×", True, None)
    told = microscope.ask(Calibrate("mask", "40x")).told
    assert told["objective"] == "Plan 40×"
    assert told["mask"] == pytest.approx(1.0, abs=0.02)
    told = microscope.ask(Calibrate("micrometer", "40x", x1=500, y1=2400, x2=5500, y2=2400, distance_nm=50_000)).told
    assert told["um_per_px"] == pytest.approx(0.1)
    assert told["scale_by"] == "two points"
    assert told["um_per_px_uncertainty"] == pytest.approx(0.1 * np.hypot(np.sqrt(2) * 2 / 500, 0.002))
    assert [row["name"] for row in microscope.ask(Profiles()).told["profiles"]] == ["40x"]
    assert microscope.folder.load("40x").flat_field is not None


def test_where_lines_are_seen_they_are_measured_and_the_points_only_tell_how_wide_they_are(
    microscope: Microscope,
) -> None:
    microscope.images = [draw_micrometer(31.4, seed=seed) for seed in range(3)]
    tapped = {"x1": 1000, "y1": 2400, "x2": 1000 + (314 * 12 + 20), "y2": 2410}  # two pixels beside the line
    told = microscope.ask(Calibrate("micrometer", "40x", **tapped, distance_nm=120_000)).told
    assert told["scale_by"] == "stage micrometer"
    assert told["um_per_px"] == pytest.approx(10 / 31.4, rel=0.002)


def test_two_points_beside_each_other_are_refused(microscope: Microscope) -> None:
    with pytest.raises(CalibrationError, match="too few to measure by"):
        microscope.ask(Calibrate("micrometer", "40x", x1=100, y1=100, x2=200, y2=100, distance_nm=10_000))


def test_while_it_counts_nothing_is_calibrated_or_chosen(microscope: Microscope) -> None:
    microscope.held.waiting = False
    for command in (Calibrate("mask", "40x"), UseProfile("40x")):
        with pytest.raises(DoorError, match="being counted") as refused:
            microscope.ask(command)
        assert refused.value.kind == "not_now"


def test_a_profile_is_chosen_and_remembered(microscope: Microscope) -> None:
    with pytest.raises(CalibrationError, match="no calibration profile 100x"):
        microscope.ask(UseProfile("100x"))
    microscope.ask(Calibrate("flat_field", "100x"))
    assert microscope.ask(UseProfile("100x")).told == {"profile": "100x", "kept": True}
    microscope._remembers = False
    assert microscope.ask(UseProfile("")).told == {"profile": None, "kept": False}
    assert (microscope.held.renewed, microscope.remembered) == (["100x", None], ["100x"])


@pytest.mark.parametrize("profile", ["40x", None])
def test_a_microscope_is_verified_by_its_named_cells(microscope: Microscope, tmp_path: Path, profile: str) -> None:
    path = tmp_path / "x.db"
    record(path, LABELS, settings={"calibration": {"profile": profile}} if profile else {})
    assert microscope.ask(Verification("40x")).told["line"] == "microscope not verified"
    command = Verify("40x", unnamed=0 if profile else 1)
    with pytest.raises(CalibrationError, match="0 cells are named, 50 are needed"):
        microscope.ask(command)
    with Reader(path) as reader, open_writer(path) as writer:
        for cell in reader.cells(1):
            writer.relabel(1, cell.field, cell.number, cell.best, "Ada", NOON)
    told = microscope.ask(command).told
    assert told["line"].startswith("verified on 70 cells on ")
    assert told["verification"]["right"]["value"] == 1
    assert microscope.ask(Verification("40x")).told == told
    assert microscope.held.renewed == ["40x"]  # it works with this profile: what it records next is to say so
    assert SimpleNamespace(**microscope.ask(Profiles()).told["profiles"][0]).verified == told["line"]
