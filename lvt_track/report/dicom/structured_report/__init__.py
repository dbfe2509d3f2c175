"""The measurements of a visit as a DICOM structured report (TID 1500), for the archive."""
