"""What a radiologist brings to a run: measurements, corrections, and how they compare."""
