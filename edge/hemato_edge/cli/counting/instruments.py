"""What one run of `hemato-edge run` counts with: the settings, the models, the camera, the calibration, the store."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.cameras.recovery.guarded import GuardedCamera
    from hemato_edge.pipeline.calibrated import SessionCalibration
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.settings import Resolved, Settings
    from hemato_edge.site.parts import Head, SitePart
    from hemato_edge.store.records import SessionStart
    from hemato_edge.store.writer import Writer
    from hemato_edge.vision.classify.classifier import Classifier, TFLiteClassifier
    from hemato_edge.vision.locate.kind import RecordedLocator
    from hemato_edge.vision.red_cells.shapes import ShapeNamer


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a run counts with.

    Attributes:
        resolved: the settings, and where each came from.
        classifier, locator: verified.
        calibration: of the profile that was asked for; None without one.
        camera: not yet open.
        shapes: names shapes of red cells; None where no head for them is set.
    """

    resolved: Resolved
    classifier: TFLiteClassifier
    locator: RecordedLocator
    calibration: SessionCalibration | None
    camera: GuardedCamera
    shapes: ShapeNamer | None = None

    @property
    def settings(self) -> Settings:
        """The effective settings."""
        return self.resolved.settings

    @property
    def _site(self) -> SitePart | None:
        """What the profile holds of the check of this microscope."""
        return None if self.calibration is None else self.calibration.profile.site

    def verified(self) -> str:
        """Whether this microscope is verified, in one line."""
        from hemato_edge.site.record import holding
        from hemato_edge.site.verified_line import verification_line

        return verification_line(holding(self._site, self.classifier.model.bundle.sha256, self._head))

    @property
    def _head(self) -> Head | None:
        """The site's own head, where its profile has one for this model."""
        from hemato_edge.site.record import fitting_head

        return fitting_head(self._site, self.classifier.model.bundle.sha256)

    @property
    def naming(self) -> Classifier:
        """Who names the cells: the classifier, with the site's own head where there is one."""
        from hemato_edge.pipeline.site_classifier import SiteClassifier

        head = self._head
        if head is None and self._site is not None and self._site.head is not None:
            logging.getLogger(__name__).warning(
                "the site's own head is for another model and is not used; fit it again with `hemato-edge site adapt`"
            )
        return self.classifier if head is None else SiteClassifier(self.classifier, head)

    def analyzer(self) -> FieldAnalyzer:
        """A fresh one."""
        from hemato_edge.counting.mapping.registration import Registration
        from hemato_edge.pipeline.field import FieldAnalyzer
        from hemato_edge.pipeline.field_mask import mask_of
        from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
        from hemato_edge.store.file.map_pictures import MapPictures
        from hemato_edge.store.file.space import has_room
        from hemato_edge.vision.quality import QualityGate

        gate = QualityGate(**self.settings.quality.model_dump())
        mask = mask_of(self.settings.camera, None if self.calibration is None else self.calibration.known_mask)
        red_cells = RedCellSurvey(measure=self.settings.red_cells.measure, shapes=self.shapes)
        path, least_mb = self.settings.store.path, self.settings.store.portraits_min_free_mb
        registrar = Registration(pictures=MapPictures(path.parent, lambda: has_room(path, least_mb)))
        seeing = gate, self.locator, self.naming, self.calibration, registrar
        return FieldAnalyzer(*seeing, mask=mask, red_cells=red_cells)

    def session_start(self, label: str, target: int | None, control: str = "") -> SessionStart:
        """What is recorded of a session that begins now; `control`: lot of the control slide, if it is of one."""
        from datetime import datetime, timezone

        from hemato_edge.counting.red_cells.shapes import SECTION as SHAPES
        from hemato_edge.counting.subtypes import SECTION as SUBTYPES
        from hemato_edge.credentials import without_secrets
        from hemato_edge.site.record import SECTION, site_section
        from hemato_edge.store.recorded_settings import CONTROL, LOT
        from hemato_edge.store.records import SessionStart

        bundle = self.classifier.model.bundle
        calibration = {} if self.calibration is None else {"calibration": self.calibration.session_section()}
        site = {SECTION: site_section(self._site, bundle.sha256, self._head, self.classifier.card.abroad)}
        slide = {CONTROL: {LOT: control}} if control else {}
        shapes = {} if self.shapes is None else {SHAPES: self.shapes.session_section()}
        told = {one.name: one.told for one in self.classifier.card.subtypes}
        subtypes = {SUBTYPES: told} if told else {}
        return SessionStart(
            camera=without_secrets(self.settings.camera.spec),
            label=label,
            target=target,
            model_name=bundle.card.name,
            model_sha256=bundle.sha256,
            settings=self.resolved.values() | calibration | site | slide | shapes | subtypes,
            versions=self.versions(),
            utc=datetime.now(timezone.utc),
            monotonic_s=time.monotonic(),
            confusion=self.classifier.card.confusion,
        )

    def versions(self) -> dict[str, str]:
        """Of everything that has a say in the counts."""
        import platform

        import cv2
        import numpy as np

        from hemato_edge.about import __version__

        runtime = self.classifier.model.runtime
        return {
            "hemato-edge": __version__,
            "locator": self.locator.provenance,
            runtime.name: runtime.version,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        }

    def model(self) -> dict[str, str]:
        """Name and hash of the classifier."""
        bundle = self.classifier.model.bundle
        return {"model": bundle.card.name, "model_sha256": bundle.sha256}


def make_instruments(resolved: Resolved) -> Instruments:
    """The instruments that the settings ask for.

    Raises:
        HematoEdgeError: a model, the profile or the kind of camera is not there, or not sound.
    """
    from hemato_edge.vision.classify.classifier import load_classifier
    from hemato_edge.vision.locate.choice import load_locator

    settings = resolved.settings
    calibration = _calibration(settings)
    model = settings.model
    classifier = load_classifier(**model.model_dump())
    locator = load_locator(**settings.locator.model_dump(), **model.model_dump(exclude={"path"}))
    camera = _camera(settings, calibration)
    return Instruments(resolved, classifier, locator, calibration, camera, shape_namer(settings))


def without_lost_profile(resolved: Resolved) -> Resolved:
    """The settings without the profile that was chosen on the page, where that is gone or damaged; it is warned of.

    For a run that waits: it shows its picture and lets another profile be chosen. A profile that a person named on the
    command line, in the environment or in the configuration file is needed, and its loss ends the run.
    """
    from dataclasses import replace

    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.errors import CalibrationError

    asked = resolved.settings.calibration
    if asked.profile is None or not resolved.origins["calibration.profile"].startswith(f"file {resolved.changes},"):
        return resolved
    try:
        ProfileFolder(asked.folder).load(asked.profile)
    except CalibrationError as error:
        logging.getLogger(__name__).warning(
            "profile_lost: %s It was chosen on the page. Choose another one there.", error.message
        )
        none = asked.model_copy(update={"profile": None})
        return replace(resolved, settings=resolved.settings.model_copy(update={"calibration": none}))
    return resolved


def open_store(settings: Settings) -> Writer:
    """The database, open for writing."""
    from hemato_edge.store.seal import find_key
    from hemato_edge.store.write.retention import Retention
    from hemato_edge.store.writer import PATIENCE_S, open_writer

    store = settings.store
    retention = Retention(**settings.portraits.model_dump())
    return open_writer(
        store.path,
        store.min_free_mb,
        store.portraits_min_free_mb,
        store.reserve_mb,
        retention,
        patience_s=PATIENCE_S,
        group_readable=store.group_readable,
        key=find_key(store.chain_key_file),
    )


def checked_store(settings: Settings) -> Path:
    """The database's path: it is there, sound, and can be written."""
    with open_store(settings) as writer:
        return writer.path


def shape_namer(settings: Settings) -> ShapeNamer | None:
    """What names shapes of red cells, where it is asked for."""
    if settings.red_cells.shapes is None or not settings.red_cells.measure:
        return None
    from hemato_edge.vision.red_cells.shapes import load_shape_namer

    return load_shape_namer(settings.red_cells.shapes, settings.model.trusted_keys)


def _calibration(settings: Settings) -> SessionCalibration | None:
    """The profile that was asked for, ready to work."""
    name = settings.calibration.profile
    if name is None:
        return None
    from hemato_edge.calibration.profiles import ProfileFolder
    from hemato_edge.pipeline.calibrated import SessionCalibration

    return SessionCalibration(ProfileFolder(settings.calibration.folder).load(name))


def _camera(settings: Settings, calibration: SessionCalibration | None) -> GuardedCamera:
    from hemato_edge.cameras.camera import Noise
    from hemato_edge.cameras.factory import make_guarded_camera
    from hemato_edge.cameras.turned import turned

    camera = settings.camera
    noise = None if camera.noise == "auto" else Noise(camera.noise)
    if calibration is None:
        return make_guarded_camera(
            camera.spec, camera, lambda unprepared: turned(unprepared, camera.rotate), noise=noise
        )
    from hemato_edge.pipeline.calibrated import sized_like

    return make_guarded_camera(
        camera.spec,
        sized_like(camera, calibration.profile),
        lambda unprepared: calibration.prepared(turned(unprepared, camera.rotate), camera.open_timeout_s),
        noise=noise,
    )
