"""Masks of one series of a visit: those of an earlier run where they still hold, else new ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lvt_track.core.components import count_components, label_by_size
from lvt_track.core.course import EDITED, GIVEN
from lvt_track.core.field_of_view import liver_is_cut
from lvt_track.core.series import MaskSource, Series, Visit
from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.io.images.volumes import (
    read_mask,
    read_probability,
    rounded_probability,
    write_labels,
    write_masks,
    write_probability,
)
from lvt_track.lesions.given_labels import TumorLabels
from lvt_track.pipeline.masks import SegmentedScan, given_tumors, masks_of
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder, VisitFolder, series_name
from lvt_track.pipeline.run.manifest import MaskRecord, mask_digest, voxel_digest
from lvt_track.pipeline.run.output import make_folder
from lvt_track.segment.postprocess.fluid import fluid_warning
from lvt_track.segment.postprocess.given import tumor_warnings

__all__ = ["SeriesAt", "SeriesMasks", "SeriesScan", "cut_liver", "series_masks"]


@dataclass(frozen=True)
class SeriesAt:
    """One series of a visit."""

    visit: Visit
    k: int

    @property
    def series(self) -> Series:
        """The series itself."""
        return self.visit.series[self.k]

    @property
    def is_tracked(self) -> bool:
        """Whether it is the one that is followed through time."""
        return self.k == self.visit.tracked

    @property
    def name(self) -> str:
        """What its files begin with."""
        return series_name(self.visit, self.k)

    @property
    def key(self) -> str:
        """Its name in the manifest."""
        return f"{self.visit.name}/{self.name}".rstrip("/")

    @property
    def like(self) -> Path | None:
        """The image whose header a mask takes over, so that both have the same affine."""
        return None if self.series.is_dicom else self.series.files[0]

    def path(self, folder: RunFolder, class_name: str) -> Path:
        """Its mask of a class."""
        return folder.visit(self.visit.name).mask(class_name, self.name)


@dataclass(frozen=True, eq=False)
class SeriesScan:
    """A series that was read."""

    at: SeriesAt
    volume: Volume

    @functools.cached_property
    def digest(self) -> str:
        """Of its voxels."""
        return voxel_digest(self.volume)


@dataclass(frozen=True, eq=False)
class SeriesMasks:
    """Masks of a series as they were drawn, before visits agreed on cysts.

    Attributes:
        scan: the masks; `cysts` is None where the agreement has no say, as in tumours that were
            given or edited.
        returned: of the cysts, those that are tumours by the agreement of an earlier run (z, y, x);
            None where there are none.
        writing: of new masks into files, that goes on; see `settle`.
    """

    scan: SegmentedScan
    returned: BoolArray | None = None
    writing: Future[None] | None = None

    def settle(self, run: Run) -> None:
        """Wait until the masks are in their files.

        Raises:
            OutputError: when a file cannot be written.
        """
        if self.writing is not None:
            with run.watch.stage("write"):
                self.writing.result()


def series_masks(scan: SeriesScan, run: Run, is_current: bool, beside: Executor) -> SeriesMasks:
    """The masks of a series; new ones are written below the folder of the run, if it has one.

    Masks that a reader has edited are never written over: of an earlier run of other settings
    they are taken as if they had been given.

    Args:
        scan: the series.
        run: with what an earlier run left.
        is_current: whether the masks of the earlier run were made from the same files in the same
            way, so that they need not be made again.
        beside: writes new masks while they are measured.

    Raises:
        InputError: when a mask of the run or one given beside the scan cannot be used, or when
            masks were edited that belong to another scan.
    """
    at, volume = scan.at, scan.volume
    record = run.earlier.drawn.get(at.key) if run.earlier else None
    if run.folder is None or (record is None and not run.keeps_masks):
        return _made(scan, run, {}, beside)
    masks, labels = _earlier_masks(at, volume, run.folder, is_strict=run.keeps_masks)
    edited = {
        name: mask
        for name, mask in masks.items()
        if record is not None
        and not record.knows(name, mask_digest(mask, labels.apart if name == "tumors" else None))
    }
    if run.keeps_masks or (is_current and len(masks) == len(CLASSES)):
        if record is not None and record.scan_sha256 != scan.digest:
            run.warn(f"{at.key}: its scan is another than that of which the masks were made")
        whole = Masks.of(masks, volume.geometry, labels.apart)
        kept = _kept(at, whole, run, frozenset(edited))
        if "tumors" not in edited:
            return kept
        warnings = (*kept.scan.warnings, *labels.remarks)
        return replace(kept, scan=replace(kept.scan, warnings=warnings))
    if edited and record is not None and record.scan_sha256 != scan.digest:
        raise InputError(
            f"{' and '.join(edited)} were edited, but the scan is another one now",
            path=at.path(run.folder, next(iter(edited))),
            remedy="Move the edited masks elsewhere, or give another -o",
        )
    return _made(scan, run, edited, beside)


def _earlier_masks(
    at: SeriesAt, volume: Volume, folder: RunFolder, *, is_strict: bool
) -> tuple[dict[str, BoolArray], TumorLabels]:
    """The masks of an earlier run by class name, and what the labels of its tumours say.

    Those that are gone or damaged are left out, unless all must be there.

    Raises:
        InputError: when one that must be there cannot be read.
    """
    masks, labels = {}, TumorLabels()
    for name in CLASSES:
        path = at.path(folder, name)
        try:
            if name == "tumors":
                masks[name], labels = given_tumors(MaskSource(path), volume.geometry)
            else:
                masks[name] = read_mask(path, volume.geometry)
        except InputError:
            if is_strict:
                raise
            continue  # it is made again
    return masks, labels


def _kept(at: SeriesAt, masks: Masks, run: Run, edited: frozenset[str]) -> SeriesMasks:
    """The masks of an earlier run as they are now, brought back to how they were drawn."""
    record = run.earlier.drawn.get(at.key) if run.earlier else None
    folder = _visit_folder(at, run)
    if record is None:  # a run of version 0.1.0, which kept no record
        model = run.model.name
        sources = {name: GIVEN if name in at.series.masks else model for name in CLASSES}
    else:
        run.manifest.drawn[at.key] = record
        sources = record.sources | dict.fromkeys(edited, EDITED)
    cysts, returned = None, None
    if at.is_tracked and sources["tumors"] != GIVEN and folder.cysts.exists():
        cysts = read_mask(folder.cysts, masks.geometry) & ~masks.tumors
    warnings = _shown(masks, sources, cysts)
    if record is not None and not edited:
        warnings = tuple(record.warnings)
    if record is None or "tumors" in edited:
        drawn_cysts = None
    else:
        drawn_cysts = cysts
        labels = record.returned.get(mask_digest(masks.tumors), [])
        if labels and cysts is not None:
            returned = np.isin(label_by_size(masks.tumors), labels)
            masks = replace(masks, tumors=masks.tumors & ~returned)
            drawn_cysts = cysts | returned
    probabilities = {}
    if _wants_probability(at) and folder.probability.exists():
        probabilities["tumors"] = read_probability(folder.probability, masks.geometry)
    scan = SegmentedScan(masks, sources, warnings, probabilities, cysts=drawn_cysts)
    return SeriesMasks(scan, returned)


def _shown(masks: Masks, sources: dict[str, str], cysts: BoolArray | None) -> tuple[str, ...]:
    """What is to be said of masks that may have changed since they were made."""
    cut = () if sources["liver"] == GIVEN else cut_liver(liver_is_cut(masks.liver, None))
    fluid = () if cysts is None else fluid_warning(count_components(cysts))
    return (*cut, *tumor_warnings(masks), *fluid)


def cut_liver(is_cut: bool) -> tuple[str, ...]:
    """A warning where a liver reaches an end of what the scan shows."""
    if not is_cut:
        return ()
    return ("the liver reaches the end of the scan: a part of it may not be shown",)


def _made(
    source: SeriesScan, run: Run, edited: dict[str, BoolArray], beside: Executor
) -> SeriesMasks:
    """New masks of a series, but for those that a reader has edited; written where they stay."""
    at, volume = source.at, source.volume
    wanted = ("tumors",) if _wants_probability(at) else ()
    given = {name: MaskSource(at.path(run.folder, name)) for name in edited} if run.folder else {}
    series = replace(at.series, masks=at.series.masks | given)
    with run.watch.stage("segment"):
        scan = masks_of(series, volume, run.model, run.progress, keep_probabilities=wanted)
    run.manifest.engine = scan.engine or run.manifest.engine
    if edited:
        scan = replace(scan, sources=scan.sources | dict.fromkeys(edited, EDITED))
    if "tumors" in scan.probabilities:
        probability = scan.probabilities["tumors"]
        probability[~scan.masks.liver] = 0  # packs to little, and nothing else is looked at
        # As it is read from the file, so that a report looks back at the same.
        scan = replace(scan, probabilities={"tumors": rounded_probability(probability)})
    if run.folder is None:
        return SeriesMasks(scan)
    with run.watch.stage("write"):
        write = _noted(source, scan, run, frozenset(edited))
    return SeriesMasks(scan, writing=beside.submit(write))


def _noted(
    source: SeriesScan, scan: SegmentedScan, run: Run, edited: frozenset[str]
) -> Callable[[], None]:
    """What writes new masks; the manifest knows of them before they are there."""
    at = source.at
    folder = _visit_folder(at, run)
    new = {name: getattr(scan.masks, name) for name in CLASSES if name not in edited}
    record = MaskRecord(scan.sources, list(scan.warnings), source.digest)
    before = run.manifest.drawn.get(at.key)
    if before is not None:
        record.sha256, record.returned = dict(before.sha256), dict(before.returned)
    apart = scan.masks.tumor_labels
    for name, mask in new.items():
        record.note(name, mask_digest(mask, apart if name == "tumors" else None))
    record.returned.pop(mask_digest(scan.masks.tumors), None)
    run.manifest.drawn[at.key] = record
    run.save_manifest()
    make_folder(folder.path)
    files: dict[Path, BoolArray] = {folder.mask(name, at.name): mask for name, mask in new.items()}
    if at.is_tracked:
        folder.cysts.unlink(missing_ok=True)  # another model's
        if scan.cysts is not None:
            files[folder.cysts] = scan.cysts

    def write() -> None:
        tumors = folder.mask("tumors", at.name)
        if apart is not None and files.pop(tumors, None) is not None:
            write_labels(apart, scan.masks.geometry, tumors, at.like)
        write_masks(files, scan.masks.geometry, at.like)
        if _wants_probability(at) and "tumors" in scan.probabilities:
            probability = scan.probabilities["tumors"]
            write_probability(probability, scan.masks.geometry, folder.probability, like=at.like)
        record.settle()

    return write


def _wants_probability(at: SeriesAt) -> bool:
    return at.is_tracked and "tumors" not in at.series.masks


def _visit_folder(at: SeriesAt, run: Run) -> VisitFolder:
    assert run.folder is not None
    return run.folder.visit(at.visit.name)
