"""Options that several commands share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lvt_track.core.threads import limit_threads
from lvt_track.errors import UsageError

if TYPE_CHECKING:
    from lvt_track.pipeline.run.output import Existing
    from lvt_track.pipeline.run.pseudonyms import Pseudonyms

__all__ = [
    "AuthFileOption",
    "CorrectionsOption",
    "CriteriaOption",
    "DeviceOption",
    "EvaluatorOption",
    "ForceOption",
    "IdentifyOption",
    "JsonOption",
    "ModelOption",
    "OnePatientOption",
    "OutOption",
    "PlanOption",
    "PrecisionOption",
    "QuietOption",
    "RadiologistOption",
    "ResampledOption",
    "ResumeOption",
    "SegTypeOption",
    "SitesOption",
    "ThreadsOption",
    "TimeoutOption",
    "TuOption",
    "day_of",
    "existing_results",
    "pseudonyms_unless",
]


def _use_threads(count: int | None) -> int | None:
    """Apply `--threads` before the command loads what counts threads."""
    if count is not None:
        limit_threads(count)
    return count


AuthFileOption = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with token, or user and password, and client_cert, client_key, ca; else "
        "the variables LVT_ARCHIVE_TOKEN, _USER, _PASSWORD, …"
    ),
]
TimeoutOption = Annotated[
    float, typer.Option(min=1.0, help="Seconds after which a silent archive is given up.")
]
CorrectionsOption = Annotated[
    Path | None, typer.Option(help="CSV of links between lesions that a reader adds or removes.")
]
RadiologistOption = Annotated[
    Path | None,
    typer.Option(
        help="A radiologist's measurements to compare with: a table, a DICOM SR, or a folder of SR."
    ),
]
TuOption = Annotated[
    Path | None, typer.Option(help="SDTM TU domain that belongs to the radiologist's TR domain.")
]
EvaluatorOption = Annotated[
    str | None,
    typer.Option(
        help="Whose rows of the radiologist's table count; by default each reader is compared."
    ),
]
SitesOption = Annotated[
    Path | None,
    typer.Option(
        help="CSV with columns word and organ: more words than lvt knows for sites in the "
        "radiologist's table."
    ),
]
OutOption = Annotated[
    Path, typer.Option("-o", "--out", help="Folder for the results.", show_default=False)
]
CriteriaOption = Annotated[
    str,
    typer.Option(
        "--criteria",
        metavar="NAMES",
        help="Response criteria, with commas between, such as recist1.1,irecist,volume; "
        "a name that is not known is answered with all of them.",
    ),
]
SegTypeOption = Annotated[
    str | None,
    typer.Option(
        "--seg-type",
        metavar="TYPE",
        help="How seg.dcm holds what overlaps: binary (as it is, the default), labelmap (each "
        "voxel once, in the class of label maps) or split (tumours in seg_tumors.dcm).",
    ),
]
ResampledOption = Annotated[
    bool,
    typer.Option(
        "--resampled",
        help="Also write each later scan on the grid of the first, for side-by-side viewers.",
    ),
]
PlanOption = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Also plan every visit as `lvt plan` does: vessels, segments, distances of tumours; "
        "meshes and pictures of the last.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where the network runs: auto, cpu, cuda or cuda:N.")
]
ModelOption = Annotated[
    str, typer.Option("--model", help="Name of the model, see `lvt models`; or its folder.")
]
OnePatientOption = Annotated[
    bool,
    typer.Option(
        "--one-patient",
        help="All scans are of one patient, though headers or folders disagree, as after "
        "de-identification visit by visit.",
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Of the network: auto (the fastest that is sound), float32, bfloat16, or int8, which "
        "loses accuracy.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        callback=_use_threads,
        help="Cores to use at most; by default all that this process is allowed.",
        show_default=False,
    ),
]
IdentifyOption = Annotated[
    bool,
    typer.Option(
        "--identify",
        help="Show the patient's id, names of files and series, in place of pseudonyms.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over results that are there.")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with a run; keep what is done and still valid.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def pseudonyms_unless(identify: bool) -> Pseudonyms | None:
    """What stands for names in results; nothing where the user asks for the real ones."""
    from lvt_track.pipeline.run.pseudonyms import default_pseudonyms

    return None if identify else default_pseudonyms()


def existing_results(force: bool, resume: bool) -> Existing:
    """What the options say of results that are already there.

    Raises:
        UsageError: when both are given.
    """
    from lvt_track.pipeline.run.output import Existing

    if force and resume:
        raise UsageError("--force and --resume exclude each other")
    if force:
        return Existing.FORCE
    return Existing.RESUME if resume else Existing.REFUSE


def day_of(option: str, written: str | None) -> dt.date | None:
    """The day that an option names.

    Raises:
        UsageError: when it is none.
    """
    if written is None:
        return None
    try:
        return dt.date.fromisoformat(written)
    except ValueError:
        raise UsageError(f"{option} {written} is no day", remedy="Give it as YYYY-MM-DD") from None
