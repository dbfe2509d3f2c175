"""Commands that speak to an archive."""
