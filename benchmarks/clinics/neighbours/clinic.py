"""Studies as archives hand them over: many series a visit, odd places of the patient, litter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import DeflatedExplicitVRLittleEndian

from clinics.neighbours.drawing import FIRST, SECOND, THIN, THIRD, of
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from tests.io.test_enhanced_ct import write_enhanced
from tests.io.wild_scans import slices, stored, trunk

STUDY = "a study with many series"
PLACED = "how the patient lay"
HEADERS = "headers that say less or other"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
DOSE_SR = "1.2.840.10008.5.1.4.1.1.88.67"


@of(STUDY)
def native_arterial_and_portal_by_name(folder: Path) -> None:
    slices(folder / "a", FIRST, number=2, SeriesDescription="Abdomen nativ")
    slices(folder / "b", SECOND, number=3, SeriesDescription="Abdomen arteriell")
    slices(folder / "c", THIRD, number=4, SeriesDescription="Abdomen portalvenös")


@of(STUDY)
def a_thick_reconstruction_beside_a_thin_one(folder: Path) -> None:
    slices(folder / "a", FIRST, number=3, SeriesDescription="Abdomen portal 5.0 B30f")
    slices(folder / "b", THIN, number=4, SeriesDescription="Abdomen portal 1.0 B30f")


@of(STUDY)
def two_studies_of_one_day(folder: Path) -> None:
    slices(folder / "a", FIRST, StudyInstanceUID="1.2.7.1", SeriesDescription="nativ")
    slices(folder / "b", SECOND, number=5, StudyInstanceUID="1.2.7.2", SeriesDescription="portal")


@of(STUDY)
def a_dose_report_as_a_picture(folder: Path) -> None:
    slices(folder / "a", FIRST)
    page = slices(folder / "b", FIRST, lambda d, k: k == 0, number=999)[0]
    dataset = pydicom.dcmread(page)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
    dataset.SeriesDescription = "Dose Info"
    dataset.save_as(page)


@of(STUDY)
def a_dose_report_in_words(folder: Path) -> None:
    slices(folder / "a", FIRST)
    page = slices(folder / "b", FIRST, lambda d, k: k == 0, number=999)[0]
    dataset = pydicom.dcmread(page)
    for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DOSE_SR
    dataset.Modality = "SR"
    dataset.save_as(page)


@of(STUDY)
def an_export_again_of_a_part(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", FIRST, lambda d, k: k < 12, number=9, first=101)


@of(STUDY)
def ct_of_a_pet_beside_the_portal_phase(folder: Path) -> None:
    slices(folder / "a", THIN, number=2, SeriesDescription="CT AC WB 1.0 HD_FoV")
    slices(folder / "b", SECOND, number=3, SeriesDescription="Abdomen portal venous 5.0")
    slices(folder / "c", THIRD, number=4, Modality="PT", SeriesDescription="PET AC")


@of(STUDY)
def ct_of_a_pet_alone(folder: Path) -> None:
    slices(folder / "a", FIRST, number=2, SeriesDescription="CT AC WB 5.0")


@of(STUDY)
def forty_kev_beside_the_usual_image(folder: Path) -> None:
    slices(folder / "a", FIRST, number=2, SeriesDescription="Abdomen portal 5.0")
    slices(folder / "b", THIN, number=3, SeriesDescription="Abdomen portal Mono 40 keV 1.0")


@of(STUDY)
def forty_kev_alone(folder: Path) -> None:
    slices(folder / "a", FIRST, number=2, SeriesDescription="Portal MonoE 40keV")


@of(STUDY)
def two_soft_kernels(folder: Path) -> None:
    slices(folder / "a", FIRST, number=2, ConvolutionKernel="B30f")
    slices(folder / "b", SECOND, number=3, ConvolutionKernel="Br44d")


@of(STUDY)
def nothing_but_a_bone_kernel(folder: Path) -> None:
    slices(folder / "a", FIRST, ConvolutionKernel="B70f")


@of(STUDY)
def two_kernels_in_one_series(folder: Path) -> None:
    slices(folder / "a", FIRST, ConvolutionKernel="B30f")
    slices(folder / "b", SECOND, first=101, ConvolutionKernel="B70f")


@of(STUDY)
def as_slices_and_as_one_enhanced_file(folder: Path) -> None:
    slices(folder / "a", FIRST)
    write_enhanced(folder / "b" / "ct.dcm", FIRST)


@of(STUDY)
def control_scans_of_a_biopsy(folder: Path) -> None:
    slices(folder / "a", FIRST)
    for number in (11, 12, 13):
        volume = trunk(number, slices=4)
        slices(folder / f"b{number}", volume, number=number, SeriesDescription="Biopsie Kontrolle")


@of(STUDY)
def litter_of_a_disk(folder: Path) -> None:
    files = slices(folder / "a", FIRST)
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "AUTORUN.INF",
        "VIEWER.EXE",
        "README.TXT",
    ):
        (folder / name).write_bytes(b"\x00\x05\x16\x07 nothing to see")
    (folder / "__MACOSX/a").mkdir(parents=True)
    for path in files[:3]:
        (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
        (folder / "__MACOSX/a" / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00")


@of(STUDY)
def a_disk_with_its_directory(folder: Path) -> None:
    files = slices(folder.parent / f"{folder.name}_source", FIRST)
    disk = FileSet()
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.StudyID, dataset.StudyTime = "1", "101500"
        disk.add(dataset)
    disk.write(folder / "disk")


@of(STUDY)
def folders_that_are_links(folder: Path) -> None:
    files = slices(folder / "a" / "ct", FIRST)
    (folder / "again").symlink_to("a")
    (files[0].parent / "up").symlink_to("..")


def _turned(columns: Any, spacing_mm: tuple[float, float, float] = (5.0, 6.0, 6.0)) -> Volume:
    direction = np.array(columns, float).T
    return Volume(FIRST.hu, Geometry(FIRST.hu.shape, spacing_mm, (-72.0, -72.0, 100.0), direction))


@of(PLACED)
def on_the_right_side(folder: Path) -> None:
    slices(folder / "a", _turned([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]), PatientPosition="HFDR")


@of(PLACED)
def feet_first(folder: Path) -> None:
    slices(folder / "a", _turned([[-1, 0, 0], [0, 1, 0], [0, 0, -1]]), PatientPosition="FFS")


@of(PLACED)
def on_the_belly(folder: Path) -> None:
    slices(folder / "a", _turned([[-1, 0, 0], [0, -1, 0], [0, 0, 1]]), PatientPosition="HFP")


@of(PLACED)
def tilted_by_twenty_degrees(folder: Path) -> None:
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    slices(folder / "a", _turned([[1, 0, 0], [0, c, s], [0, -s, c]]))


@of(PLACED)
def pixels_that_are_not_square(folder: Path) -> None:
    slices(folder / "a", _turned(np.eye(3), (5.0, 6.0, 4.0)))


def _without(*keywords: str) -> Any:
    def without(dataset: Dataset, k: int) -> None:
        for keyword in keywords:
            dataset.pop(keyword, None)

    return without


@of(HEADERS)
def the_size_of_pixels_at_the_detector_alone(folder: Path) -> None:
    slices(folder / "a", FIRST, _without("PixelSpacing"), ImagerPixelSpacing=["6", "6"])


@of(HEADERS)
def an_intercept_of_each_slice(folder: Path) -> None:
    def shifted(dataset: Dataset, k: int) -> None:
        intercept = int(float(dataset.RescaleIntercept))
        dataset.PixelData = (stored(dataset) + 7 * k).astype("<i2").tobytes()
        dataset.RescaleIntercept = str(intercept - 7 * k)

    slices(folder / "a", FIRST, shifted)


@of(HEADERS)
def deflated(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path)


@of(HEADERS)
def the_day_of_the_series_alone(folder: Path) -> None:
    undated = _without("AcquisitionDate", "ContentDate", "AcquisitionDateTime")
    slices(folder / "a", FIRST, undated, StudyDate="", SeriesDate="20240301")


@of(HEADERS)
def two_identities_of_one_name(folder: Path) -> None:
    slices(folder / "a", FIRST, PatientID="P2")


@of(HEADERS)
def an_identity_in_small_letters(folder: Path) -> None:
    slices(folder / "a", FIRST, PatientID="p1 ")


@of(HEADERS)
def no_identity_at_one_visit(folder: Path) -> None:
    slices(folder / "a", FIRST, PatientID="")


@of(HEADERS)
def no_axes(folder: Path) -> None:
    slices(folder / "a", FIRST, _without("ImageOrientationPatient"))


@of(HEADERS)
def heights_instead_of_places(folder: Path) -> None:
    def lowered(dataset: Dataset, k: int) -> None:
        dataset.SliceLocation = str(100 + 5 * k)
        del dataset.ImagePositionPatient

    slices(folder / "a", FIRST, lowered)


@of(HEADERS)
def a_spacing_that_the_places_contradict(folder: Path) -> None:
    slices(folder / "a", FIRST, SpacingBetweenSlices="2.5", SliceThickness="0")


@of(HEADERS)
def one_number_for_all_slices(folder: Path) -> None:
    slices(folder / "a", FIRST, InstanceNumber=1)
