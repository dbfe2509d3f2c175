"""Models that nnU-Net trained: imported, and run as nnU-Net runs them."""
