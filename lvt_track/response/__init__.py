"""Response criteria applied to tables of measurements."""
