"""The criteria: one file each, as an ordered list of rules over a scale."""
