"""Files to core types and back: NIfTI, DICOM, folder discovery."""
