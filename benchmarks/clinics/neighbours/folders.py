"""Names, dates, masks of other programs, containers."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from clinics.neighbours.drawing import FIRST, HIDDEN, LATER, SECOND, labels, nifti, of
from lvt_track.core.geometry import Geometry
from lvt_track.io.images.volumes import write_mask
from tests.io.wild_scans import (
    JUNE,
    image,
    slices,
)

# --- names ---

NAMES = "names that are not UTF-8"


@of(NAMES)
def dicom_files_of_latin_1(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.rename(path.with_name(b"Sch\xe4del".decode(errors=HIDDEN) + path.name))


@of(NAMES)
def mha_below_shift_jis(folder: Path) -> None:
    image(folder / "2024-03-01" / "x" / "ct.mha", FIRST)
    (folder / "2024-03-01" / "x").rename(folder / "2024-03-01" / b"\x8a\xcc".decode(errors=HIDDEN))


@of(NAMES)
def a_letter_of_latin_1_beside(folder: Path) -> None:
    slices(folder / "a", FIRST)
    (folder / b"Befund M\xfcller.txt".decode(errors=HIDDEN)).write_text("none")


@of(NAMES)
def a_damaged_scan_of_latin_1(folder: Path) -> None:
    (folder / "2024-03-01").mkdir()
    (folder / "2024-03-01" / b"M\xfcller.nii.gz".decode(errors=HIDDEN)).write_bytes(b"x" * 99)


@of(NAMES)
def a_break_in_a_folders_name(folder: Path) -> None:
    slices(folder / "a\nb \x1b[31m", FIRST)


# --- dates ---

DATES = "dates"
_DATE_NAMES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


@of(DATES)
def points_in_a_date(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.write_bytes(path.read_bytes().replace(b"DA\x08\x0020240301", b"DA\x0a\x002024.03.01"))


@of(DATES)
def the_30th_of_february(folder: Path) -> None:
    slices(folder / "a", FIRST)
    for path in (folder / "a").iterdir():
        path.write_bytes(path.read_bytes().replace(b"20240301", b"20240230"))


@of(DATES, alone=True)
def one_day_in_the_headers_other_days_in_the_folders(folder: Path) -> None:
    dates = dict.fromkeys(_DATE_NAMES, "20000101")
    slices(folder / "2024-03-01", FIRST, StudyInstanceUID="1.1", **dates)
    slices(folder / "2024-06-07", LATER, date=JUNE, StudyInstanceUID="1.2", **dates)


@of(DATES)
def a_date_of_tomorrow_century(folder: Path) -> None:
    slices(folder / "a", FIRST, **dict.fromkeys(_DATE_NAMES, "20990101"))


@of(DATES)
def dcm2niix_and_a_letter(folder: Path) -> None:
    image(folder / "Abdomen_portal_20240301101500_3a.nii.gz", FIRST)


@of(DATES)
def dcm2niix_corrected_tilt(folder: Path) -> None:
    image(folder / "20240301101500_portal_4_Tilt_1.nii.gz", FIRST)
    image(folder / "20240301101500_portal_4.nii.gz", SECOND)


@of(DATES)
def dcm2niix_both_corrections(folder: Path) -> None:
    image(folder / "20240301101500_portal_4.nii.gz", SECOND)
    image(folder / "20240301101500_portal_4_Eq_1.nii.gz", FIRST)
    image(folder / "20240301101500_nativ_3.nii.gz", SECOND)


# --- masks of other programs ---

MASKS = "masks of other programs"


@of(MASKS)
def volume_and_segmentation_of_lits(folder: Path) -> None:
    image(folder / "2024-03-01" / "volume-0.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "segmentation-0.nii.gz")


@of(MASKS)
def lits_with_the_scan_as_ct(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "segmentation-12.nii")


@of(MASKS)
def nnunet_with_its_names(folder: Path) -> None:
    image(folder / "2024-03-01" / "case_0000.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "case.nii.gz")
    names = {"labels": {"background": 0, "liver": [1, 2], "tumor": 2}}
    (folder / "2024-03-01" / "dataset.json").write_text(json.dumps(names))


@of(MASKS)
def nnunet_with_names_of_other_organs(folder: Path) -> None:
    image(folder / "2024-03-01" / "case_0000.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "case.nii.gz")
    names = {"labels": {"background": 0, "kidney": 1, "kidney tumor": 2}}
    (folder / "2024-03-01" / "dataset.json").write_text(json.dumps(names))


@of(MASKS)
def msd_with_old_labels(folder: Path) -> None:
    image(folder / "2024-03-01" / "hepaticvessel_001.nii.gz", FIRST)
    labels(folder / "2024-03-01" / "labelsTr" / "hepaticvessel_001.nii.gz")
    names = {"labels": {"0": "background", "1": "Vessel", "2": "Tumour"}}
    (folder / "2024-03-01" / "dataset.json").write_text(json.dumps(names))


def slicer(folder: Path, names: tuple[str, ...]) -> None:
    """A segmentation of 3D Slicer beside the first scan."""
    image(folder / "2024-03-01" / "ct.nrrd", FIRST)
    values = (FIRST.hu > -500).astype(np.uint8) + (FIRST.hu > 100)
    drawn = sitk.GetImageFromArray(values.astype(np.uint8))
    drawn.SetSpacing(FIRST.geometry.spacing_mm[::-1])
    drawn.SetOrigin(FIRST.geometry.origin_mm)
    for k, name in enumerate(names):
        drawn.SetMetaData(f"Segment{k}_Name", name)
        drawn.SetMetaData(f"Segment{k}_LabelValue", str(k + 1))
    sitk.WriteImage(drawn, str(folder / "2024-03-01" / "Segmentation.seg.nrrd"))


@of(MASKS)
def slicer_with_names_that_are_known(folder: Path) -> None:
    slicer(folder, ("Liver", "Tumor"))


@of(MASKS)
def slicer_with_segment_1(folder: Path) -> None:
    slicer(folder, ("Segment_1", "Segment_2"))


@of(MASKS)
def totalsegmentator_with_vessels(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    for name in ("liver_vessels", "liver_tumor"):
        write_mask(
            FIRST.hu > 60,
            FIRST.geometry,
            _made(folder / "2024-03-01/segmentations" / f"{name}.nii.gz"),
        )


@of(MASKS)
def a_mask_cropped_to_the_liver(folder: Path) -> None:
    image(folder / "2024-03-01" / "ct.nii.gz", FIRST)
    part = Geometry((16, 20, 24), (5.0, 6.0, 6.0), (-72, -72, 100), np.eye(3))
    write_mask(FIRST.hu[:, :20] > 60, part, folder / "2024-03-01" / "liver.nii.gz")


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# --- containers ---

PACKED = "containers"


def packed_files(folder: Path) -> list[tuple[str, bytes]]:
    """Names and contents of the first scan's slices, which lie nowhere else then."""
    files = [(f"DICOM/{p.name}", p.read_bytes()) for p in slices(folder / "a", FIRST)]
    shutil.rmtree(folder / "a")
    return files


@of(PACKED)
def slices_in_gzip(folder: Path) -> None:
    for name, content in packed_files(folder):
        _made(folder / "a" / f"{Path(name).name}.dcm.gz").write_bytes(gzip.compress(content))


@of(PACKED)
def a_zip_of_a_visit(folder: Path) -> None:
    with zipfile.ZipFile(folder / "2024-03-01.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in packed_files(folder):
            archive.writestr(name, content)


@of(PACKED)
def a_zip_that_climbs_out(folder: Path) -> None:
    with zipfile.ZipFile(folder / "evil.zip", "w") as archive:
        for name, content in packed_files(folder):
            archive.writestr(f"../../../{name}", content)


@of(PACKED)
def a_zip_in_a_zip(folder: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for name, content in packed_files(folder):
            archive.writestr(name, content)
    with zipfile.ZipFile(folder / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())


@of(PACKED)
def a_zip_with_a_password(folder: Path) -> None:
    path = folder / "locked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in packed_files(folder):
            archive.writestr(name, content)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(bytes(content))


@of(PACKED)
def a_tar_of_a_visit(folder: Path) -> None:
    with tarfile.open(folder / "visit.tar.gz", "w:gz") as archive:
        for name, content in packed_files(folder):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@of(PACKED)
def nifti_in_bzip2(folder: Path) -> None:
    path = nifti(folder, "ct.nii")
    path.with_suffix(".nii.bz2").write_bytes(bz2.compress(path.read_bytes()))
    path.unlink()
