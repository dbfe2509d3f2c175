"""The pages of the PDF report: what stands on each, and how it is set."""
