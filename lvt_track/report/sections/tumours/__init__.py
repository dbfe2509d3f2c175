"""Sections about each tumour: where it lies, when it was seen, how it looks and grows."""
