"""What is looked at before a release is tried: room on the disk, and whether all that it needs is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import UpdateError
from hemato_edge.updating.package import Part, Update
from hemato_edge.updating.staging import check_needs, check_space


def release(packages: Path, *needs: str) -> Path:
    """A folder that looks as if pip had installed this program there."""
    about = packages / "hemato_edge-9.0.dist-info"
    about.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        "Name: hemato-edge",
        "Version: 9.0",
        *(f"Requires-Dist: {need}" for need in needs),
    ]
    (about / "METADATA").write_text("\n".join(lines) + "\n")
    return packages


@pytest.mark.parametrize("need", ["no-such-package>=1", "numpy>=999"])
def test_what_the_new_version_needs_and_this_environment_lacks_is_named(tmp_path: Path, need: str) -> None:
    check_needs(release(tmp_path / "good", "numpy>=1"))
    with pytest.raises(UpdateError, match=rf"has not what the new version needs.*{need.split('>')[0]}") as told:
        check_needs(release(tmp_path / "bad", "numpy>=1", need))
    assert "--wheel" in told.value.fix


def test_an_update_that_would_not_fit_is_refused(tmp_path: Path) -> None:
    def update(size: int) -> Update:
        return Update(tmp_path, "1.0", "", "", (Part("wheels/x", size, ""),), "1.0-0")

    check_space(update(1000), tmp_path)
    with pytest.raises(UpdateError, match=r"MB are free .* the update needs 40000000050 MB") as told:
        check_space(update(10**16), tmp_path)
    assert "Free some space" in told.value.fix
