"""Section: the course beside a radiologist's own table."""
