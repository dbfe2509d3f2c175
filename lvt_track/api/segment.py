"""A scan from disk, and its masks."""

from __future__ import annotations

from lvt_track.api.arguments import PathOrText, existing_path, type_error
from lvt_track.core.volume import Masks, Volume

__all__ = ["read_volume", "segment"]


def read_volume(path: PathOrText) -> Volume:
    """Read a CT scan.

    Args:
        path: a NIfTI, NRRD or MHA file, or a folder with the slices of one DICOM series.

    Returns:
        HU (z, y, x) and their `Geometry` in LPS mm. Padding and what is no number is -1024 HU.

    Raises:
        InputError: when nothing is there, or it is no CT in Hounsfield units.
        TypeError: for what is no path.

    Example:
        >>> import lvt_track as lvt
        >>> scan = lvt.read_volume("patient/2024-01-15/portal.nii.gz")
        >>> scan.hu.shape, scan.geometry.spacing_mm
        ((40, 72, 88), (4.0, 3.0, 3.0))
    """
    from lvt_track.io.discover import read_scan, series_at

    return read_scan(series_at(existing_path(path, "the scan")))


def segment(scan: Volume | PathOrText, *, model: str = "default", device: str = "auto") -> Masks:
    """Draw liver, vessels and tumours in a CT scan.

    The network has one sigmoid per class, and learned from data that each label only a part
    (Østmo et al., NLDL 2026, PMLR 307:415-427). Vessels and tumours lie inside the liver.

    Args:
        scan: a volume, or a path as `read_volume` takes it.
        model: its name, see `lvt models`; or its folder.
        device: where the networks run: `auto`, `cpu`, `cuda` or `cuda:N`.

    Returns:
        Boolean masks (z, y, x) on the grid of the scan; they may overlap. Without a liver all are
        empty.

    Raises:
        InputError: when the scan cannot be read or is not in Hounsfield units, or there is no such
            model.
        UsageError: when the machine has no such device.
        TypeError: for what is neither a volume nor a path.

    Example:
        >>> import lvt_track as lvt
        >>> scan = lvt.read_volume("patient/2024-01-15/portal.nii.gz")
        >>> masks = lvt.segment(scan)  # doctest: +SKIP
        >>> masks.volume_ml("liver")  # doctest: +SKIP
        917.4
    """
    from lvt_track.pipeline.run.model_choice import ModelChoice

    if not isinstance(scan, Volume):
        try:
            scan = read_volume(scan)
        except TypeError:
            raise type_error("scan", "a Volume or a path", scan) from None
    return ModelChoice(model, device).segment(scan).masks
