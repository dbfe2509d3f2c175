"""A volume to a valid DICOM series: one CT Image Storage file per slice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat, format_number_as_ds

from lvt_track import __version__
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.errors import OutputError
from lvt_track.io.files import write_whole

__all__ = ["SeriesHeader", "write_ct_series"]

_INTERCEPT_HU = -1024
_INJECTION = dt.datetime(2000, 1, 1, 10, 0, 0)
_DELAY_S = {Phase.ARTERIAL: 35, Phase.PORTAL: 75, Phase.DELAYED: 240}
# Under the root that pydicom gives to those without one.
_IMPLEMENTATION_UID = generate_uid(entropy_srcs=["lvt-track"])


@dataclass(frozen=True, kw_only=True)
class SeriesHeader:
    """What the headers of a series say beside its geometry.

    Attributes:
        patient_id: identity; equal for all visits of a patient.
        patient_name: as `Family^Given`.
        patient_sex: `M`, `F`, `O` or empty.
        date: of the study.
        study_uid: equal for all series of the study.
        study_description: of the study.
        series_uid: unique to the series; the UIDs of its images follow from it.
        series_number: from 1.
        description: of the series.
        phase: contrast phase.
        kernel: convolution kernel.
        slice_thickness_mm: the spacing along z by default.
        frame_of_reference_uid: made from `study_uid` by default.
    """

    patient_id: str
    patient_name: str
    date: dt.date
    study_uid: str
    series_uid: str
    series_number: int
    description: str
    phase: Phase = Phase.UNKNOWN
    kernel: str = ""
    slice_thickness_mm: float | None = None
    patient_sex: str = ""
    frame_of_reference_uid: str = ""
    study_description: str = ""


def write_ct_series(volume: Volume, folder: Path, header: SeriesHeader) -> list[Path]:
    """Write a CT volume as uncompressed single-frame DICOM; equal arguments give equal files.

    HU are rounded to whole numbers. The phase is written as contrast agent and as the time from
    injection to acquisition, not into the description.

    Args:
        volume: the scan.
        folder: where `IMG0001.dcm` and so on are written; made if needed.
        header: what else its files say.

    Returns:
        The files, in the order of the volume's first axis.

    Raises:
        OutputError: when a file cannot be written.
        ValueError: when a value does not fit 16 bits.
    """
    stored = np.rint(volume.hu).astype(np.int32) - _INTERCEPT_HU
    limits = np.iinfo(np.int16)
    if stored.min() < limits.min or stored.max() > limits.max:
        raise ValueError(f"HU from {volume.hu.min():g} to {volume.hu.max():g} do not fit 16 bits")
    pixels = stored.astype("<i2")
    geometry = volume.geometry
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", path=folder) from error

    paths = []
    for k in range(geometry.shape[0]):
        image = _image(header, k)
        image.SliceThickness = _decimal(header.slice_thickness_mm or geometry.spacing_mm[0])
        image.PixelSpacing = [_decimal(value) for value in geometry.spacing_mm[1:]]
        image.ImageOrientationPatient = [
            _decimal(value) for value in geometry.direction[:, :2].T.ravel()
        ]
        image.ImagePositionPatient = [_decimal(value) for value in geometry.to_world((k, 0, 0))]
        image.Rows, image.Columns = geometry.shape[1:]
        image.PixelData = pixels[k].tobytes()
        path = folder / f"IMG{k + 1:04d}.dcm"
        with write_whole(path) as temporary:
            image.save_as(temporary, enforce_file_format=True)
        paths.append(path)
    return paths


def _image(header: SeriesHeader, number: int) -> FileDataset:
    """An image of the series, without geometry and pixels; `number` from 0."""
    acquired = _INJECTION + dt.timedelta(seconds=_DELAY_S.get(header.phase, 0))
    image = _empty_image(generate_uid(entropy_srcs=[header.series_uid, str(number)]))
    image.PatientID = header.patient_id
    image.PatientName = header.patient_name
    image.PatientBirthDate = ""
    image.PatientSex = header.patient_sex
    image.StudyInstanceUID = header.study_uid
    image.SeriesInstanceUID = header.series_uid
    image.FrameOfReferenceUID = header.frame_of_reference_uid or generate_uid(
        entropy_srcs=[header.study_uid, "frame of reference"]
    )
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = f"{header.date:%Y%m%d}"
    image.ContentDate = image.StudyDate
    image.StudyTime = f"{_INJECTION:%H%M%S}"
    image.SeriesTime = image.AcquisitionTime = image.ContentTime = f"{acquired:%H%M%S}"
    image.StudyDescription = header.study_description
    image.SeriesDescription = header.description
    image.SeriesNumber = image.AcquisitionNumber = header.series_number
    image.InstanceNumber = number + 1
    image.ConvolutionKernel = header.kernel
    if header.phase in _DELAY_S:
        image.ContrastBolusAgent = "iodinated contrast"
        image.ContrastBolusStartTime = f"{_INJECTION:%H%M%S}"
    return image


def _empty_image(sop_uid: UID) -> FileDataset:
    """What all images have in common, with the elements that must be there though empty."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = f"LVT_{__version__}"[:16]
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = sop_uid
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.Modality = "CT"
    image.Manufacturer = "lvt-track"
    image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = ""
    image.PositionReferenceIndicator = ""
    image.PatientPosition = "HFS"
    image.KVP = "120"
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1
    image.RescaleIntercept = _INTERCEPT_HU
    image.RescaleSlope = 1
    image.RescaleType = "HU"
    image.WindowCenter, image.WindowWidth = 60, 400
    return image


def _decimal(value: float) -> DSfloat:
    """A number in the 16 characters DICOM allows."""
    return DSfloat(format_number_as_ds(float(value) + 0.0))
