"""The front door: what `import lvt_track` offers, over the jobs of `pipeline`."""
