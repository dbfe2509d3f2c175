"""Learning a model from partially labelled datasets."""
