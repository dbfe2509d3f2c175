"""Which DICOM images form one volume."""
