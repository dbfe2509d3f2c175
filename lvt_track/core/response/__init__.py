"""Sizes over time and what they are judged to be: rows of tables, categories, responses, doubt."""
