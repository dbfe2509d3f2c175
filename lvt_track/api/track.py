"""The course of a patient's tumours, from a folder of scans."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from lvt_track.api.arguments import PathOrText, as_path, existing_path, type_error
from lvt_track.core import course as core

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Course", "TrackOptions", "track"]


@dataclass(frozen=True)
class Course(core.Course):
    """A patient's course: visits, lesions, edges, tracks and responses, as tables too.

    Attributes:
        failures: what could not be done, each with its reason.
    """

    failures: tuple[str, ...] = ()

    def to_frame(self, table: str = "tracks") -> pd.DataFrame:
        """One of the tables of `lvt track`, with the columns of its CSV.

        Args:
            table: `visits`, `lesions`, `edges`, `tracks`, `response`, `phases` or `lookback`.

        Raises:
            ValueError: for another name.
        """
        from lvt_track.report.tables import COURSE_TABLES

        if table not in COURSE_TABLES:
            raise ValueError(f"table must be one of {', '.join(COURSE_TABLES)}, got {table!r}")
        return COURSE_TABLES[table](self)


class TrackOptions(TypedDict, total=False):
    """What `track` may be told by name.

    Attributes:
        criteria: of response, with commas between, such as `recist1.1,volume`.
        model: name of the model, see `lvt models`; or its folder.
        device: where networks run: `auto`, `cpu`, `cuda` or `cuda:N`.
        other_phases: whether other contrast phases of a visit are segmented too, for their volumes.
        one_patient: the word that all scans are of one patient, whatever headers say.
        radiologist: a table of measurements to compare with, in `out`.
        corrections: a table of what a reader corrects.
        existing: what to do with results in `out`: `refuse`, `resume` or `force`.
        plan: whether every visit is planned as by `lvt plan`, in `out`.
        identify: whether the course and results give the patient's id, names of files and series,
            in place of pseudonyms.
    """

    criteria: str
    model: str
    device: str
    other_phases: bool
    one_patient: bool
    radiologist: PathOrText | None
    corrections: PathOrText | None
    existing: str
    plan: bool
    identify: bool


def track(
    patient: PathOrText, out: PathOrText | None = None, **options: Unpack[TrackOptions]
) -> Course:
    """Follow a patient's liver tumours through all scans.

    Reads every CT below a folder, draws what no mask beside a scan gives, brings the visits into
    one frame, decides which tumour is which, measures them, and says how they responded by RECIST
    1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228-247) and by volume.

    Args:
        patient: folder with the scans of one patient, see docs/use/inputs.md.
        out: folder for masks, tables and reports; None writes nothing.
        **options: see `TrackOptions`.

    Returns:
        The course; lengths in mm, volumes in mL, places in LPS mm. Visits that could not be read
        stand in its `failures`.

    Raises:
        InputError: when no visit can be used.
        UsageError: when `out` holds results already, or there is no such device.
        OutputError: when `out` cannot be written.
        TypeError: for what is no path, or an option that is none.

    Example:
        >>> import lvt_track as lvt
        >>> course = lvt.track("patient")
        >>> [(track.number, track.state.value) for track in course.tracks]
        [(1, 'persistent'), (2, 'disappeared'), (3, 'new')]
        >>> course.to_frame("lesions")[["date", "lesion", "track"]].values.tolist()[0]
        ['2024-01-15', 1, 1]
    """
    from lvt_track.pipeline.patient.settings import TrackSettings
    from lvt_track.pipeline.patient.track import track_patient
    from lvt_track.pipeline.radiologist.tables import ReaderTables
    from lvt_track.pipeline.run.output import Existing
    from lvt_track.pipeline.run.progress import Silent
    from lvt_track.pipeline.run.pseudonyms import default_pseudonyms
    from lvt_track.response.criteria.catalogue import DEFAULT_CRITERIA

    unknown = sorted(set(options) - set(TrackOptions.__annotations__))
    if unknown:
        known = ", ".join(TrackOptions.__annotations__)
        raise TypeError(f"track has no option {', '.join(unknown)}; it has {known}")
    if out is not None and not isinstance(out, str | Path):
        raise type_error("out", "a path or None", out)
    existing = options.get("existing", "refuse")
    if existing not in list(Existing):
        raise ValueError(f"existing must be one of {', '.join(Existing)}, got {existing!r}")
    corrections, radiologist = (
        existing_path(table, name) if (table := options.get(name)) is not None else None
        for name in ("corrections", "radiologist")
    )
    settings = TrackSettings(
        criteria=options.get("criteria", DEFAULT_CRITERIA),
        model=options.get("model", "default"),
        device=options.get("device", "auto"),
        other_phases=options.get("other_phases", True),
        reader=ReaderTables(corrections, radiologist),
        one_patient=options.get("one_patient", False),
        plan=options.get("plan", False),
        pseudonyms=None if options.get("identify", False) else default_pseudonyms(),
    )
    result = track_patient(
        existing_path(patient, "patient"),
        None if out is None else as_path(out, "out"),
        settings,
        Existing(existing),
        Silent(),
    )
    parts = {field.name: getattr(result.course, field.name) for field in fields(core.Course)}
    failures = tuple(f"{item.where}: {item.why}" for item in result.failures)
    return Course(**parts, failures=failures)
