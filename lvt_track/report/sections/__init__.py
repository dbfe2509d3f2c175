"""The sections of a report: each file holds what one of them shows; `listing` has their order."""
