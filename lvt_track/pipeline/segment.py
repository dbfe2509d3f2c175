"""The job of `lvt segment`: one scan in, its masks out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvt_track.core.components import label_by_size
from lvt_track.core.volume import CLASSES
from lvt_track.errors import LvtError
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.headers import stem_of
from lvt_track.io.images.volumes import write_masks, write_probability
from lvt_track.lesions.lookalikes import lookalike_warning, lookalikes
from lvt_track.lesions.spots import drawn_spots
from lvt_track.pipeline.masks import masks_of
from lvt_track.pipeline.run.clock import time_now
from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.folder import VisitFolder
from lvt_track.pipeline.run.manifest import Manifest, record_input
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.output import Existing, check_apart, claim_folder
from lvt_track.pipeline.run.places import shown_manifest
from lvt_track.pipeline.run.progress import Progress, Stopwatch
from lvt_track.pipeline.run.pseudonyms import Pseudonyms, default_pseudonyms

__all__ = ["SegmentResult", "SegmentSettings", "segment_scan"]


@dataclass(frozen=True)
class SegmentSettings:
    """Choices of `lvt segment`.

    Attributes:
        model: that draws.
        save_probabilities: whether its probabilities are written too.
        pseudonyms: that stand for names in what is written and told; None for the real ones.
    """

    model: ModelChoice = field(default_factory=ModelChoice)
    save_probabilities: bool = False
    pseudonyms: Pseudonyms | None = field(default_factory=default_pseudonyms, compare=False)


@dataclass(frozen=True)
class SegmentResult:
    """What `lvt segment` found.

    Attributes:
        folder: where the masks are.
        liver_ml, vessels_ml, tumors_ml: their volumes.
        model: what made them.
        warnings: what a reader must know.
        seconds: time per stage.
    """

    folder: Path
    liver_ml: float
    vessels_ml: float
    tumors_ml: float
    model: str
    warnings: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "liver_ml": round(self.liver_ml, 1),
            "vessels_ml": round(self.vessels_ml, 1),
            "tumors_ml": round(self.tumors_ml, 2),
            "model": self.model,
            "warnings": list(self.warnings),
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
        }

    def summary(self) -> str:
        """The result in a few lines."""
        return (
            f"liver {self.liver_ml:.0f} mL, vessels {self.vessels_ml:.0f} mL, "
            f"tumors {self.tumors_ml:.1f} mL\nmasks in {self.folder}"
        )


def segment_scan(
    ct: Path, out: Path, settings: SegmentSettings, existing: Existing, progress: Progress
) -> SegmentResult:
    """Segment one scan; write its masks, the probabilities where asked for, and `run.json`.

    Raises:
        InputError: when the scan cannot be used.
        UsageError, OutputError: when the output folder cannot.
    """
    check_apart(ct, out)
    place = ct.parent if ct.is_file() and stem_of(ct) is None else ct  # a slice of a series
    shows = Disclosure(place, settings.pseudonyms)
    try:
        return _segment(ct, shows, out, (settings, existing), shows.progress(progress))
    except LvtError as error:
        raise shows.error(error) from None


def _segment(
    ct: Path,
    shows: Disclosure,
    out: Path,
    options: tuple[SegmentSettings, Existing],
    progress: Progress,
) -> SegmentResult:
    watch, (settings, existing) = Stopwatch(), options
    choice = settings.model
    started = time_now()
    # Networks are compiled while another core unpacks the scan.
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(choice.prepare)
        with watch.stage("read"):
            series = series_at(ct)
            volume = read_scan(series)
        claim_folder(out, existing)
        for text in series.warnings:
            progress.warn(text)
        with watch.stage("load model"):
            loading.result()
        recording = beside.submit(record_input, "", "scan", series.files)
        scan = masks_of(
            replace(series, masks={}),
            volume,
            choice,
            progress,
            keep_probabilities=CLASSES if settings.save_probabilities else (),
        )
    with watch.stage("judge"):
        spots = drawn_spots(volume, scan.masks, label_by_size(scan.masks.tumors))
        doubts = lookalike_warning(lookalikes(volume, scan.masks, spots).values())
    scan = replace(scan, warnings=(*scan.warnings, *doubts))
    for text in scan.warnings:
        progress.warn(text)
    with watch.stage("write"):
        like = None if series.is_dicom else series.files[0]
        folder = VisitFolder(out)
        masks = {folder.mask(name): getattr(scan.masks, name) for name in CLASSES}
        if scan.cysts is not None:
            masks[folder.cysts] = scan.cysts
        write_masks(masks, volume.geometry, like)
        for name, probability in scan.probabilities.items():
            path = out / f"{name}_probability.nii.gz"
            write_probability(probability, volume.geometry, path, like=like)
    seconds = watch.seconds | scan.seconds
    manifest = Manifest(
        patient=shows.shown_scan,
        source=str(ct.absolute()),
        started=started,
        settings=choice.facts(),
        models=choice.model.digests,
        inputs=[recording.result()],
        warnings=[*series.warnings, *scan.warnings],
        seconds=seconds,
        command="segment",
        masks=scan.sources,
        engine=scan.engine,
    )
    shown_manifest(manifest, shows, out).write(out)
    return SegmentResult(
        folder=out,
        liver_ml=scan.masks.volume_ml("liver"),
        vessels_ml=scan.masks.volume_ml("vessels"),
        tumors_ml=scan.masks.volume_ml("tumors"),
        model=choice.model.name,
        warnings=tuple(shows.text(text) for text in (*series.warnings, *scan.warnings)),
        seconds=seconds,
    )
