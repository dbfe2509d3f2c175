"""Responses as analysis datasets (CDISC ADaM): what statisticians read in."""
