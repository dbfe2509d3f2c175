"""Alignments that a run keeps, so that a report with another correction finds none anew.

An alignment is found from two small pictures by one method. Their digest is kept beside it, and an
alignment is taken up again only where the digest is the same: it is what would be found again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lvt_track.core.course import RegistrationQuality
from lvt_track.core.geometry import Geometry
from lvt_track.core.methods import METHODS
from lvt_track.io.files import write_whole
from lvt_track.register.affine import Affine
from lvt_track.register.align import Alignment
from lvt_track.register.displacement import Displacement
from lvt_track.register.liver_image import LiverImage

__all__ = ["alignment_digest", "read_alignment", "write_alignment"]

_FIELDS = ("displacement", "reverse")


def alignment_digest(fixed: LiverImage, moving: LiverImage) -> str:
    """Digest of all that the alignment of a moving visit onto a fixed one is found from."""
    digest = hashlib.sha256(f"register {METHODS['register']}".encode())
    for image in (fixed, moving):
        for array in (image.hu, image.liver, image.tumors, image.inside):
            digest.update(np.ascontiguousarray(array).data)
        for grid in (image.geometry, image.scan):
            digest.update(json.dumps(_grid_facts(grid)).encode())
    return digest.hexdigest()


def write_alignment(alignment: Alignment, digest: str, path: Path) -> None:
    """Write an alignment down; it appears whole or not at all.

    Args:
        alignment: from the reference to a visit.
        digest: of what it was found from, see `alignment_digest`.
        path: ends in `.npz`; left as it is where it holds this alignment already.

    Raises:
        OutputError: when the file cannot be written.
    """
    if read_alignment(path, digest, 0, alignment.moving_scan) is not None:
        return
    facts: dict[str, Any] = {"digest": digest, "quality": asdict(alignment.quality)}
    affine = alignment.affine
    arrays: dict[str, Any] = {
        "matrix": affine.matrix,
        "shift_mm": affine.shift_mm,
        "centre_mm": affine.centre_mm,
    }
    for name in _FIELDS:
        field: Displacement | None = getattr(alignment, name)
        if field is not None:
            arrays[name] = field.field_mm
            facts[name] = _grid_facts(field.geometry)
    with write_whole(path) as temporary:
        np.savez_compressed(temporary, facts=np.array(json.dumps(facts)), **arrays)


def read_alignment(path: Path, digest: str, reference: int, scan: Geometry) -> Alignment | None:
    """An alignment that was written down; None where it is of something else, or cannot be read.

    Args:
        path: of the file.
        digest: of what is to be aligned, see `alignment_digest`.
        reference: index of the fixed visit in the course.
        scan: grid of the other visit's scan.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            if facts["digest"] != digest:
                return None
            displacement, reverse = (
                Displacement(arrays[name], _grid(facts[name])) if name in facts else None
                for name in _FIELDS
            )
            affine = Affine(arrays["matrix"], arrays["shift_mm"], arrays["centre_mm"])
            if not np.isfinite(affine(np.eye(3))).all():
                return None
            quality = RegistrationQuality(**(facts["quality"] | {"reference": reference}))
    except Exception:  # a damaged archive raises a dozen kinds, and costs no more than time
        return None
    return Alignment(affine, displacement, reverse, scan, quality)


def _grid_facts(grid: Geometry) -> dict[str, Any]:
    return {
        "shape": grid.shape,
        "spacing_mm": grid.spacing_mm,
        "origin_mm": grid.origin_mm,
        "direction": grid.direction.tolist(),
    }


def _grid(facts: Mapping[str, Any]) -> Geometry:
    return Geometry(
        tuple(facts["shape"]),
        tuple(facts["spacing_mm"]),
        tuple(facts["origin_mm"]),
        np.array(facts["direction"]),
    )
