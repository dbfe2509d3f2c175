"""Volumes and masks in single image files."""
