"""What a reader says of lesions and links: read, checked, obeyed."""
