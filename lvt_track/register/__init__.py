"""Bring the scans of one patient into one frame."""
