"""Size of lesions and volumes as a radiologist measures them."""
