"""Masks as readers export them: a file a lesion, layers, contours, other names, other grids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clinics.neighbours.drawing import FIRST, labels, of
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import write_labels, write_mask
from tests.io.drawn import LIVER, Piece, write_contours, write_drawing
from tests.io.wild_scans import image, slices

DICOM, FILES = "segmentations of readers", "mask files of readers"


def _box(z: slice, y: slice, x: slice) -> BoolArray:
    mask = np.zeros(FIRST.hu.shape, np.bool_)
    mask[z, y, x] = True
    return mask


ORGAN = _box(slice(2, 14), slice(4, 20), slice(4, 20))
SPOTS = [
    _box(slice(3, 6), slice(5, 8), slice(5, 9)),
    _box(slice(8, 11), slice(10, 14), slice(9, 14)),
]
LARGER = _box(slice(3, 6), slice(5, 9), slice(5, 9))


def _exports(folder: Path, drawings: Sequence[tuple[str, BoolArray]], **header: str) -> None:
    """A segmentation of its own for each mask, a minute after the one before."""
    files = slices(folder / "ct", FIRST)
    for k, (name, mask) in enumerate(drawings):
        write_drawing(
            folder / f"seg{k}.dcm",
            files,
            [Piece(name, mask)],
            ContentDate="20240302",
            ContentTime=f"1015{k:02}",
            **header,
        )


@of(DICOM)
def a_file_for_each_lesion(folder: Path) -> None:
    _exports(folder, [("Liver tumor 1", SPOTS[0]), ("Liver tumor 2", SPOTS[1])])


@of(DICOM)
def a_file_for_each_lesion_and_the_liver(folder: Path) -> None:
    _exports(folder, [("Liver", ORGAN), ("HCC 1", SPOTS[0]), ("HCC 2", SPOTS[1])],
             SeriesDescription="Liver")  # fmt: skip


@of(DICOM)
def a_file_for_each_lesion_all_of_one_name(folder: Path) -> None:
    _exports(folder, [("Liver tumor", SPOTS[0]), ("Liver tumor", SPOTS[1])])


@of(DICOM)
def a_file_for_each_lesion_one_drawn_anew(folder: Path) -> None:
    drawings = [SPOTS[0], SPOTS[1], LARGER]
    names = ["Liver tumor 1", "Liver tumor 2", "Liver tumor 1"]
    _exports(folder, list(zip(names, drawings, strict=True)))


@of(DICOM)
def two_readings_of_one_lesion(folder: Path) -> None:
    files = slices(folder / "ct", FIRST)
    for reader, mask in (("A", SPOTS[0]), ("B", LARGER)):
        pieces = [Piece("Liver tumor 1", mask)]
        write_drawing(
            folder / f"{reader}.dcm", files, pieces, ContentCreatorName=f"{reader}^Reader"
        )


@of(DICOM)
def contours_of_a_tumour(folder: Path) -> None:
    files = slices(folder / "ct", FIRST)
    write_contours(folder / "contours.dcm", files, [("Liver tumor 1", SPOTS[0])], FIRST.geometry)


@of(DICOM)
def contours_of_organs_at_risk(folder: Path) -> None:
    files = slices(folder / "ct", FIRST)
    organs = [("Kidney_L", SPOTS[0]), ("Spinal cord", ORGAN)]
    write_contours(folder / "contours.dcm", files, organs, FIRST.geometry)


def _beside(folder: Path, masks: dict[str, BoolArray]) -> None:
    """A scan with mask files beside it."""
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    for name, mask in masks.items():
        path = folder / "2024-03-01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mask(mask, FIRST.geometry, path)


@of(FILES)
def a_numbered_file_for_each_lesion(folder: Path) -> None:
    _beside(folder, {"tumor_1.nii.gz": SPOTS[0], "tumor_2.nii.gz": SPOTS[1]})


@of(FILES)
def a_numbered_file_for_each_lesion_beside_dicom(folder: Path) -> None:
    slices(folder / "a", FIRST)
    for k, mask in enumerate(SPOTS, start=1):
        write_mask(mask, FIRST.geometry, folder / "a" / f"Liver tumor {k}.nii.gz")


@of(FILES)
def files_of_two_readers(folder: Path) -> None:
    _beside(folder, {"tumors_reader1.nii.gz": SPOTS[0], "tumors_reader2.nii.gz": LARGER})


@of(FILES)
def layers_of_3d_slicer(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    path = folder / "2024-03-01" / "Segmentation.seg.nrrd"
    write_layers(path, [("Liver", ORGAN), ("Liver tumor 1", SPOTS[0]), ("Liver tumor 2", SPOTS[1])])


def write_layers(path: Path, segments: Sequence[tuple[str, BoolArray]]) -> None:
    """As 3D Slicer writes segments that overlap: a list of volumes, here one a segment."""
    import gzip

    geometry = FIRST.geometry
    z, y, x = geometry.spacing_mm
    origin = ",".join(str(value) for value in geometry.origin_mm)
    size = " ".join(str(n) for n in geometry.shape[::-1])
    lines = [
        *("NRRD0004", "type: unsigned char", "dimension: 4", "space: left-posterior-superior"),
        f"sizes: {len(segments)} {size}",
        f"space directions: none ({x},0,0) (0,{y},0) (0,0,{z})",
        *("kinds: list domain domain domain", "encoding: gzip", f"space origin: ({origin})"),
    ]
    for k, (name, _) in enumerate(segments):
        lines += [f"Segment{k}_ID:=Segment_{k}", f"Segment{k}_Name:={name}"]
        lines += [f"Segment{k}_LabelValue:=1", f"Segment{k}_Layer:={k}"]
    voxels = np.stack([mask for _, mask in segments], axis=-1).astype(np.uint8)
    header = "\n".join(lines) + "\n\n"
    path.write_bytes(header.encode() + gzip.compress(voxels.tobytes(), mtime=0))


@of(FILES)
def liver_and_tumour_under_a_name_that_says_nothing(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "segmentation.nii.gz")


@of(FILES)
def half_a_voxel_off(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    grid = Geometry(FIRST.hu.shape, FIRST.geometry.spacing_mm, (-69.0, -72.0, 100.0), np.eye(3))
    write_mask(SPOTS[0], grid, folder / "2024-03-01" / "tumors.nii.gz")


@of(FILES)
def voxels_of_another_size(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    grid = Geometry((16, 48, 48), (5.0, 3.0, 3.0), (-73.5, -73.5, 100.0), np.eye(3))
    fine = SPOTS[0].repeat(2, axis=1).repeat(2, axis=2)
    write_mask(fine, grid, folder / "2024-03-01" / "tumors.nii.gz")


@of(FILES)
def one_millimetre_for_all_axes(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    grid = Geometry(FIRST.hu.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    write_mask(SPOTS[0], grid, folder / "2024-03-01" / "tumors.nii.gz")


@of(FILES)
def axes_the_other_way_round(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    last = FIRST.geometry.to_world(np.array([15, 23, 23]))
    turned = Geometry(FIRST.hu.shape, (5.0, 6.0, 6.0), tuple(map(float, last)), -np.eye(3))
    write_mask(SPOTS[0][::-1, ::-1, ::-1].copy(), turned, folder / "2024-03-01" / "tumors.nii.gz")


@of(FILES)
def no_tumour_at_all(folder: Path) -> None:
    _beside(folder, {"tumors.nii.gz": np.zeros_like(ORGAN), "liver.nii.gz": ORGAN})


@of(FILES)
def german_names(folder: Path) -> None:
    _beside(folder, {"Leber.nii.gz": ORGAN, "Tumor.nii.gz": SPOTS[0]})


@of(FILES)
def french_names(folder: Path) -> None:
    _beside(folder, {"foie.nii.gz": ORGAN, "tumeurs.nii.gz": SPOTS[0]})


@of(FILES)
def lesions_instead_of_tumours(folder: Path) -> None:
    _beside(folder, {"liver.nii.gz": ORGAN, "liver_lesions.nii.gz": SPOTS[0] | SPOTS[1]})


@of(FILES)
def soft_edges_from_resampling(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    soft = np.zeros(FIRST.hu.shape, np.uint8)
    soft[3:9, 5:15, 5:15] = np.random.default_rng(0).integers(1, 255, (6, 10, 10))
    soft[4:8, 7:13, 7:13] = 255
    path = folder / "2024-03-01" / "tumors.nii.gz"
    write_nifti(soft, path, new_header(FIRST.geometry))


@of(FILES)
def zero_and_255(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    path = folder / "2024-03-01" / "tumors.nii.gz"
    write_nifti((255 * SPOTS[0]).astype(np.uint8), path, new_header(FIRST.geometry))


@of(FILES)
def in_a_folder_beside_dicom(folder: Path) -> None:
    slices(folder / "v1" / "dicom", FIRST)
    (folder / "v1" / "masks").mkdir()
    write_mask(SPOTS[0], FIRST.geometry, folder / "v1" / "masks" / "tumors.nii.gz")


@of(FILES)
def in_a_folder_beside_a_file(folder: Path) -> None:
    _beside(folder, {"masks/tumors.nii.gz": SPOTS[0], "masks/liver.nii.gz": ORGAN})


@of(FILES)
def in_other_formats(folder: Path) -> None:
    _beside(folder, {"tumors.mha": SPOTS[0], "liver.nrrd": ORGAN})


@of(FILES)
def a_label_for_each_lesion(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    values = 1 * SPOTS[0] + 2 * SPOTS[1]
    path = folder / "2024-03-01" / "tumors.nii.gz"
    write_labels(values.astype(np.int32), FIRST.geometry, path)


@of(DICOM)
def labels_that_a_region_explains(folder: Path) -> None:
    files = slices(folder / "ct", FIRST)
    pieces = [Piece(f"Ziel {k}", mask, region=LIVER) for k, mask in enumerate(SPOTS, start=1)]
    write_drawing(folder / "seg.dcm", files, pieces)
