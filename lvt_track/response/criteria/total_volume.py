"""Total tumour volume of the liver, with the thresholds tested in colorectal liver metastases.

Wesdorp et al. (Ann Surg Open 2021;2:e103, CAIRO5) called a change of the volume of all metastases
of 10, 20 or 40 % a response or progression, and held each against recurrence-free survival; Zeeuw
et al. (Eur J Cancer 2025;228:115738) found that volume told survival where RECIST 1.1 did not. All
lesions count, not only two; new ones add to the sum, and are progression, as everywhere.
"""

from __future__ import annotations

from dataclasses import replace

from lvt_track.core.response.assessment import Assessment
from lvt_track.response.criteria.recist import target_rules
from lvt_track.response.criteria.volumetric import VOLUME, lacks_volumes
from lvt_track.response.timepoints.criterion import Criterion

__all__ = ["TOTAL_VOLUME"]


def _has_volume(row: Assessment) -> bool:
    return row.volume_ml is not None


def _criterion(percent: int) -> Criterion:
    name = f"total volume {percent} %"
    return replace(
        VOLUME,
        name=name,
        scale=replace(VOLUME.scale, is_measurable=_has_volume, counts_all=True),
        target=target_rules(-percent, percent, 0.0),
        lacking=lambda rows: lacks_volumes(name, rows),
    )


TOTAL_VOLUME = {percent: _criterion(percent) for percent in (10, 20, 40)}
"""The criterion by its threshold in percent."""
