"""Which part of the liver belongs to which branch: Couinaud's segments."""
