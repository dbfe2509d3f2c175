"""A lesion at one visit: its sizes, how sure they are, and what of it is viable."""
