"""Many patients, and what they say together."""
