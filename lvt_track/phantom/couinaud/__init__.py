"""Livers whose eight territories and two vessel trees are known and never touch: truth for
planning. They are no bodies and have no image."""
