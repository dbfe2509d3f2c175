"""CDISC SDTM: records of the TR and TU domains as assessments."""
