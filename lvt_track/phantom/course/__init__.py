"""A synthetic patient through time: tumours, visits, scans, and what is true of them."""
