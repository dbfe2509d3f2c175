"""Archives of images (PACS), by DICOMweb and by DIMSE: find, fetch, store."""
