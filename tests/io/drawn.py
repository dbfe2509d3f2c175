"""DICOM segmentations as readers' programs write them, on small CT series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
TISSUE = Code("85756007", "SCT", "Tissue")
LIVER = Code("10200004", "SCT", "Liver")
LESION = Code("52988006", "SCT", "Lesion")
KIDNEY = Code("64033007", "SCT", "Kidney")
PORTAL_VEIN = Code("32764006", "SCT", "Portal vein")
OLD_LIVER = Code("T-62000", "SRT", "Liver")


@dataclass(frozen=True, eq=False)
class Piece:
    """One segment: its label, its mask (z, y, x), its code, where it is, and who drew it."""

    label: str
    mask: BoolArray
    code: Code = TISSUE
    region: Code | None = None
    algorithm: str = "MANUAL"

    def description(self, number: int) -> highdicom.seg.SegmentDescription:
        """As highdicom takes it."""
        is_manual = self.algorithm == "MANUAL"
        return highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=self.label,
            segmented_property_category=TISSUE,
            segmented_property_type=self.code,
            algorithm_type=self.algorithm,
            algorithm_identification=None
            if is_manual
            else highdicom.AlgorithmIdentificationSequence(
                name="drawer", version="1", family=Code("123110", "DCM", "Artificial Intelligence")
            ),
            anatomic_regions=[self.region] if self.region else None,
        )


def write_drawing(
    path: Path, files: Sequence[Path], pieces: Sequence[Piece], kind: str = "BINARY", **header: Any
) -> Dataset:
    """Write a segmentation of a CT series; `header` changes elements of the data set."""
    if kind == "LABELMAP":
        pixels = np.zeros(pieces[0].mask.shape, np.uint8)
        for number, piece in enumerate(pieces, start=1):
            pixels[piece.mask] = number
    else:
        pixels = np.stack([piece.mask for piece in pieces], axis=-1).astype(np.uint8)
    if kind == "FRACTIONAL":
        pixels = pixels.astype(np.float32) * 0.8
    drawing = highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(file) for file in files],
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[
            piece.description(number) for number, piece in enumerate(pieces, start=1)
        ],
        series_instance_uid=generate_uid(),
        series_number=300,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="OHIF",
        manufacturer_model_name="viewer",
        software_versions="1",
        device_serial_number="1",
        series_description="Segmentation",
    )
    for keyword, value in header.items():
        if value is None:
            delattr(drawing, keyword)
        else:
            setattr(drawing, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.save_as(path)
    return drawing


def write_contours(
    path: Path,
    files: Sequence[Path],
    rois: Sequence[tuple[str, BoolArray]],
    geometry: Geometry,
) -> None:
    """An RTSTRUCT: the outer edges of boxes, slice by slice."""
    image = pydicom.dcmread(files[0])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTSTRUCT
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plan = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    for keyword in ("PatientID", "PatientName", "StudyDate", "StudyInstanceUID"):
        setattr(plan, keyword, image[keyword].value)
    plan.SOPClassUID, plan.SOPInstanceUID = RTSTRUCT, meta.MediaStorageSOPInstanceUID
    plan.Modality, plan.SeriesInstanceUID = "RTSTRUCT", generate_uid()
    plan.StructureSetLabel = "Contours"
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = image.SeriesInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = image.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    plan.ReferencedFrameOfReferenceSequence = [frame]
    plan.StructureSetROISequence, plan.ROIContourSequence = [], []
    plan.RTROIObservationsSequence = []
    for number, (name, mask) in enumerate(rois, start=1):
        roi, drawn, seen = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        roi.ReferencedFrameOfReferenceUID = image.FrameOfReferenceUID
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for z in np.flatnonzero(mask.any(axis=(1, 2))):
            y, x = np.nonzero(mask[z])
            low, high = (y.min() - 0.5, x.min() - 0.5), (y.max() + 0.5, x.max() + 0.5)
            corners = [low, (low[0], high[1]), high, (high[0], low[1])]
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            points = geometry.to_world(np.array([(z, *corner) for corner in corners]))
            contour.ContourData = [f"{value:.3f}" for value in np.ravel(points)]
            drawn.ContourSequence.append(contour)
        seen.ObservationNumber = seen.ReferencedROINumber = number
        seen.RTROIInterpretedType = "GTV"
        plan.StructureSetROISequence.append(roi)
        plan.ROIContourSequence.append(drawn)
        plan.RTROIObservationsSequence.append(seen)
    plan.save_as(path)
