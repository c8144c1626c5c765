"""`hemato-edge calibrate`: the scale, the light and the exposure of a microscope, kept as a profile per objective."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.calibration.flat_field import FlatField
    from hemato_edge.calibration.profile import ControlsPart, FlatFieldPart, MaskPart, Profile, ScalePart
    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.errors import CalibrationError
    from hemato_edge.pipeline.commands.calibration import Taken
    from hemato_edge.settings import Settings

Pictures = Annotated[list[Path] | None, typer.Argument(help="Picture files; none: the camera.", metavar="[IMAGE…]")]
CameraSpec = Annotated[str | None, typer.Option("--camera", metavar="SPEC", help="As for `run`; else the setting.")]
ProfileName = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Keep it in this profile, for instance 40x.")
]
Objective = Annotated[str | None, typer.Option("--objective", metavar="TEXT", help="What the objective is.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Also replace a better scale, or a profile of another frame size.")
]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `calibrate` group."""
    root.add_typer(app, name="calibrate")


@app.command()
def micrometer(
    images: Pictures = None,
    camera: CameraSpec = None,
    division_um: Annotated[
        float, typer.Option("--division-um", min=0.01, max=10_000, help="Width of the smallest division, µm.")
    ] = 10.0,
    frames: Annotated[int, typer.Option(min=1, max=100, help="Frames to take from a camera.")] = 5,
    profile: ProfileName = None,
    objective: Objective = None,
    replace: Replace = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Micrometres a pixel from pictures of a stage micrometer, lying at any angle."""
    from hemato_edge.pipeline.commands.calibration import micrometer_part

    desk = Desk(config, profile, objective, replace=replace, as_json=as_json)
    taken = desk.take(images, camera, frames)

    def failed(number: int, error: CalibrationError) -> None:
        typer.echo(f"warning: picture {number + 1} of {len(taken.images)} is left out: {error.message}", err=True)

    desk.keep(taken, micrometer_part(taken, division_um, failed))


@app.command("red-cells")
def red_cells(
    images: Pictures = None,
    camera: CameraSpec = None,
    diameter_um: Annotated[
        float | None,
        typer.Option("--diameter-um", min=4.0, max=12.0, help="Mean red-cell diameter; 7.2 µm unless you know it."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=100, help="Frames to take from a camera.")] = 10,
    profile: ProfileName = None,
    objective: Objective = None,
    replace: Replace = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Micrometres a pixel from the red cells of a smear: about ±10 %, where there is no stage micrometer."""
    from hemato_edge.pipeline.commands.calibration import red_cells_part

    desk = Desk(config, profile, objective, replace=replace, as_json=as_json)
    taken = desk.take(images, camera, frames)
    desk.keep(taken, red_cells_part(taken, diameter_um, desk.flat_field(taken)))


@app.command("flat-field")
def flat_field(
    images: Pictures = None,
    camera: CameraSpec = None,
    frames: Annotated[int, typer.Option(min=3, max=100, help="Frames to take from a camera.")] = 12,
    profile: ProfileName = None,
    objective: Objective = None,
    replace: Replace = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """The course of the light, from frames of an empty place or of a smear that moves under the objective."""
    from hemato_edge.pipeline.commands.calibration import flat_field_part

    desk = Desk(config, profile, objective, replace=replace, as_json=as_json)
    taken = desk.take(images, camera, frames)
    desk.keep(taken, flat_field_part(taken))


@app.command("camera")
def lock_camera(
    camera: CameraSpec = None,
    settle: Annotated[float, typer.Option(min=1, max=60, metavar="S", help="How long it may take to settle.")] = 10.0,
    profile: ProfileName = None,
    objective: Objective = None,
    replace: Replace = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Lock exposure and white balance at what they are now, over an evenly lit place of the smear."""
    from hemato_edge.cameras.registry import make_camera
    from hemato_edge.pipeline.commands.calibration import lock_camera as lock

    desk = Desk(config, profile, objective, replace=replace, as_json=as_json)
    source = make_camera(camera or desk.settings.camera.spec, desk.camera_settings)
    part, taken = lock(source, settle)
    for reason in part.not_locked:
        typer.echo(f"warning: {reason}", err=True)
    desk.keep(taken, part)


@app.command("mask")
def field_mask(
    images: Pictures = None,
    camera: CameraSpec = None,
    frames: Annotated[int, typer.Option(min=1, max=200, help="Frames to take from a camera.")] = 40,
    profile: ProfileName = None,
    objective: Objective = None,
    replace: Replace = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What of a frame is slide, and what lies over it: bars, an eyepiece's rim, scale bars, dust. Move the stage."""
    from hemato_edge.pipeline.commands.calibration import mask_part

    desk = Desk(config, profile, objective, replace=replace, as_json=as_json)
    taken = desk.take(images, camera, frames)
    part = mask_part(taken, desk.flat_field(taken), round_field=desk.settings.camera.mask == "round")
    if not part.overlays_told:
        typer.echo("warning: the stage moved too little to tell dust, reticles and text; take more --frames", err=True)
    desk.keep(taken, part)


@app.command("list")
def list_profiles(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """What profiles there are."""
    from hemato_edge.errors import CalibrationError

    folder = _folder(config)
    rows: list[dict[str, object]] = []
    for name in folder.names():
        try:
            rows.append(_summary(folder.load(name)))
        except CalibrationError as error:
            rows.append({"profile": name, "error": str(error)})
    if as_json:
        typer.echo(json_text(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        typer.echo(f"no profiles in {folder.path}")
    for row in rows:
        typer.echo(f"{row['profile']}: {row['error']}" if "error" in row else _line(row))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")], config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Everything that a profile holds."""
    profile = _folder(config).load(name)
    typer.echo(json_text(_summary(profile), indent=1, ensure_ascii=False) if as_json else "\n".join(_lines(profile)))


@app.command()
def remove(name: Annotated[str, typer.Argument(metavar="NAME")], config: ConfigFile = None) -> None:
    """Delete a profile, also a damaged one. What sessions recorded of it stays with them."""
    typer.echo(f"removed {_folder(config).remove(name)}")


class Desk:
    """Where one calibration is done: its settings, the profile it goes into, and how it is told.

    Args:
        config: the TOML file, or None.
        profile: name to keep it under; None for the setting's; without that too nothing is kept.
        objective: what the person calls it, or None.
        replace: see `pipeline.calibrating.keep`.
        as_json: tell it as JSON.
    """

    def __init__(
        self, config: Path | None, profile: str | None, objective: str | None, *, replace: bool, as_json: bool
    ) -> None:
        from hemato_edge.calibration.profiles import ProfileFolder
        from hemato_edge.pipeline.calibrated import sized_like
        from hemato_edge.settings import load_settings

        self.settings: Settings = load_settings(config, {"calibration.profile": profile})
        self.name = self.settings.calibration.profile
        self.folder = ProfileFolder(self.settings.calibration.folder)
        self._objective = objective
        self._replace = replace
        self._as_json = as_json
        self._old: Profile | None = None
        if self.name is not None and self.folder.exists(self.name):
            self._old = self.folder.load(self.name)
        self.camera_settings = self.settings.camera
        if self._old is not None and not replace:
            self.camera_settings = sized_like(self.settings.camera, self._old)

    def take(self, images: list[Path] | None, camera: str | None, count: int) -> Taken:
        """Pictures, or frames of the camera under the exposure that the profile has locked."""
        from hemato_edge.cameras.calibrated import PreparedCamera
        from hemato_edge.cameras.registry import make_camera
        from hemato_edge.cameras.turned import turned
        from hemato_edge.pipeline.commands.calibration import any_colour, take_frames, take_pictures

        if images:
            if camera is not None:
                msg = "give pictures or --camera, not both"
                raise typer.BadParameter(msg)
            return take_pictures(images)
        settings = self.camera_settings
        source = turned(any_colour(make_camera(camera or settings.spec, settings)), settings.rotate)
        if self._old is not None and self._old.controls is not None:
            controls = self._old.controls
            source = PreparedCamera(source, None, controls.driver, dict(controls.values), settings.open_timeout_s)
        return take_frames(source, count, settings.read_timeout_s)

    def flat_field(self, taken: Taken) -> FlatField | None:
        """The flat field that the profile has already, for frames of this size, or None."""
        from hemato_edge.calibration.flat_field import FlatField

        old = self._old
        if old is None or old.flat_field is None or old.frame_size != taken.frame_size:
            return None
        return FlatField(old.flat_field.map(), old.frame_size)

    def keep(self, taken: Taken, part: ScalePart | FlatFieldPart | ControlsPart | MaskPart) -> None:
        """Put the part into its profile and tell of it; without a name only tell."""
        from hemato_edge.calibration.profile import Profile
        from hemato_edge.pipeline.commands.calibration import keep, with_part

        if self.name is None:
            profile = with_part(Profile(name="", frame_size=taken.frame_size), taken, part, self._objective)
        else:
            profile = keep(self.folder, self.name, taken, part, objective=self._objective, replace=self._replace)
        if self._as_json:
            typer.echo(json_text(_summary(profile), indent=1, ensure_ascii=False))
        else:
            typer.echo("\n".join(_lines(profile)))
        if self.name is None:
            typer.echo("not kept: name it with --profile NAME", err=True)
        elif self._old is not None and not self._as_json:
            typer.echo(f"profile {self.name} changed", err=True)


def _folder(config: Path | None) -> ProfileFolder:
    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.settings import load_settings

    return ProfileFolder(load_settings(config).calibration.folder)


def _summary(profile: Profile) -> dict[str, object]:
    """What a session would record, and the particulars; JSON's types, without the map itself."""
    summary: dict[str, object] = {**profile.session_section(), "camera": profile.camera}
    flat = profile.flat_field
    if flat is not None:
        summary["flat_field"] = {"falloff": round(_falloff(profile), 4), "frames": flat.frames, "rest": flat.rest}
    if profile.controls is not None:
        summary["controls_not_locked"] = profile.controls.not_locked
    return summary


def _falloff(profile: Profile) -> float:
    if profile.flat_field is None:
        return 0.0
    gain = profile.flat_field.map()[..., 1]
    return 1 - float(gain.min() / gain.max())


def _line(row: dict[str, object]) -> str:
    scale = "no scale"
    if isinstance(row["um_per_px"], float) and isinstance(row["um_per_px_uncertainty"], float):
        scale = f"{row['um_per_px']:.5f} ± {row['um_per_px_uncertainty']:.5f} µm/px by {row['method']}"
    parts = [scale, "flat field" if row["flat_field_sha256"] else "", "locked exposure" if row["controls"] else ""]
    parts.append("mask" if row["mask"] else "")
    objective = f" ({row['objective']})" if row["objective"] else ""
    return f"{row['profile']}{objective}: {', '.join(part for part in parts if part)}, {row['created']}"


def _lines(profile: Profile) -> list[str]:
    width, height = profile.frame_size
    lines = [
        f"{profile.name or 'calibration'}: {profile.objective or 'objective not named'}, {width} × {height} pixels"
    ]
    scale, flat, controls = profile.scale, profile.flat_field, profile.controls
    if scale is not None:
        share = 100 * scale.um_per_px_uncertainty / scale.um_per_px
        lines += [
            f"  scale       {scale.um_per_px:.5f} µm/px ± {scale.um_per_px_uncertainty:.5f} (95 %, ±{share:.2g} %)",
            f"              by {scale.method}: {scale.source}",
        ]
    if flat is not None:
        falloff = f"{100 * _falloff(profile):.0f} % less light in the darkest corner"
        lines.append(f"  flat field  {falloff}; from {flat.frames} frames, {100 * flat.rest:.1f} % off a smooth course")
    if profile.mask is not None:
        left_out = ", ".join(profile.mask.kinds + ["overlays"] * (profile.mask.overlay is not None)) or "nothing"
        lines.append(f"  mask        {100 * profile.mask.share:.0f} % of a frame is slide; left out: {left_out}")
    if controls is not None:
        held = ", ".join(f"{name} {value}" for name, value in controls.values.items())
        lines.append(f"  locked      {held} ({controls.driver})")
        lines += [f"  not locked  {reason}" for reason in controls.not_locked]
    return lines
