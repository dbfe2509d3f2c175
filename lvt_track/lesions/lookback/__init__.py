"""Whether earlier scans already show a tumour that was found later."""
