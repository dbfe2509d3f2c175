"""Patients of a radiologist's table that no folder of a cohort is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lvt_track.errors import InputError
from lvt_track.pipeline.cohort.result import PatientRun
from lvt_track.pipeline.radiologist.comparison import plain_patient
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.response.tables.readings import Readings

__all__ = ["unmatched_patients"]

_MOST_LISTED = 10


def unmatched_patients(
    by_reader: Mapping[str, Readings], runs: Sequence[PatientRun], *, is_whole: bool = True
) -> tuple[str, ...]:
    """The patients of the table that were not followed, with a name like theirs, in words.

    Args:
        by_reader: the table, reader by reader.
        runs: of all patients that were followed.
        is_whole: False for a shard, whose patients are not all of the table's: then nothing is
            told.

    Raises:
        InputError: when none was, so that nothing could be compared.
    """
    if not is_whole:
        return ()
    followed = [Manifest.read(run.folder).patient for run in runs]
    alike = {plain_patient(name): name for name in followed}
    remarks = []
    names = sorted({row.patient for readings in by_reader.values() for row in readings.rows})
    missing = [name for name in names if name not in followed]
    for name in missing[:_MOST_LISTED]:
        like = alike.get(plain_patient(name))
        meant = "" if like is None else f": is {like} meant? Write it so"
        remarks.append(f"the radiologist's table has patient {name}, no folder is of them{meant}")
    if len(missing) > _MOST_LISTED:
        remarks.append(f"the table has {len(missing) - _MOST_LISTED} more such patients")
    if len(missing) == len(names):
        raise InputError(
            f"nothing to compare: {'; '.join(remarks)}",
            remedy=f"The folders are of {', '.join(followed[:_MOST_LISTED])}; --resume keeps them",
        )
    return tuple(remarks)
