"""The pixels of DICOM files: decoded, or why they are not there."""
