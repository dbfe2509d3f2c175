"""The output folder of a run: the one place that knows what its files are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.series import Visit
from lvt_track.io.layouts.results import DRAWN_FILE, LVT_FILE
from lvt_track.report.columns import COURSE

__all__ = ["MANIFEST", "TABLES", "RunFolder", "VisitFolder", "series_name"]

MANIFEST = "run.json"

TABLES = (*COURSE, "agreement", "reader_pairs", "planning", "remnant", "vessels")
"""Tables of a patient, by the names of their files without `.csv`."""

_VISITS, _TRANSFORMS, _PDF, _HTML = "visits", "transforms", "report.pdf", "report.html"
_PLANNING_PDF, _PLANNING_RECORD = "planning.pdf", "planning.json"


@dataclass(frozen=True)
class RunFolder:
    """What `lvt track` writes, and where.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def manifest(self) -> Path:
        """What was run."""
        return self.path / MANIFEST

    @property
    def pdf(self) -> Path:
        """The report to print."""
        return self.path / _PDF

    @property
    def html(self) -> Path:
        """The report for a browser."""
        return self.path / _HTML

    @property
    def planning_pdf(self) -> Path:
        """The pages of a plan."""
        return self.path / _PLANNING_PDF

    @property
    def planning_record(self) -> Path:
        """What was planned."""
        return self.path / _PLANNING_RECORD

    @property
    def transforms(self) -> Path:
        """Folder of how each visit was brought onto the reference."""
        return self.path / _TRANSFORMS

    @property
    def visits(self) -> Path:
        """Folder of the visits' folders."""
        return self.path / _VISITS

    def lvt_files(self) -> list[Path]:
        """Every file here that is lvt's own by its name; whatever else lies here is not."""
        tables = (self.table(name) for name in TABLES)
        documents = (self.manifest, self.pdf, self.html, self.track_colors)
        planning = (self.planning_pdf, self.planning_record)
        top = [path for path in (*documents, *planning, *tables) if path.is_file()]
        transforms = [
            path for form in ("h5", "npz") for path in self.transforms.glob(f"*_to_*.{form}")
        ]
        visits = [path for path in self.visits.glob("*/*") if LVT_FILE.fullmatch(path.name)]
        return [
            path for path in (*top, *transforms, *visits, *self.plan_drawings()) if path.is_file()
        ]

    def plan_drawings(self) -> list[Path]:
        """Every surface and picture of a plan."""
        return [*self.visits.glob("*/meshes/*.stl"), *self.visits.glob("*/views/*.png")]

    def drawn_files(self) -> list[Path]:
        """Every mask and probability here, of whichever series."""
        return [path for path in self.visits.glob("*/*") if DRAWN_FILE.fullmatch(path.name)]

    def lvt_folders(self) -> list[Path]:
        """Every folder that lvt has made here, those above first."""
        folders = (
            self.transforms,
            self.visits,
            *self.visits.glob("*"),
            *self.visits.glob("*/meshes"),
            *self.visits.glob("*/views"),
        )
        return [path for path in folders if path.is_dir() and not path.is_symlink()]

    @property
    def track_colors(self) -> Path:
        """Colours of the maps of tracks, for 3D Slicer."""
        return self.path / "tracks.ctbl"

    def table(self, name: str) -> Path:
        """A table, by a name of `TABLES`."""
        if name not in TABLES:
            raise ValueError(f"no table is called {name!r}")
        return self.path / f"{name}.csv"

    def transform(self, reference: str, visit: str) -> Path:
        """How a visit was brought onto the reference, both by their ISO dates."""
        return self.transforms / f"{reference}_to_{visit}.h5"

    def alignment(self, reference: str, visit: str) -> Path:
        """The same with all that lvt knows of it, to be taken up again."""
        return self.transform(reference, visit).with_suffix(".npz")

    def visit(self, name: str) -> VisitFolder:
        """The files of a visit, by its ISO date."""
        return VisitFolder(self.visits / name)


@dataclass(frozen=True)
class VisitFolder:
    """The files of one visit.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def lesions(self) -> Path:
        """Label map of the lesions of the tracked series."""
        return self.path / "lesions.nii.gz"

    @property
    def cysts(self) -> Path:
        """What a model left out of the tumours as fluid."""
        return self.path / "cysts.nii.gz"

    @property
    def probability(self) -> Path:
        """How sure a model was of tumour, inside the liver."""
        return self.path / "tumors_probability.nii.gz"

    @property
    def segmentation(self) -> Path:
        """The masks as a DICOM segmentation."""
        return self.path / "seg.dcm"

    @property
    def tumor_segmentation(self) -> Path:
        """The tumours as a DICOM segmentation of their own, where organs are another."""
        return self.path / "seg_tumors.dcm"

    @property
    def structured_report(self) -> Path:
        """The measurements as a DICOM structured report."""
        return self.path / "sr.dcm"

    @property
    def tracks(self) -> Path:
        """Map of the lesions with the number of their track."""
        return self.path / "tracks.nii.gz"

    @property
    def on_baseline(self) -> Path:
        """The scan on the grid of the first visit."""
        return self.path / "ct_on_baseline.nii.gz"

    @property
    def portal(self) -> Path:
        """Portal veins."""
        return self.path / "portal.nii.gz"

    @property
    def hepatic(self) -> Path:
        """Hepatic veins."""
        return self.path / "hepatic.nii.gz"

    @property
    def segments(self) -> Path:
        """Couinaud's segments, 1 to 8."""
        return self.path / "segments.nii.gz"

    @property
    def resection(self) -> Path:
        """What the first resection takes."""
        return self.path / "resection.nii.gz"

    @property
    def scene(self) -> Path:
        """All surfaces in one file."""
        return self.path / "meshes.glb"

    @property
    def meshes(self) -> Path:
        """Folder of surfaces, one file each."""
        return self.path / "meshes"

    @property
    def views(self) -> Path:
        """Folder of the pictures of a plan."""
        return self.path / "views"

    def mask(self, class_name: str, series: str = "") -> Path:
        """The mask of a class; `series` as `series_name` gives it."""
        prefix = f"{series}_" if series else ""
        return self.path / f"{prefix}{class_name}.nii.gz"


def series_name(visit: Visit, k: int) -> str:
    """What the files of series `k` of a visit begin with: nothing for the tracked one, else its
    phase, numbered where several have it."""
    if k == visit.tracked:
        return ""
    phase = visit.series[k].phase
    same = [
        n for n, series in enumerate(visit.series) if n != visit.tracked and series.phase == phase
    ]
    return phase.value if len(same) == 1 else f"{phase}{same.index(k) + 1}"
