"""Which tumour is which: components, matching through time, looking back."""
