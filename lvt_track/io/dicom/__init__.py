"""DICOM: headers, series, volumes, segmentations, structured reports."""
