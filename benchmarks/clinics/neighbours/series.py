"""Series of DICOM: UIDs, two volumes in one, odd and broken slices, enhanced CT."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from clinics.neighbours.drawing import FIRST, SECOND, of
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from tests.io.test_enhanced_ct import frame_of, write_enhanced
from tests.io.wild_scans import (
    MARCH,
    moved,
    slices,
    stored,
)

# --- UIDs ---

UIDS = "UIDs said twice"


@of(UIDS)
def one_sop_uid_for_two_phases(folder: Path) -> None:
    slices(folder / "a", FIRST, SOPInstanceUID="1.9", SeriesDescription="portal")
    slices(folder / "b", SECOND, number=5, SOPInstanceUID="1.9", SeriesDescription="nativ")


@of(UIDS)
def sop_uids_counted_anew_in_every_visit(folder: Path) -> None:
    def counted(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"1.9.{k + 1}"

    slices(folder / "a", FIRST, counted)
    slices(folder / "b", SECOND, counted, date=MARCH.replace(month=4))


@of(UIDS)
def the_same_scan_copied_twice(folder: Path) -> None:
    slices(folder / "a", FIRST)
    shutil.copytree(folder / "a", folder / "copy of a")
    shutil.copytree(folder / "a", folder / "another")


@of(UIDS)
def copied_with_other_private_bytes(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", FIRST, StationName="PACS2")


@of(UIDS)
def one_series_uid_for_three_days_in_one_folder(folder: Path) -> None:
    for month, volume, first in ((3, FIRST, 1), (4, SECOND, 101)):
        slices(
            folder / "all",
            volume,
            date=MARCH.replace(month=month),
            first=first,
            SeriesInstanceUID="1.9",
            StudyInstanceUID="1.9",
        )


@of(UIDS)
def no_uids_at_all(folder: Path) -> None:
    for name, volume, month in (("a", FIRST, 3), ("b", SECOND, 4)):
        slices(
            folder / name,
            volume,
            date=MARCH.replace(month=month),
            SeriesInstanceUID="",
            StudyInstanceUID="",
            SOPInstanceUID="",
        )


# --- two volumes in one series ---

TWO = "two volumes in one series"


@of(TWO)
def two_passes_whose_slices_alternate_in_number(folder: Path) -> None:
    for offset, volume in ((0, FIRST), (1, SECOND)):

        def twice(dataset: Dataset, k: int, offset: int = offset) -> None:
            dataset.InstanceNumber = 2 * k + 1 + offset
            dataset.AcquisitionNumber = offset + 1

        slices(folder / f"p{offset}", volume, twice)


@of(TWO)
def content_time_alone_tells(folder: Path) -> None:
    times = {"AcquisitionTime": "", "AcquisitionNumber": 1}
    slices(folder / "a", FIRST, ContentTime="101500", **times)
    slices(folder / "a", SECOND, first=17, ContentTime="101545", **times)


@of(TWO)
def the_second_pass_is_cut_short(folder: Path) -> None:
    slices(folder / "a", FIRST, AcquisitionNumber=1)
    slices(folder / "a", SECOND, lambda d, k: k < 3, first=17, AcquisitionNumber=2)


@of(TWO)
def two_passes_end_to_end_with_one_acquisition(folder: Path) -> None:
    slices(folder / "a", FIRST, AcquisitionTime="101500")
    slices(folder / "a", moved(SECOND, 80), first=17, AcquisitionTime="101545")


@of(TWO)
def two_pixel_sizes(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "a", SECOND, first=17, PixelSpacing=["5", "5"])


@of(TWO)
def head_first_and_feet_first(folder: Path) -> None:
    slices(folder / "a", FIRST, AcquisitionNumber=1)
    slices(folder / "a", SECOND, first=17, AcquisitionNumber=2, PatientPosition="FFS")


# --- one odd slice ---

ODD = "an odd slice in the series"


@of(ODD)
def a_scout_of_the_same_series(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(
        folder / "a",
        SECOND,
        lambda d, k: k == 0,
        first=90,
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )


@of(ODD)
def a_slice_of_other_rows(folder: Path) -> None:
    def cropped(dataset: Dataset, k: int) -> bool:
        dataset.PixelData = stored(dataset)[:20].astype("<i2").tobytes()
        dataset.Rows = 20
        return k == 0

    slices(folder / "a", FIRST)
    slices(folder / "a", SECOND, cropped, first=90)


@of(ODD)
def a_slice_without_a_position(folder: Path) -> None:
    def no_place(dataset: Dataset, k: int) -> None:
        if k == 15:
            del dataset.ImagePositionPatient

    slices(folder / "a", FIRST, no_place)


@of(ODD)
def a_page_of_doses(folder: Path) -> None:
    slices(folder / "a", FIRST)
    secondary = "1.2.840.10008.5.1.4.1.1.7"
    slices(folder / "a", SECOND, lambda d, k: k == 0, first=90, SOPClassUID=secondary)


# --- what was not copied ---

BROKEN = "a copy that broke off"


@of(BROKEN)
def cut_inside_the_header(folder: Path) -> None:
    for path in slices(folder / "a", FIRST)[-2:]:
        path.write_bytes(path.read_bytes()[:300])


@of(BROKEN)
def every_file_is_empty(folder: Path) -> None:
    for path in slices(folder / "2024-03-01", FIRST):
        path.write_bytes(b"")


@of(BROKEN)
def empty_in_the_middle(folder: Path) -> None:
    slices(folder / "a", FIRST)[7].write_bytes(b"")


@of(BROKEN)
def a_web_page_instead_of_a_slice(folder: Path) -> None:
    slices(folder / "a", FIRST)[-1].write_text("<html><body>502 Bad Gateway</body></html>")


@of(BROKEN)
def partial_downloads(folder: Path) -> None:
    last = slices(folder / "a", FIRST)[-1]
    last.rename(last.with_name(last.name + ".part"))


# --- enhanced CT ---

ENHANCED = "enhanced CT"


def enhanced(path: Path, volume: Volume, **elements: Any) -> Path:
    """A volume in one file; some elements altered."""

    def altered(file: Any) -> None:
        for keyword, value in elements.items():
            setattr(file, keyword, value)

    return write_enhanced(path, volume, spoil=altered)


@of(ENHANCED)
def two_phases_in_two_files(folder: Path) -> None:
    enhanced(folder / "a", FIRST, AcquisitionNumber=1)
    enhanced(folder / "b", SECOND, AcquisitionNumber=2)


@of(ENHANCED)
def the_same_file_twice(folder: Path) -> None:
    shutil.copy(enhanced(folder / "a", FIRST), folder / "b")


def _frames_of_both(folder: Path, second: Volume, first_stack: int, second_stack: int) -> None:
    def both(file: Any) -> None:
        more = [frame_of(second, k) for k in range(len(second.hu))]
        for stack, frames in (
            (first_stack, file.PerFrameFunctionalGroupsSequence),
            (second_stack, more),
        ):
            for frame in frames:
                frame.FrameContentSequence[0].StackID = str(stack)
                frame.FrameContentSequence[0].TemporalPositionIndex = stack
        pixels = np.stack([plane + 1024 + k for k, plane in enumerate(second.hu.astype("<i4"))])
        file.PixelData += pixels.astype("<i2").tobytes()
        file.NumberOfFrames = 2 * file.NumberOfFrames
        file.PerFrameFunctionalGroupsSequence.extend(more)

    write_enhanced(folder / "a", FIRST, spoil=both)


@of(ENHANCED)
def two_stacks_in_one_file(folder: Path) -> None:
    _frames_of_both(folder, SECOND, 1, 2)


@of(ENHANCED)
def two_stacks_half_a_step_apart(folder: Path) -> None:
    _frames_of_both(folder, moved(SECOND, 2.5), 1, 2)


@of(ENHANCED)
def a_concatenation_without_its_first_part(folder: Path) -> None:
    half = Volume(FIRST.hu[8:], Geometry((8, 24, 24), (5.0, 6.0, 6.0), (-72, -72, 140), np.eye(3)))
    enhanced(
        folder / "b",
        half,
        ConcatenationUID="1.9.9",
        InConcatenationNumber=2,
        InConcatenationTotalNumber=2,
        ConcatenationFrameOffsetNumber=8,
    )


@of(ENHANCED)
def frames_packed_by_run_length(folder: Path) -> None:
    write_enhanced(
        folder / "a",
        FIRST,
        spoil=lambda f: f.compress(RLELossless, generate_instance_uid=False),
    )
