"""The jobs: discover, segment, register, match, measure, report."""
