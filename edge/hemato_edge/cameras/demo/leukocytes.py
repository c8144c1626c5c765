"""Drawing of each kind of nucleated cell: shape of the nucleus, chromatin, cytoplasm, granules.

Sizes follow textbook ranges and the PBC images: diameters in micrometres, mean and standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.demo import nuclei, stain
from hemato_edge.cameras.demo.stain import Canvas, soft, wobbly_outline
from hemato_edge.labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hemato_edge.cameras.demo.nuclei import Nucleus
    from hemato_edge.cameras.demo.stain import Outline, Plane


@dataclass(frozen=True, slots=True)
class Build:
    """Size and outline of one kind of cell: diameters in micrometres, `wobble` and elongation relative."""

    mean_um: float
    deviation_um: float
    wobble: float
    elongation: float


BUILDS: dict[str, Build] = {
    "neutrophil": Build(12.9, 0.8, 0.025, 1.10),
    "eosinophil": Build(13.6, 0.8, 0.025, 1.12),
    "basophil": Build(12.8, 0.8, 0.035, 1.15),
    "lymphocyte": Build(9.6, 0.8, 0.032, 1.12),
    "monocyte": Build(15.6, 1.0, 0.075, 1.20),
    "immature_granulocyte": Build(14.6, 1.1, 0.040, 1.15),
    "erythroblast": Build(8.9, 0.7, 0.035, 1.12),
}


def leukocyte_outline(label: str, seed: int, um_per_px: float) -> Outline:
    """The outline of one nucleated cell, (N, 2) float32, pixels from its centre; determined by the seed."""
    rng = np.random.default_rng([seed, 0])
    build = BUILDS[BY_NAME[label].drawn_as]
    diameter_um = build.mean_um + build.deviation_um * float(np.clip(rng.normal(), -2, 2))
    outline = wobbly_outline(rng, diameter_um / um_per_px, build.wobble, rng.uniform(1.0, build.elongation), points=120)
    return np.asarray(outline - (outline.max(axis=0) + outline.min(axis=0)) / 2, np.float32)


def draw_leukocyte(label: str, seed: int, outline: Outline) -> NDArray[np.float16]:
    """One nucleated cell as a square patch of optical density, (S, S, 3) float16 BGR, centred on the cell."""
    canvas = Canvas(np.random.default_rng([seed, 1]), int(np.abs(outline).max()) + 8)
    body = canvas.distance(outline)
    radius_px = float(np.sqrt(np.ptp(outline[:, 0]) * np.ptp(outline[:, 1])) / 2)
    _PAINTERS[BY_NAME[label].drawn_as](canvas, body, radius_px)
    return canvas.patch()


def _cytoplasm(canvas: Canvas, body: Plane, colour: stain.Density, nucleus: Nucleus, texture: float) -> None:
    """A mottled cytoplasm with a slightly darker rim, thinner where the nucleus fills the cell."""
    mottle = 1 + 0.85 * texture * canvas.noise(3.2) + 0.7 * texture * canvas.noise(9.0)
    rim = 0.25 * np.exp(-(((body - 1.5) / 2.0) ** 2))
    amount = np.clip(mottle + rim, 0.1, 2.0) * soft(body, 2.0) * (1 - 0.8 * nucleus.cover())
    canvas.add(colour, np.asarray(amount, np.float32))


def _kept_in(nucleus: Nucleus, body: Plane, margin_px: float = 2.5) -> Nucleus:
    """The nucleus, clipped to the cell."""
    return nuclei.Nucleus(np.minimum(nucleus.distance, body - np.float32(margin_px)), nucleus.lobes)


def _diluted(colour: stain.Density, share: float) -> stain.Density:
    """The same stain at lower uptake."""
    return colour[0] * share, colour[1] * share, colour[2] * share


def _outside(body: Plane, nucleus: Nucleus, margin_px: float) -> Plane:
    """Signed distance of the cytoplasm: inside the cell and outside the nucleus."""
    return np.minimum(body - np.float32(margin_px), -nucleus.distance)


def _neutrophil(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    if rng.random() < 0.16:
        nucleus = nuclei.bent(
            canvas, radius_px, ring=rng.uniform(0.42, 0.5), span_deg=rng.uniform(190, 270), thickness=0.25
        )
    else:
        lobes = int(rng.choice([2, 3, 4, 5], p=[0.10, 0.42, 0.36, 0.12]))
        nucleus = nuclei.segmented(canvas, radius_px, lobes, rng.uniform(0.36, 0.43))
    nucleus = _kept_in(nucleus, body)
    _cytoplasm(canvas, body, _diluted(stain.CYTOPLASM_LILAC, rng.uniform(0.8, 1.1)), nucleus, 0.22)
    specks = canvas.granules(_outside(body, nucleus, 2.0), rng.uniform(5.0, 8.0), (0.7, 1.5))
    canvas.add(stain.GRANULE_AZUROPHIL, specks * np.float32(rng.uniform(0.25, 0.55)))
    canvas.add(stain.NUCLEUS, nuclei.stained(canvas, nucleus, nuclei.SEGMENTED))


def _eosinophil(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    nucleus = nuclei.segmented(canvas, radius_px, 3 if rng.random() < 0.15 else 2, rng.uniform(0.30, 0.36), 0.18, 2.1)
    nucleus = _kept_in(nucleus, body)
    _cytoplasm(canvas, body, _diluted(stain.CYTOPLASM_GREY, 0.35), nucleus, 0.15)
    region = _outside(body, nucleus, 1.0)
    coarse = canvas.granules(region, 3.6, (1.7, 2.9), 0.62)
    amount = coarse * (0.92 + 0.12 * canvas.noise(3.0)) * (1 - 0.6 * nucleus.cover())
    canvas.add(stain.GRANULE_EOSIN, np.asarray(amount, np.float32) * np.float32(rng.uniform(0.9, 1.1)))
    canvas.add(stain.NUCLEUS, nuclei.stained(canvas, nucleus, nuclei.SEGMENTED))


def _basophil(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    nucleus = nuclei.segmented(canvas, radius_px, 2 if rng.random() < 0.6 else 3, share=rng.uniform(0.5, 0.62))
    nucleus = _kept_in(nucleus, body)
    _cytoplasm(canvas, body, stain.CYTOPLASM_LILAC, nucleus, 0.25)
    canvas.add(stain.NUCLEUS, nuclei.stained(canvas, nucleus, nuclei.MYELOID) * np.float32(0.72))
    beads = canvas.granules(np.asarray(body + 1.0, np.float32), rng.uniform(5.6, 7.6), (1.4, 3.4))
    crowd = soft(canvas.noise(4.6) + np.float32(rng.uniform(-0.5, 0.3)), 0.9) * soft(body - 2.0, 2.0)
    amount = np.maximum(beads, crowd * (0.85 + 0.12 * canvas.noise(3.0))) * (1 - 0.6 * nucleus.cover())
    canvas.add(stain.GRANULE_BASOPHIL, np.asarray(amount, np.float32))


def _lymphocyte(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    size = rng.uniform(0.87, 0.95) if rng.random() < 0.8 else rng.uniform(0.78, 0.87)
    nucleus = nuclei.rounded(canvas, radius_px, size, offset=0.9 * (1 - size), elongation=rng.uniform(1.0, 1.12))
    nucleus = _kept_in(nucleus, body, 1.0)
    _cytoplasm(canvas, body, stain.CYTOPLASM_BLUE, nucleus, 0.2)
    canvas.add(stain.NUCLEUS, nuclei.stained(canvas, nucleus, nuclei.LYMPHOID))


def _monocyte(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    form = rng.random()
    if form < 0.4:
        nucleus = nuclei.bent(canvas, radius_px, ring=0.36, span_deg=rng.uniform(140, 200), thickness=0.36)
    elif form < 0.6:
        nucleus = nuclei.bent(canvas, radius_px, ring=0.46, span_deg=rng.uniform(200, 240), thickness=0.28)
    else:
        nucleus = nuclei.folded(canvas, radius_px, rng.uniform(0.46, 0.54))
    nucleus = _kept_in(nucleus, body)
    _cytoplasm(canvas, body, stain.CYTOPLASM_GREY, nucleus, 0.27)
    specks = canvas.granules(_outside(body, nucleus, 2.0), 5.0, (0.6, 1.1))
    canvas.add(stain.GRANULE_AZUROPHIL, specks * np.float32(0.18))
    canvas.add(stain.NUCLEUS_PALE, nuclei.stained(canvas, nucleus, nuclei.LACY))
    _vacuoles(canvas, body, int(rng.integers(0, 7)))


def _vacuoles(canvas: Canvas, body: Plane, count: int) -> None:
    """Clear, round holes near the border of the cell."""
    spots = np.argwhere((body > 5) & (body < 16))
    if not count or not len(spots):
        return
    chosen = spots[canvas.rng.integers(0, len(spots), count)][:, ::-1]
    centres = (chosen / stain.SUPERSAMPLE - canvas.half_px).astype(np.float32)
    radii = canvas.rng.uniform(2.0, 4.5, count).astype(np.float32)
    holes = soft(canvas.distance_to_discs(centres, radii), 1.6)
    half = 2 * canvas.half_px
    small = np.asarray(holes.reshape(half, stain.SUPERSAMPLE, half, stain.SUPERSAMPLE).mean(axis=(1, 3)))
    canvas.density *= 1 - np.float32(0.85) * small[..., None]


def _immature_granulocyte(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    stage = rng.random()
    if stage < 0.3:  # promyelocyte: large nucleus, granules over everything
        nucleus = nuclei.rounded(canvas, radius_px, 0.74, offset=0.16, wobble=0.05, elongation=rng.uniform(1.0, 1.25))
    elif stage < 0.7:  # myelocyte: round or oval, off-centre
        nucleus = nuclei.rounded(canvas, radius_px, 0.64, offset=0.26, wobble=0.05, elongation=rng.uniform(1.0, 1.3))
    else:  # metamyelocyte: indented
        nucleus = nuclei.bent(canvas, radius_px, ring=0.32, span_deg=rng.uniform(110, 150), thickness=0.40)
    nucleus = _kept_in(nucleus, body)
    base = stain.CYTOPLASM_GREY if stage < 0.7 else stain.CYTOPLASM_LILAC
    _cytoplasm(canvas, body, _diluted(base, rng.uniform(0.6, 0.95)), nucleus, 0.22)
    region = np.asarray(body - 2.0, np.float32) if stage < 0.3 else _outside(body, nucleus, 1.5)
    specks = canvas.granules(region, rng.uniform(4.8, 6.6), (0.8, 1.9))
    strength = (0.9 if stage < 0.7 else 0.5) * (1 - 0.6 * nucleus.cover())
    canvas.add(stain.GRANULE_AZUROPHIL, np.asarray(specks * strength, np.float32))
    canvas.add(stain.NUCLEUS, nuclei.stained(canvas, nucleus, nuclei.MYELOID))


def _erythroblast(canvas: Canvas, body: Plane, radius_px: float) -> None:
    rng = canvas.rng
    size = rng.uniform(0.58, 0.74)
    nucleus = nuclei.rounded(canvas, radius_px, size, offset=rng.uniform(0, 0.25), wobble=0.02, elongation=1.06)
    if rng.random() < 0.5:  # polychromatic: blue-grey, chromatin still in blocks
        _cytoplasm(canvas, body, stain.CYTOPLASM_ERYTHROID, nucleus, 0.07)
        canvas.add(stain.NUCLEUS_PYKNOTIC, nuclei.stained(canvas, nucleus, nuclei.BLOCKY))
    else:  # orthochromatic: nearly the colour of a red cell, nucleus a dark ball
        _cytoplasm(canvas, body, stain.CYTOPLASM_ORTHOCHROMATIC, nucleus, 0.05)
        canvas.add(stain.NUCLEUS_PYKNOTIC, nuclei.stained(canvas, nucleus, nuclei.PYKNOTIC))


_PAINTERS: dict[str, Callable[[Canvas, Plane, float], None]] = {
    "neutrophil": _neutrophil,
    "eosinophil": _eosinophil,
    "basophil": _basophil,
    "lymphocyte": _lymphocyte,
    "monocyte": _monocyte,
    "immature_granulocyte": _immature_granulocyte,
    "erythroblast": _erythroblast,
}
