"""Commands for datasets and models."""
