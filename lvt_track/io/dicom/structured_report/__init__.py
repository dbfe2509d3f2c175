"""Measurements in DICOM structured reports."""
