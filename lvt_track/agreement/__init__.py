"""How far two sets of measurements agree: limits, coefficients, pairs, tables."""
