"""Commands for one scan or mask."""
