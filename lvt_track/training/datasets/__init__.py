"""Datasets: what each one knows, how it lies on disk, and its cases made ready to learn from."""
