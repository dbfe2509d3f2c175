"""The jobs that speak to an archive."""
