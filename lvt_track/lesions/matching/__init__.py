"""Which lesion became which, over all visits at once."""
