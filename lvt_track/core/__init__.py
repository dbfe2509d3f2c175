"""Core types: geometry, volumes, masks and records; valid once built, numpy only."""
