"""Batches of patches that a network learns from: drawn, varied and made ahead of time."""
