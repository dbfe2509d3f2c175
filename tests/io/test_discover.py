from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, discover, read_scan, series_at
from lvt_track.io.images.volumes import read_mask, write_mask, write_volume

MARCH, JUNE = dt.date(2024, 3, 1), dt.date(2024, 6, 7)


def reasons(found: Discovery) -> str:
    return "\n".join(f"{item.path}: {item.reason}" for item in found.left_out)


def failures(found: Discovery) -> list[Path]:
    return [item.path for item in found.left_out if item.is_failure]


def put(volume: Volume, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(volume, path)
    return path


def put_mask(volume: Volume, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(volume.hu > 0, volume.geometry, path)
    return path


# --- image files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("2024-03-01/portal.nii.gz", "2024-06-07/portal.nii.gz"),
        ("20240301/ct.nii.gz", "20240607/ct.nii.gz"),
        ("2024-03-01/ct.nrrd", "2024-06-07/ct.mha"),
        ("2024-03-01 first/ct.nii", "2024-06-07 second/ct.nii"),
        ("2024-03-01_ct.nii.gz", "ct_20240607.nii.gz"),
        ("scans/2024-03-01/nifti/ct.nii.gz", "scans/2024-06-07/nifti/ct.nii.gz"),
    ],
)
def test_dated_folders(tmp_path: Path, ct: Volume, names: tuple[str, str]) -> None:
    for name in names:
        put(ct, tmp_path / "Jo" / name)
    found = discover(tmp_path / "Jo")
    assert found.patient == "Jo"
    assert [visit.date for visit in found.visits] == [MARCH, JUNE]
    assert not found.left_out
    for visit, name in zip(found.visits, names, strict=True):
        assert visit.tracked_series.files == (tmp_path / "Jo" / name,)
        np.testing.assert_array_equal(read_scan(visit.tracked_series).hu, ct.hu)


def test_masks_beside_scans(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "2024-03-01/ct.nii.gz")
    put_mask(ct, tmp_path / "2024-03-01/liver.nii.gz")
    put_mask(ct, tmp_path / "2024-03-01/tumors.mha")
    put(ct, tmp_path / "2024-06-07/portal.nii.gz")
    put(ct, tmp_path / "2024-06-07/arterial.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07/portal_liver.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07/arterial_liver.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07/vessels.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07/delayed_liver.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07/lesion_mask.nii.gz")
    first, second = (found := discover(tmp_path)).visits
    names = {name: mask.path.name for name, mask in first.tracked_series.masks.items()}
    assert names == {"liver": "liver.nii.gz", "tumors": "tumors.mha"}
    masks = {series.phase: series.masks for series in second.series}
    assert {name: mask.path.name for name, mask in masks[Phase.PORTAL].items()} == {
        "liver": "portal_liver.nii.gz",
        "vessels": "vessels.nii.gz",
    }
    assert masks[Phase.ARTERIAL]["liver"].path.name == "arterial_liver.nii.gz"
    assert second.tracked_series.phase is Phase.PORTAL
    assert "delayed_liver.nii.gz: a mask without a scan" in reasons(found)
    assert "lesion_mask.nii.gz: a mask or label map by its values" in reasons(found)
    assert not failures(found)


def test_masks_of_dated_files_in_one_folder(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "2024-03-01_ct.nii.gz")
    put_mask(ct, tmp_path / "2024-03-01_liver.nii.gz")
    put(ct, tmp_path / "2024-06-07_arterial.nii.gz")
    put(ct, tmp_path / "2024-06-07_portal.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07_liver.nii.gz")
    put_mask(ct, tmp_path / "2024-06-07_arterial_tumors.nii.gz")
    put_mask(ct, tmp_path / "vessels.nii.gz")
    found = discover(tmp_path)
    masks = {
        series.description: {name: mask.path.name for name, mask in series.masks.items()}
        for visit in found.visits
        for series in visit.series
    }
    assert masks == {
        "2024-03-01_ct": {"liver": "2024-03-01_liver.nii.gz"},
        "2024-06-07_arterial": {"tumors": "2024-06-07_arterial_tumors.nii.gz"},
        "2024-06-07_portal": {"liver": "2024-06-07_liver.nii.gz"},
    }
    assert "vessels.nii.gz: a mask without a scan beside it, or of an unclear one" in reasons(found)


def test_bids_with_sessions(tmp_path: Path, ct: Volume) -> None:
    subject = tmp_path / "sub-07"
    put(ct, subject / "ses-a/ct/sub-07_ses-a_ce-portal_ct.nii.gz")
    put(ct, subject / "ses-a/ct/sub-07_ses-a_ce-arterial_ct.nii.gz")
    put_mask(ct, subject / "ses-a/ct/sub-07_ses-a_ce-portal_liver.nii.gz")
    put(ct, subject / "ses-b/ct/sub-07_ses-b_ct.nii.gz")
    put_mask(ct, subject / "ses-b/ct/sub-07_ses-b_liver.nii.gz")
    (subject / "sub-07_sessions.tsv").write_text(
        "session_id\tacq_time\nses-b\t2024-03-01T10:00:00\nses-a\t2024-06-07\n"
    )
    for folder in (tmp_path, subject):
        found = discover(folder)
        assert found.patient == "sub-07"
        assert [visit.date for visit in found.visits] == [MARCH, JUNE]
        before, after = (visit.tracked_series for visit in found.visits)
        assert after.phase is Phase.PORTAL
        assert before.masks["liver"].path.name == "sub-07_ses-b_liver.nii.gz"
        assert after.masks["liver"].path.name == "sub-07_ses-a_ce-portal_liver.nii.gz"
        assert len(found.visits[1].series) == 2


def test_a_damaged_scan_is_a_failure_the_rest_goes_on(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "2024-03-01/ct.nii.gz")
    bad = put(ct, tmp_path / "2024-06-07/ct.nii.gz")
    bad.write_bytes(b"nothing")
    found = discover(tmp_path)
    assert [visit.date for visit in found.visits] == [MARCH]
    assert failures(found) == [bad]


def test_an_undated_visit_is_a_failure(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "2024-03-01/ct.nii.gz")
    undated = put(ct, tmp_path / "follow-up/ct.nii.gz")
    found = discover(tmp_path)
    assert failures(found) == [undated]
    assert "no date" in reasons(found)


def test_no_date_anywhere_says_what_to_do(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "Jo" / "ct.nii.gz")
    with pytest.raises(InputError, match="folder named by its date"):
        discover(tmp_path / "Jo")


def test_dated_folders_in_two_places_may_be_two_patients(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "A/2024-03-01/ct.nii.gz")
    put(ct, tmp_path / "B/2024-06-07/ct.nii.gz")
    with pytest.raises(InputError, match=r"2 places: .*A, .*B"):
        discover(tmp_path)


def test_two_bids_subjects(tmp_path: Path, ct: Volume) -> None:
    put(ct, tmp_path / "sub-1/ses-20240301/ct.nii.gz")
    put(ct, tmp_path / "sub-2/ses-20240301/ct.nii.gz")
    with pytest.raises(InputError, match=r"2 patients in one folder: “sub-1” in .*; “sub-2” in "):
        discover(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: folder.mkdir(), "the folder is empty"),
        (lambda folder: folder.write_text("x"), "is a file, not a folder"),
        (lambda folder: (folder.mkdir(), (folder / "a.txt").write_text("x")), "no usable CT"),
        (lambda folder: (folder.mkdir(), (folder / "a.dcm").touch()), "not DICOM"),
    ],
)
def test_nothing_to_read(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "Jo")
    with pytest.raises(InputError, match=message) as caught:
        discover(tmp_path / "Jo")
    assert caught.value.path == tmp_path / "Jo"


# --- DICOM --------------------------------------------------------------------------------------


def test_dicom_in_any_nesting(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    files = write_series(tmp_path / "a" / "b", ct, date=MARCH)
    files += write_series(tmp_path / "c", ct, date=JUNE)
    for k, path in enumerate(files):  # all images of both visits side by side, without a suffix
        (tmp_path / f"folder{k % 3}").mkdir(exist_ok=True)
        path.rename(tmp_path / f"folder{k % 3}" / f"I{97 * k % 101:03d}")
    found = discover(tmp_path)
    assert found.patient == "P1"
    assert [visit.date for visit in found.visits] == [MARCH, JUNE]
    for visit in found.visits:
        np.testing.assert_array_equal(read_scan(visit.tracked_series).hu, ct.hu)


def test_phases_of_one_study_are_told_apart(tmp_path: Path, write_series: Any) -> None:
    phases = [Phase.NATIVE, Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED]
    names = ["Abdomen nativ", "Abdomen", "Leber KM", "Abdomen 5 min"]
    for number, (phase, name) in enumerate(zip(phases, names, strict=True), 1):
        write_series(tmp_path / str(number), phase=phase, description=name, series_number=number)
    (visit,) = discover(tmp_path).visits
    assert {series.phase for series in visit.series} == set(phases)
    assert visit.tracked_series.phase is Phase.PORTAL


def test_one_series_uid_with_two_acquisitions(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    """Some scanners put the phases of a liver protocol into one series."""
    later = Volume(ct.hu[::-1].copy(), ct.geometry)
    for number, volume in ((1, ct), (2, later)):

        def spoil(dataset: Dataset, k: int, number: int = number) -> None:
            dataset.SOPInstanceUID = f"1.2.3.{number}.{k}"

        write_series(
            tmp_path / str(number), volume, spoil, series_number=number, series_uid="1.2.3.4"
        )
    (visit,) = discover(tmp_path).visits
    assert len(visit.series) == 2
    assert {read_scan(series).hu[0, 9, 9] for series in visit.series} == {
        ct.hu[0, 9, 9],
        ct.hu[-1, 9, 9],
    }


def test_one_series_uid_with_two_spacings(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    low = Geometry((16, 20, 24), (2.0, 0.8, 0.9), (-101.5, -87.25, -500.0), np.eye(3))
    chest = Volume(np.concatenate([ct.hu, ct.hu[:4]]), low)
    write_series(tmp_path / "a", ct, series_uid="1.2.3.4")
    write_series(
        tmp_path / "b", chest, header(SOPInstanceUID=""), series_number=2, series_uid="1.2.3.4"
    )
    (visit,) = discover(tmp_path).visits
    assert sorted(series.shape[0] for series in visit.series) == [12, 16]


def header(**values: Any) -> Any:
    def spoil(dataset: Dataset, k: int) -> None:
        for name, value in values.items():
            setattr(dataset, name, value)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (header(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "a scout"),
        (header(SeriesDescription="Topogramm 0.6"), "a scout, by its name"),
        (header(SeriesDescription="Dose Report"), "a dose report"),
        (header(SeriesDescription="Bolus Tracking"), "bolus tracking"),
        (header(SeriesDescription="MIP axial 10mm"), "MIP"),
        (header(SeriesDescription="Iodine map"), "a spectral map"),
        (header(ImageType=["DERIVED", "PRIMARY", "MIP"]), "MIP"),
        (header(ImageType=["DERIVED", "SECONDARY", "AXIAL"]), "derived from others"),
        (header(ConvolutionKernel="Bl64"), "kernel for lung or bone"),
        (header(ConvolutionKernel="LUNG"), "kernel for lung or bone"),
        (header(SeriesDescription="Lunge 1.0"), "kernel for lung or bone"),
        (header(Modality="MR"), "an MR image, not CT"),
        (header(Modality="PT"), "a PET image, not CT"),
        (header(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "a secondary capture"),
        (header(Modality="SEG"), "a segmentation, not CT"),
        (header(Modality="RTSTRUCT"), "contours"),
        (header(SamplesPerPixel=3), "a colour picture"),
        (header(ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), "a coronal reformat"),
        (header(ImageOrientationPatient=[0, 1, 0, 0, 0, -1]), "a sagittal reformat"),
        (header(ImagePositionPatient=[0, 0, -500]), "same position"),
    ],
)
def test_what_is_left_out_and_why(
    tmp_path: Path, write_series: Any, spoil: Any, reason: str
) -> None:
    write_series(tmp_path / "good")
    write_series(tmp_path / "other", None, spoil, series_number=2)
    found = discover(tmp_path)
    assert len(found.visits) == 1
    assert len(found.visits[0].series) == 1
    assert found.visits[0].tracked_series.files[0].parent.name == "good"
    assert [item.path.name for item in found.left_out] == ["other"]
    assert reason in reasons(found)
    assert not failures(found)


def test_too_short_series_are_left_out(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    write_series(tmp_path / "good")
    short = ct.crop((slice(0, 4), slice(None), slice(None)))
    write_series(tmp_path / "short", short, series_number=2)
    found = discover(tmp_path)
    assert "too short: 4 slices, 12 mm" in reasons(found)


def test_the_only_series_is_used_with_a_warning(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", None, header(ImageType=["DERIVED", "SECONDARY"]))
    write_series(tmp_path / "b", None, header(ConvolutionKernel="B70f"), date=JUNE)
    first, second = discover(tmp_path).visits
    assert "no original ones" in first.tracked_series.warnings[0]
    assert "kernel for lung" in second.tracked_series.warnings[0]


def test_soft_derived_images_go_before_sharp_original_ones(
    tmp_path: Path, write_series: Any
) -> None:
    write_series(tmp_path / "a", None, header(ConvolutionKernel="B70f"))
    derived = header(ConvolutionKernel="B30f", ImageType=["DERIVED", "SECONDARY"])
    write_series(tmp_path / "b", None, derived, series_number=2)
    found = discover(tmp_path)
    (series,) = found.visits[0].series
    assert series.files[0].parent.name == "b"
    assert "a soft one is there" in reasons(found)


def test_only_mr_is_no_ct(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path, None, header(Modality="MR"))
    with pytest.raises(InputError, match=r"no usable CT here .*an MR image"):
        discover(tmp_path)


def test_multi_frame_ct_is_a_failure(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "good")
    write_series(tmp_path / "enhanced", None, header(NumberOfFrames=40), series_number=2)
    found = discover(tmp_path)
    assert len(failures(found)) == 1
    assert "multi-frame" in reasons(found)


def test_two_patients_are_both_named(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", patient_id="P1", date=MARCH)
    write_series(tmp_path / "b", patient_id="P2", date=JUNE)
    with pytest.raises(InputError, match=r"2 patients in one folder: “P1” in .*a; “P2” in .*b"):
        discover(tmp_path)


def test_dicom_and_bids_may_name_a_patient_differently(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    write_series(tmp_path / "sub-1/sourcedata", patient_id="P1", date=MARCH)
    write_series(tmp_path / "sub-1/more", patient_id="p1", date=dt.date(2024, 4, 1))
    put(ct, tmp_path / "sub-1/ses-20240607/sub-1_ses-20240607_ct.nii.gz")
    assert len(discover(tmp_path).visits) == 3


def test_patients_without_an_id_are_told_apart_by_name(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", patient_id="", patient_name="Doe^Jo", date=MARCH)
    write_series(tmp_path / "b", patient_id="", patient_name="Roe^Al", date=JUNE)
    with pytest.raises(InputError, match="2 patients"):
        discover(tmp_path)


def test_a_copied_study_is_read_once(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    write_series(tmp_path / "a", ct)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    found = discover(tmp_path)
    assert len(found.visits[0].series) == 1
    assert reasons(found) == f"{tmp_path / 'b'}: 12 files are copies of images met before"
    np.testing.assert_array_equal(read_scan(found.visits[0].tracked_series).hu, ct.hu)


def test_slices_sent_twice_are_used_once(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    files = write_series(tmp_path, ct)
    for k, path in enumerate(files[3:6]):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = f"1.2.3.{k}"
        dataset.save_as(path.with_name(f"again_{path.name}"))
    series = discover(tmp_path).visits[0].tracked_series
    assert "3 slices are there twice; one was used" in series.warnings
    np.testing.assert_array_equal(read_scan(series).hu, ct.hu)


def test_one_sop_uid_for_a_whole_series(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    """As some anonymisers leave it."""
    write_series(tmp_path, ct, header(SOPInstanceUID="1.2.3"))
    series = discover(tmp_path).visits[0].tracked_series
    np.testing.assert_array_equal(read_scan(series).hu, ct.hu)


def test_empty_uids_are_grouped_by_folder(tmp_path: Path, write_series: Any) -> None:
    empty = header(SOPInstanceUID="", StudyInstanceUID="", SeriesInstanceUID="")
    write_series(tmp_path / "x", None, empty, date=MARCH)
    write_series(tmp_path / "y", None, empty, date=JUNE)
    found = discover(tmp_path)
    assert [len(visit.tracked_series.files) for visit in found.visits] == [12, 12]
    assert not found.left_out


@pytest.mark.parametrize("keep", [0.97, 0.4])
def test_a_truncated_slice_fails_its_series_alone(
    tmp_path: Path, write_series: Any, keep: float
) -> None:
    write_series(tmp_path / "a", date=MARCH)
    files = write_series(tmp_path / "b", date=JUNE)
    content = files[2].read_bytes()
    files[2].write_bytes(content[: int(keep * len(content))])
    found = discover(tmp_path)
    assert [visit.date for visit in found.visits] == [MARCH]
    assert set(failures(found)) <= {tmp_path / "b", files[2]}
    assert "IMG0003.dcm: the file is cut short" in reasons(found)


def test_missing_slices_are_a_failure(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", date=MARCH)
    write_series(tmp_path / "b", date=JUNE)[5].unlink()
    found = discover(tmp_path)
    assert failures(found) == [tmp_path / "b"]
    assert "1 slices are missing, after z = -628.0 mm" in reasons(found)


def test_studies_of_one_day_become_one_visit(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", study_uid="1.1", description="nativ")
    write_series(tmp_path / "b", study_uid="1.2", description="portal", series_number=2)
    found = discover(tmp_path)
    assert len(found.visits) == 1
    assert found.visits[0].study == "1.2"
    assert found.warnings == ("2024-03-01: 2 studies of one day are taken as one visit",)


def test_dates_from_folders_where_headers_have_none(tmp_path: Path, write_series: Any) -> None:
    blank = header(StudyDate="", SeriesDate="", AcquisitionDate="", ContentDate="")
    write_series(tmp_path / "2024-03-01", None, blank)
    write_series(tmp_path / "20240607", None, blank, study_uid="1.9", series_uid="1.9.1")
    assert [visit.date for visit in discover(tmp_path).visits] == [MARCH, JUNE]


def test_dates_from_folders_where_headers_were_blurred(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "2024-03-01", study_uid="1.1", series_uid="1.1.1")
    write_series(tmp_path / "2024-06-07", study_uid="1.2", series_uid="1.2.1")
    found = discover(tmp_path)
    assert [visit.date for visit in found.visits] == [MARCH, JUNE]
    assert "fewer dates than the folders" in found.warnings[0]


def test_headers_and_folders_of_different_kinds(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    """A date in the patient's folder does not outweigh the one in the header."""
    write_series(tmp_path / "export_20250101" / "dicom", date=MARCH)
    put(ct, tmp_path / "export_20250101" / "2024-06-07" / "ct.nii.gz")
    found = discover(tmp_path / "export_20250101")
    assert [visit.date for visit in found.visits] == [MARCH, JUNE]
    assert found.warnings == ()


def test_masks_beside_dicom(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    write_series(tmp_path / "2024-03-01/dicom", ct, date=MARCH)
    put_mask(ct, tmp_path / "2024-03-01/liver.nii.gz")
    wide = Volume(ct.hu, Geometry(ct.hu.shape, (4.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3)))
    write_series(tmp_path / "june/portal", ct, date=JUNE, description="portal")
    write_series(tmp_path / "june/art", wide, date=JUNE, description="art", series_number=2)
    put_mask(wide, tmp_path / "june/tumors.nii.gz")
    put_mask(ct, tmp_path / "june/portal_liver.nii.gz")
    first, second = discover(tmp_path).visits
    assert list(first.tracked_series.masks) == ["liver"]
    masks = {series.phase: list(series.masks) for series in second.series}
    assert masks == {Phase.PORTAL: ["liver"], Phase.ARTERIAL: ["tumors"]}


def test_damaged_files_and_strays_do_not_stop_the_rest(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / ".DS_Store").write_bytes(b"\x00\x01")
    (tmp_path / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 64)
    found = discover(tmp_path)
    assert len(found.visits) == 1
    assert failures(found) == [tmp_path / "broken.dcm"]


def test_a_page_without_a_position_is_no_failure(tmp_path: Path, write_series: Any) -> None:
    """Protocol pages come as single CT images without a place."""
    write_series(tmp_path / "a")
    for path in write_series(tmp_path / "b", series_number=2)[1:]:
        path.unlink()
    page = pydicom.dcmread(tmp_path / "b/IMG0001.dcm")
    del page.ImagePositionPatient, page.ImageOrientationPatient
    page.save_as(tmp_path / "b/IMG0001.dcm")
    found = discover(tmp_path)
    assert "1 of 1 slices have no position" in reasons(found)
    assert not failures(found)


def test_links_in_a_circle_end(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert len(discover(tmp_path).visits[0].tracked_series.files) == 12


# --- one scan -----------------------------------------------------------------------------------


def test_series_at_a_file_a_folder_and_a_slice(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    put(ct, tmp_path / "some scan.nii.gz")
    files = write_series(tmp_path / "dicom", ct)
    for path in (tmp_path / "some scan.nii.gz", tmp_path / "dicom", files[3]):
        np.testing.assert_array_equal(read_scan(series_at(path)).hu, ct.hu)


def test_series_at_a_folder_of_several_takes_the_best(tmp_path: Path, write_series: Any) -> None:
    write_series(tmp_path / "a", description="arterial")
    write_series(tmp_path / "b", description="portal", series_number=2)
    series = series_at(tmp_path)
    assert series.phase is Phase.PORTAL
    assert series.warnings == ("one of 2 series here was taken; not: “arterial”",)


def test_series_at_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        series_at(tmp_path / "none")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="no usable CT"):
        series_at(tmp_path)


# --- real scans ---------------------------------------------------------------------------------


def test_real_patients(real: Path) -> None:
    found = discover(real / "ircad19")
    assert found.patient == "ircad19"
    assert [visit.name for visit in found.visits] == ["2009-05-27"]
    assert found.visits[0].tracked_series.shape == (124, 512, 512)
    assert not found.left_out

    found = discover(real / "lits0")
    series = found.visits[0].tracked_series
    assert (found.patient, series.shape[0]) == ("LCXXEJ", 75)
    liver = read_mask(series.masks["liver"].path, read_scan(series).geometry)
    assert 0.9 < liver.sum() * np.prod(series.spacing_mm) / 1e6 < 2.0

    found = discover(real / "totalseg" / "dicom_20_slices")
    assert found.visits[0].tracked_series.phase is Phase.PORTAL  # 96 s after injection
    assert len(found.visits[0].tracked_series.files) == 20
