"""How near tumours are to vessels and surface, and how much of a vessel they touch."""
