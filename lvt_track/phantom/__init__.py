"""Synthetic patients with known truth."""
