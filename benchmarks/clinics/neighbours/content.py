"""Where voxels lie, what they hold, and what is no CT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from clinics.neighbours.drawing import FIRST, SECOND, nifti, of
from lvt_track.io.images.nifti import new_header, write_nifti
from tests.io.wild_scans import (
    float_bytes,
    patched,
    slices,
    stored,
)

# --- geometry ---

NOISE = "rounding noise"


@of(NOISE)
def axes_off_by_a_ten_thousandth(folder: Path) -> None:
    def noisy(dataset: Dataset, k: int) -> None:
        dataset.ImageOrientationPatient = [1, (-1) ** k * 1e-4, 0, 0, 1, 0]

    slices(folder / "a", FIRST, noisy)


@of(NOISE)
def sizes_of_single_precision(folder: Path) -> None:
    def noisy(dataset: Dataset, k: int) -> None:
        dataset.PixelSpacing = ["5.9999998", "6.0000005"] if k % 2 else ["6", "6"]
        dataset.SliceThickness = "5.0000002" if k % 3 else "5"

    slices(folder / "a", FIRST, noisy)


@of(NOISE)
def places_off_by_hundredths(folder: Path) -> None:
    def noisy(dataset: Dataset, k: int) -> None:
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x + (-1) ** k * 0.004, y, z + (-1) ** k * 0.01]

    slices(folder / "a", FIRST, noisy)


@of(NOISE)
def a_slice_in_four_is_missing(folder: Path) -> None:
    slices(folder / "a", FIRST, lambda d, k: k % 4 != 2)


@of(NOISE)
def every_second_slice_is_missing(folder: Path) -> None:
    slices(folder / "a", FIRST, lambda d, k: k % 2 == 0)


FRAME = "where voxels lie"


@of(FRAME)
def the_sform_is_moved(folder: Path) -> None:
    header = new_header(FIRST.geometry)
    nifti(folder, srow_x=header["srow_x"] + np.array([0, 0, 0, 30], "<f4"))


@of(FRAME)
def a_qform_alone(folder: Path) -> None:
    nifti(folder, sform_code=0)


@of(FRAME)
def an_affine_of_zeros(folder: Path) -> None:
    zeros = np.zeros(4, "<f4")
    nifti(folder, srow_x=zeros, srow_y=zeros, srow_z=zeros)


@of(FRAME)
def voxels_of_no_size(folder: Path) -> None:
    nifti(folder, qform_code=0, sform_code=0, pixdim=np.zeros(8, "<f4"))


@of(FRAME)
def lengths_in_metres(folder: Path) -> None:
    header = new_header(FIRST.geometry)
    small = {f"srow_{axis}": header[f"srow_{axis}"] / 1000 for axis in "xyz"}
    pixdim = header["pixdim"].copy()
    pixdim[1:4] /= 1000
    nifti(folder, pixdim=pixdim, xyzt_units=1, **small)


@of(FRAME)
def an_offset_beyond_the_file(folder: Path) -> None:
    patched(nifti(folder, "ct.nii"), 108, float_bytes(1e6))


@of(FRAME)
def an_extension_behind_the_header(folder: Path) -> None:
    path = nifti(folder, "ct.nii")
    content = bytearray(path.read_bytes())
    content[108:112] = float_bytes(384)
    content[348:352] = (
        b"\1\0\0\0" + (32).to_bytes(4, "little") + (6).to_bytes(4, "little") + bytes(24)
    )
    path.write_bytes(bytes(content))


@of(FRAME)
def a_sheared_affine(folder: Path) -> None:
    row = np.array([-6, 0, 2, 72], "<f4")
    nifti(folder, qform_code=0, srow_x=row)


def nrrd(folder: Path, fields: str) -> None:
    """The first scan as NRRD without a word but these."""
    path = folder / "2024-03-01" / "ct.nrrd"
    path.parent.mkdir()
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 24 24 16\nendian: little\nencoding: raw\n"
    path.write_bytes(f"{head}{fields}\n".encode() + FIRST.hu.tobytes())


@of(FRAME)
def nrrd_with_spacings_of_zero(folder: Path) -> None:
    nrrd(folder, "spacings: 0 0 0\n")


@of(FRAME)
def nrrd_in_another_unit(folder: Path) -> None:
    nrrd(
        folder,
        'space: LPS\nspace directions: (.6,0,0) (0,.6,0) (0,0,.5)\nspace units: "cm" "cm" "cm"\n'
        "space origin: (-7.2,-7.2,10)\n",
    )


# --- pixels ---

PIXELS = "pixels"


@of(PIXELS)
def a_range_of_padding(folder: Path) -> None:
    def padded(dataset: Dataset, k: int) -> None:
        pixels = stored(dataset)
        pixels[:2] = 40000 + np.arange(24)
        dataset.PixelData, dataset.PixelRepresentation = pixels.astype("<u2").tobytes(), 0
        dataset.add_new("PixelPaddingValue", "US", 40000)
        dataset.add_new("PixelPaddingRangeLimit", "US", 40100)

    slices(folder / "a", FIRST, padded)


@of(PIXELS)
def padding_that_no_element_names(folder: Path) -> None:
    def padded(dataset: Dataset, k: int) -> None:
        pixels = stored(dataset)
        pixels[:2] = -32768 + 1024
        dataset.PixelData, dataset.PixelRepresentation = pixels.astype("<i2").tobytes(), 1

    slices(folder / "a", FIRST, padded)


@of(PIXELS)
def nan_outside_the_circle(folder: Path) -> None:
    hu = FIRST.hu.astype(np.float32)
    hu[:, :2] = np.nan
    path = folder / "2024-03-01" / "ct.nii.gz"
    path.parent.mkdir()
    write_nifti(hu, path, new_header(FIRST.geometry))


@of(PIXELS)
def monochrome1_by_run_length(folder: Path) -> None:
    def inverted(dataset: Dataset, k: int) -> None:
        dataset.PixelData = stored(dataset).astype("<u2").tobytes()
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.compress(RLELossless, generate_instance_uid=False)

    slices(folder / "a", FIRST, inverted)


@of(PIXELS)
def no_pixels_at_all(folder: Path) -> None:
    def stripped(dataset: Dataset, k: int) -> None:
        del dataset.PixelData

    slices(folder / "a", FIRST, stripped)


@of(PIXELS)
def plain_pixels_said_to_be_packed(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
        path.write_bytes(content)


@of(PIXELS)
def bytes_behind_the_data_set(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.write_bytes(path.read_bytes() + bytes(1000))


@of(PIXELS)
def an_odd_byte_at_the_end(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.write_bytes(path.read_bytes() + b"\n")


@of(PIXELS)
def without_preamble(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.write_bytes(path.read_bytes()[132:])


@of(PIXELS)
def the_intercept_is_lost(folder: Path) -> None:
    def lost(dataset: Dataset, k: int) -> None:
        pixels = np.maximum(stored(dataset), 0)
        dataset.PixelData = pixels.astype("<i2").tobytes()
        dataset.RescaleIntercept = "0"

    slices(folder / "a", FIRST, lost)


@of(PIXELS)
def numbers_in_powers_of_ten(folder: Path) -> None:
    def powers(dataset: Dataset, k: int) -> None:
        intercept = float(dataset.RescaleIntercept)
        dataset.RescaleIntercept = pydicom.valuerep.DSfloat(intercept, auto_format=False)
        dataset.PixelSpacing = ["6.0E0", " 0.6e1"]

    slices(folder / "a", FIRST, powers)


@of(PIXELS)
def a_window_of_8_bits(folder: Path) -> None:
    def windowed(dataset: Dataset, k: int) -> None:
        grey = np.clip((FIRST.hu[k] + 160) / 400 * 255, 0, 255).astype(np.uint8)
        dataset.PixelData = grey.tobytes()
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        dataset.RescaleIntercept = "0"

    slices(folder / "a", FIRST, windowed)


# --- what is no CT to follow ---

OTHER = "what is no CT to follow"


@of(OTHER)
def effective_atomic_numbers(folder: Path) -> None:
    slices(folder / "a", FIRST, SeriesDescription="portal")
    slices(folder / "b", SECOND, number=9, RescaleType="Z_EFF", SeriesDescription="portal Zeff")


@of(OTHER)
def an_mr_of_the_same_day(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(
        folder / "b",
        SECOND,
        number=9,
        Modality="MR",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4",
    )


@of(OTHER)
def an_attenuation_map_of_pet(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", SECOND, number=9, Modality="PT", Units="BQML")


@of(OTHER)
def a_plan_and_a_letter(folder: Path) -> None:
    slices(folder / "a", FIRST)
    for number, uid in (
        (20, "1.2.840.10008.5.1.4.1.1.481.5"),
        (21, "1.2.840.10008.5.1.4.1.1.104.1"),
    ):

        def other(dataset: Dataset, k: int, uid: str = uid) -> bool:
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid
            dataset.Modality = "RTPLAN" if "481" in uid else "DOC"
            for keyword in ("PixelData", "Rows", "Columns"):
                delattr(dataset, keyword)
            return k == 0

        slices(folder / "a", FIRST, other, number=number, first=100 + number)
