"""One run of a job: its folder, its manifest, its progress."""
