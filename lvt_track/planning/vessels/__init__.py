"""Vessels as graphs of centrelines, and which of them are portal and which hepatic."""
