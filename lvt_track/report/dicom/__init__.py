"""Results as DICOM objects that archives keep."""
