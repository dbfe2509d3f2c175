"""The walk over a patient's visits: what is known at each, and the rules that judge it."""
