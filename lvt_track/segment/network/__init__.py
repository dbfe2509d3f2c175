"""The network of models trained here: its size, its weights, and as torch knows it."""
