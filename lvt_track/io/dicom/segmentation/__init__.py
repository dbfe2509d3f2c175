"""DICOM segmentations: what they say, and their voxels on the CT they were drawn on."""
