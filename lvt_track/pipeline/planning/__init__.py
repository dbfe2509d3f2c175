"""Planning the visits of a run: by `lvt plan`, or within `lvt track`."""
