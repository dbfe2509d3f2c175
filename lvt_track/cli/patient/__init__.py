"""Commands for a patient's course, and for many patients."""
