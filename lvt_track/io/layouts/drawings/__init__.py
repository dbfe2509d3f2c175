"""What readers drew on DICOM series: segmentations that are given masks, contours that are told."""
