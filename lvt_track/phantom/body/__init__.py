"""A body as a label map, drawn from a seed."""
