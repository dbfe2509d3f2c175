"""Synthetic patients to learn from, and the embedded model that learned from them."""
