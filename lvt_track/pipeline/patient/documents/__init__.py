"""The documents of a run: report.pdf and report.html, with their pictures."""
