"""The main job: one patient from scans to report."""
