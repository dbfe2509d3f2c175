"""What follows the patients of a cohort: processes of this machine, or a Dask cluster."""
