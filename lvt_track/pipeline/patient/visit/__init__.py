"""One visit: its scan, its masks, its lesions."""
