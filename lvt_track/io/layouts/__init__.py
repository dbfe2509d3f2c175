"""How folders and names say which file is a scan, which a mask, and of which day."""
