"""What the interactive page holds: scans on small grids, how they are linked, what to check."""
