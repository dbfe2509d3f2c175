"""Figures and key images, drawn for paper and screen alike."""
