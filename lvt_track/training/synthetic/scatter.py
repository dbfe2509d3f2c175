"""Lesions scattered anew through a crop of a liver, many and mostly small: to learn from.

A body on disk has the lesions it was drawn with, few of them small, each seen hundreds of times.
Drawn into the crop instead, no lesion is ever seen twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, Tissue, is_any, recoded
from lvt_track.phantom.course.tumors import Tumor, TumorKind, draw_tumor, stamp

__all__ = ["Scattered", "scatter_lesions", "without_lesions"]

Labels = NDArray[np.uint8]

_LESION_TISSUES = TUMOR_TISSUES | {Tissue.CYST, Tissue.FOCAL_FAT, Tissue.PERFUSION_CHANGE}

# Soft neighbours that a tumour at the surface may grow into.
_YIELDING = (
    Tissue.VISCERAL_FAT,
    Tissue.DIAPHRAGM,
    Tissue.GALLBLADDER,
    Tissue.GALLBLADDER_WALL,
    Tissue.STOMACH_WALL,
    Tissue.BOWEL_WALL,
    Tissue.BOWEL_FLUID,
    Tissue.ASCITES,
)

_SMALL_KINDS = {
    TumorKind.HYPODENSE: 0.3,
    TumorKind.RIM_ENHANCING: 0.1,
    TumorKind.NECROTIC: 0.18,
    TumorKind.HYPERVASCULAR: 0.21,
    TumorKind.CALCIFIED: 0.05,
    TumorKind.HAEMANGIOMA: 0.04,
    TumorKind.CYST: 0.15,
    TumorKind.FOCAL_FAT: 0.06,
}
_LARGE_KINDS = {
    TumorKind.HYPODENSE: 0.22,
    TumorKind.RIM_ENHANCING: 0.14,
    TumorKind.NECROTIC: 0.16,
    TumorKind.HYPERVASCULAR: 0.21,
    TumorKind.CALCIFIED: 0.05,
    TumorKind.HAEMANGIOMA: 0.04,
    TumorKind.CYST: 0.18,
    TumorKind.FOCAL_FAT: 0.08,
    TumorKind.PERFUSION: 0.02,
}
_SMALL_BELOW_MM = 12.0
# Beside one lesion of 30 mm ten of 6 mm are not felt in an overlap: nearly half the crops have
# small ones alone, and more of them, as the image shows few of those. The middle of a mass is far
# from any liver that it could be compared with: many crops have one.
_ONLY_SMALL, _WITH_MASS = 0.45, 0.3
_SMALL_MM = (5.0, 13.0)
_MIXED_MM = (4.0, 22.0)
_LARGE_MM = (22.0, 60.0)
_MASS_MM = (40.0, 130.0)
_AT_SURFACE = 0.3
# A smaller one that grows out of the liver is a speck in the fat beside it: no reader calls that.
_BULGING_FROM_MM = 8.0
# Fissures, and folds of the diaphragm that press into the liver: most of them fat, some muscle.
_FISSURES, _FISSURE = 2, 0.25
_FISSURE_IS_THIN, _THIN_IS_MUSCLE = 0.5, 0.4
# The fluid in cysts is much the same everywhere, tumours are not. Those that take up as much as the
# liver stray further, so that some are plainly brighter than it.
_SPREAD = {TumorKind.CYST: 0.25, TumorKind.HYPERVASCULAR: 1.5}


class Scattered(NamedTuple):
    """A crop with new lesions.

    Attributes:
        labels: `Tissue` codes (z, y, x).
        lesion: uint8 (z, y, x), 0 or the number of the lesion there, from 1.
        lesion_hu: float32, by number: how far each strays in brightness from its kind; 0 for none.
        is_soft: bool, by number: whose edges fade into the liver.
    """

    labels: Labels
    lesion: NDArray[np.uint8]
    lesion_hu: NDArray[np.float32]
    is_soft: NDArray[np.bool_]


def without_lesions(labels: Labels) -> Labels:
    """The labels with parenchyma in the place of every lesion."""
    table = np.arange(256, dtype=np.uint8)
    table[[int(tissue) for tissue in _LESION_TISSUES]] = Tissue.LIVER
    return recoded(labels, table)


def scatter_lesions(
    labels: Labels, spacing_mm: float, rng: np.random.Generator, spread_hu: float = 16.0
) -> Scattered:
    """Draw new lesions into a crop, and at times fissures.

    Nearly half the crops get up to 25 of 5 to 13 mm; the others up to a dozen, most of 4 to 22 mm,
    and some of these a mass of 40 to 130 mm.

    Fat in a fissure, cut across, is as round and dark as a lesion; it is not liver.

    Args:
        labels: `Tissue` codes (z, y, x); lesions are centred in their liver.
        spacing_mm: edge of a voxel.
        rng: source of chance.
        spread_hu: how far most lesions stray in brightness from their kind, standard deviation.
    """
    geometry = Geometry.axial(labels.shape, (spacing_mm,) * 3)
    liver = is_any(labels, LIVER_TISSUES)
    index = np.argwhere(liver[::2, ::2, ::2]) * 2
    number = np.zeros(labels.shape, dtype=np.uint8)
    if len(index) < 50:
        return Scattered(labels, number, np.zeros(1, np.float32), np.zeros(1, bool))
    soft_share = rng.random()
    main = _draw_kind(_LARGE_KINDS, rng)
    inside: list[Tumor] = []
    bulging: list[Tumor] = []
    deep: NDArray[np.intp] | None = None
    for diameter_mm in _draw_diameters(rng):
        kinds = _SMALL_KINDS if diameter_mm < _SMALL_BELOW_MM else _LARGE_KINDS
        # Most lesions of one patient are of one kind.
        kind = main if rng.random() < 0.5 and main in kinds else _draw_kind(kinds, rng)
        at_surface = rng.random() < _AT_SURFACE
        # Few places of a liver are so near to its surface that a small lesion reaches it.
        places = index[rng.integers(len(index), size=600 if at_surface else 40)]
        if at_surface:
            places = _near_surface(places, liver, diameter_mm / 2 / spacing_mm, rng)
        elif diameter_mm >= _MASS_MM[0]:
            deep = _deep(liver) if deep is None else deep
            places = deep[rng.integers(len(deep), size=40)]
        centre = _free_place(places, geometry, diameter_mm / 2, (*inside, *bulging), rng)
        if centre is not None:
            tumor = draw_tumor(rng, centre, diameter_mm, kind)
            grows = diameter_mm >= (_BULGING_FROM_MM if at_surface else _MASS_MM[0])
            bulges = grows and tumor.is_tumor
            (bulging if bulges else inside).append(tumor)
    out = labels
    for _ in range(int(rng.binomial(_FISSURES, _FISSURE))):
        places = index[rng.integers(len(index), size=600)]
        near = _near_surface(places, liver, 8.0 / spacing_mm, rng)
        if len(near) and rng.random() < 0.5:
            places = near
        out = _with_fissure(out, geometry, places[0], rng)
    for lesions, beyond, already in ((bulging, _YIELDING, 0), (inside, (), len(bulging))):
        out, identity = stamp(out, geometry, lesions, beyond)
        np.copyto(number, identity + already, where=identity > 0, casting="unsafe")
    drawn = (*bulging, *inside)
    is_soft = [lesion.is_tumor and rng.random() < soft_share for lesion in drawn]
    spread = [spread_hu * _SPREAD.get(t.kind, 1.0) for t in drawn]
    lesion_hu = np.append(0.0, rng.normal(0.0, spread)).astype(np.float32)
    return Scattered(out, number, lesion_hu, np.array([False, *is_soft]))


def _draw_diameters(rng: np.random.Generator) -> list[float]:
    """Mean diameters of the lesions of a crop, mm, the largest first: they find room then."""
    choice = rng.random()
    only_small, with_mass = choice < _ONLY_SMALL, choice > 1.0 - _WITH_MASS
    low, high = np.log(_SMALL_MM if only_small else _MIXED_MM)
    count = min(rng.geometric(0.1), 25) if only_small else min(rng.geometric(0.22), 12)
    sizes = np.exp(rng.uniform(low, high, count))
    if not only_small:
        is_large = rng.random(count) < 0.12
        sizes[is_large] = rng.uniform(*_LARGE_MM, np.count_nonzero(is_large))
    if with_mass:
        sizes[0] = np.exp(rng.uniform(*np.log(_MASS_MM)))
    return sorted((float(size) for size in sizes), reverse=True)


def _with_fissure(
    labels: Labels, geometry: Geometry, place: NDArray[np.intp], rng: np.random.Generator
) -> Labels:
    """The labels with a pad of fat in the liver, or a sheet of fat or muscle."""
    x, y, z = (float(v) for v in geometry.to_world(place))
    is_thin = rng.random() < _FISSURE_IS_THIN
    low, high = ([0.6, 6.0, 8.0], [2.0, 15.0, 25.0]) if is_thin else ([1.2, 4.0, 6.0], [7, 14, 20])
    a, b, c = (float(v) for v in rng.uniform(low, high))
    turn: FloatArray = Rotation.random(random_state=rng).as_matrix()
    seed = int(rng.integers(2**31))
    pad = Tumor(TumorKind.FOCAL_FAT, (x, y, z), (a, b, c), turn, 0.12, 0.0, 0.0, seed)
    _, identity = stamp(labels, geometry, [pad])
    # A thick one of muscle would be a lesion to any eye.
    is_muscle = is_thin and rng.random() < _THIN_IS_MUSCLE
    tissue = Tissue.DIAPHRAGM if is_muscle else Tissue.VISCERAL_FAT
    filled: Labels = np.where(identity > 0, tissue, labels).astype(np.uint8)
    return filled


def _draw_kind(odds: dict[TumorKind, float], rng: np.random.Generator) -> TumorKind:
    share = np.array(list(odds.values()))
    return list(odds)[int(rng.choice(len(odds), p=share / share.sum()))]


def _near_surface(
    places: NDArray[np.intp], liver: NDArray[np.bool_], reach: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The places from which a step of a radius, any way, leaves the liver."""
    way = rng.normal(size=places.shape)
    way *= 0.8 * max(reach, 2.0) / np.linalg.norm(way, axis=1, keepdims=True)
    beside = np.clip(np.round(places + way).astype(np.intp), 0, np.array(liver.shape) - 1)
    near: NDArray[np.intp] = places[~liver[tuple(beside.T)]]
    return near


def _deep(liver: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of the liver (n, 3), every fourth voxel, at half its greatest depth or more."""
    depth = distance_transform_edt(liver[::4, ::4, ::4])
    deep: NDArray[np.intp] = np.argwhere(depth >= depth.max() / 2) * 4
    return deep


def _free_place(
    places: NDArray[np.intp],
    geometry: Geometry,
    radius_mm: float,
    others: tuple[Tumor, ...],
    rng: np.random.Generator,
) -> Point | None:
    """The first place that keeps clear of the other lesions."""
    for place in places:
        centre = geometry.to_world(place + rng.uniform(-1.0, 1.0, 3))
        if all(
            float(np.linalg.norm(centre - np.array(other.centre_mm)))
            > radius_mm + max(other.radii_mm) + 1.0
            for other in others
        ):
            return float(centre[0]), float(centre[1]), float(centre[2])
    return None
