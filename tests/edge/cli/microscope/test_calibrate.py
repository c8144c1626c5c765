"""`hemato-edge calibrate` and `run --profile` as a person types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import pytest
from obstructed import bars
from outcomes import assert_one_line_error

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import UM_PER_PX

sys.path.insert(0, str(Path(__file__).parents[2] / "calibration"))
from drawn_micrometer import draw_micrometer


@pytest.fixture
def micrometers(tmp_path: Path) -> list[str]:
    """Two pictures of divisions of 2 µm at the drawn slide's scale, and one of nothing."""
    for i, angle in enumerate((3.0, -50.0)):
        cv2.imwrite(str(tmp_path / f"m{i}.png"), draw_micrometer(2 / UM_PER_PX, angle_deg=angle, seed=i))
    cv2.imwrite(str(tmp_path / "blank.png"), draw_micrometer(1e5))
    return ["m0.png", "m1.png", "blank.png"]


def test_a_profile_from_micrometer_to_session(program, micrometers: list[str]) -> None:
    made = program(
        "calibrate", "micrometer", *micrometers, "--division-um", 2, "--profile", "40x", "--objective", "40x/0.65"
    )
    assert made.returncode == 0, made.stderr
    assert "picture 3 of 3 is left out" in made.stderr
    worse = program("calibrate", "red-cells", "--camera", "demo", "--profile", "40x")
    assert_one_line_error(worse, 10, "has its scale from a stage micrometer", "--replace")
    assert program("calibrate", "flat-field", "--camera", "demo", "--profile", "40x").returncode == 0

    done = program("run", "--camera", "demo", "--max-frames", 30, "--profile", "40x", "--json")
    section = json.loads(done.stdout)["provenance"]["settings"]["calibration"]
    assert "warning" not in done.stderr
    assert section["um_per_px"] == pytest.approx(UM_PER_PX, abs=section["um_per_px_uncertainty"])
    assert (section["profile"], section["method"], section["objective"]) == ("40x", "stage micrometer", "40x/0.65")
    assert len(section["flat_field_sha256"]) == 64
    (row,) = json.loads(program("calibrate", "list", "--json").stdout)
    assert row["flat_field"]["falloff"] == pytest.approx(0.18, abs=0.04)
    shown = program("calibrate", "show", "40x").stdout
    assert "µm/px" in shown
    assert "by stage micrometer" in shown
    assert program("calibrate", "remove", "40x").returncode == 0
    assert "no profiles in" in program("calibrate", "list").stdout


@pytest.mark.slow
def test_a_mask_from_calibration_to_table_report_and_record(program, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (680, 480))
    with OpenCamera(DemoCamera(5, frames=20)) as camera:
        for number in range(20):
            field = bars((0, 0, 20, 20))(camera.read(1.0).image, number)
            cv2.imwrite(str(tmp_path / f"f{number:02}.png"), field)
            writer.write(field)
    writer.release()
    pictures = [f"f{number:02}.png" for number in range(0, 20, 5)]
    made = program("calibrate", "mask", *pictures, "--profile", "40x")
    assert made.returncode == 0, made.stderr
    assert "94 % of a frame is slide; left out: bars" in made.stdout
    assert "the stage moved too little" in made.stderr
    assert ", mask, " in program("calibrate", "list").stdout

    done = program("run", "--camera", "walk.avi", "--profile", "40x", "--db", "x.db")
    assert done.returncode == 0, done.stderr
    line = "94 % of a frame is slide; left out: bars. The mask is the calibration profile's."
    assert line in " ".join(done.stdout.split())
    document = json.loads(program("report", "--db", "x.db", "--format", "json").stdout)
    assert document["provenance"]["settings"]["calibration"]["mask"] == {"kinds": ["bars"], "slide_share": 0.9412}
    assert line in " ".join(program("report", "--db", "x.db").stdout.split())


def test_a_wrong_objective_is_a_warning_and_in_the_record(program, micrometers: list[str], tmp_path: Path) -> None:
    program("calibrate", "micrometer", "m0.png", "--division-um", 4, "--profile", "10x")
    done = program("run", "--camera", "demo", "--max-frames", 80, "--profile", "10x", "--db", "x.db")
    assert done.returncode == 0
    assert "warning: scale_contradicts_profile: red cells measure" in done.stderr


def test_the_profile_of_another_frame_size_starts_no_session(program, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), draw_micrometer(12.0, size=(320, 240)))
    program("calibrate", "micrometer", "small.png", "--profile", "small")
    done = program("run", "--camera", "demo", "--profile", "small", "--db", "x.db")
    assert_one_line_error(done, 10, "frames of 320 × 240 pixels", "640 × 480")
    assert json.loads(program("sessions", "--db", "x.db", "--json").stdout)["sessions"] == []


def test_without_a_name_nothing_is_kept(program) -> None:
    done = program("calibrate", "red-cells", "--camera", "demo", "--json")
    document = json.loads(done.stdout)
    assert document["um_per_px"] == pytest.approx(UM_PER_PX, abs=document["um_per_px_uncertainty"])
    assert document["method"] == "red cells"
    assert "not kept" in done.stderr
    assert json.loads(program("calibrate", "list", "--json").stdout) == []


def test_every_way_it_can_be_called_wrongly(program, micrometers: list[str], tmp_path: Path) -> None:
    assert_one_line_error(program("calibrate", "micrometer", "blank.png"), 10, "No regular scale")
    assert_one_line_error(program("calibrate", "micrometer", "gone.png"), 8, "There is no picture")
    assert_one_line_error(program("calibrate", "camera", "--camera", "demo"), 3, "no exposure and white balance")
    assert_one_line_error(program("calibrate", "show", "40x"), 10, "There is no calibration profile 40x")
    assert_one_line_error(program("run", "--camera", "demo", "--profile", "../x"), 10, "is not a valid profile name")
    assert program("calibrate", "micrometer", "m0.png", "--camera", "demo").returncode == 2
    folder = tmp_path / ".local" / "share" / "hemato-edge" / "profiles"
    folder.mkdir(parents=True)
    (folder / "bad.json").write_text("{")
    assert_one_line_error(
        program("run", "--camera", "demo", "--profile", "bad"), 10, "is damaged", "calibrate remove bad"
    )
    assert "damaged" in program("calibrate", "list").stdout


def test_the_demo_is_the_truth_that_these_tests_rest_on() -> None:
    assert DemoCamera(1).slide.um_per_px == UM_PER_PX
