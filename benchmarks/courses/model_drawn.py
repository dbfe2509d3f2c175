"""Courses of a moved real CT whose masks the embedded model draws: its own errors, not random ones.

A network runs once for each visit; each visit is kept in the work folder.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from courses.registered import (
    Livers,
    RegisteredCourse,
    keep,
    register_visits,
    seen_lesions,
)
from courses.simulated import SimulatedVisit, real_course
from lvt_track.core.components import label_components
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.methods import METHODS
from lvt_track.core.series import Phase
from lvt_track.core.volume import LabelArray
from lvt_track.io.images.volumes import rounded_probability
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.lookalikes import lookalikes
from lvt_track.lesions.lookback.scan import liver_scan
from lvt_track.lesions.spots import drawn_spots
from lvt_track.lesions.tumor_probability import improbable, lesion_evidence, tumor_probability
from lvt_track.register.liver_image import liver_image
from lvt_track.segment.infer import segment
from lvt_track.segment.models import Model, load_model

__all__ = ["DRAWN", "MORE_NEW", "DrawnVisit", "model_courses", "register_drawn"]

DRAWN = "drawn by the model"
FIRST, FIRST_MADE_UP = 500, 1000
"""Seeds of the courses, and identities of what is no tumour."""

MORE_NEW = 3
"""So many more lesions than in other courses appear after the first visit."""


@dataclass(frozen=True, eq=False)
class DrawnVisit:
    """A visit, and what the model makes of it.

    Attributes:
        truth: the visit with the true masks.
        drawn: with the model's, and of each of its voxels the tumour that it is of.
        probability: of tumour (z, y, x), as `lvt track` keeps it.
    """

    truth: SimulatedVisit
    drawn: SimulatedVisit
    probability: NDArray[np.floating]


def draw(number: int, visit: SimulatedVisit, model: Model) -> DrawnVisit:
    """Let the model draw the masks of a visit."""
    result = segment(visit.volume, model, "cpu", keep_probabilities=("tumors",))
    identities = _identities(result.masks.tumors, visit.identities, FIRST_MADE_UP * (number + 1))
    drawn = replace(visit, masks=result.masks, identities=identities)
    kept = np.where(result.masks.liver, result.probabilities["tumors"], 0)
    return DrawnVisit(visit, drawn, rounded_probability(kept))


def _identities(
    drawn: NDArray[np.bool_], truth: NDArray[np.int16], first_made_up: int
) -> NDArray[np.int16]:
    """Of each drawn voxel the tumour it is of: where none is, the largest of its component's."""
    labels, count = label_components(drawn)
    named = np.where(drawn, truth, 0).astype(np.int16)
    for label in range(1, count + 1):
        inside = labels == label
        identities = named[inside & (named > 0)]
        rest = first_made_up + label
        if identities.size:
            rest = int(np.bincount(identities).argmax())
        named[inside & (named == 0)] = rest
    return named


def register_drawn(number: int, visits: Sequence[DrawnVisit]) -> tuple[RegisteredCourse, Livers]:
    """Measure, weigh and register what the model drew, as `lvt track` does."""
    drawn = [visit.drawn for visit in visits]

    def weighed(k: int, visit: SimulatedVisit) -> tuple[LabelArray, tuple[Lesion, ...]]:
        labels, lesions = find_lesions(k, visit.volume, visit.masks, at_edges=True)
        spots = drawn_spots(visit.volume, visit.masks, labels)
        against = lookalikes(visit.volume, visit.masks, spots)
        evidence = lesion_evidence(spots, visits[k].probability, against)
        return labels, tuple(
            replace(
                one,
                doubt=against.get(one.label) or improbable(evidence[one.label]),
                tumor_probability=tumor_probability(evidence[one.label]),
            )
            for one in lesions
        )

    truth = [visit.truth for visit in visits]
    seen = {"given": seen_lesions(truth), DRAWN: seen_lesions(drawn, weighed)}
    images = [liver_image(visit.volume, visit.masks) for visit in drawn]
    livers = tuple(liver_scan(v.drawn.volume, v.drawn.masks, v.probability) for v in visits)
    return register_visits(("real", number), truth, images, seen), livers


def model_courses(work: Path, count: int, visits: int) -> Iterator[tuple[RegisteredCourse, Livers]]:
    """The first so many courses, one after the other.

    Every visit that the model has drawn is kept in the folder `work`, about 70 MB, and every course
    that is registered: whoever asks again goes on where it was stopped.
    """
    work.mkdir(parents=True, exist_ok=True)
    for number in range(FIRST, FIRST + count):
        path = work / f"registered-{number}-by-{METHODS['lesions']}-{METHODS['register']}.pickle"
        if not path.exists():
            keep(register_drawn(number, _drawn_visits(work, number, visits)), path)
        course: tuple[RegisteredCourse, Livers] = pickle.loads(path.read_bytes())
        yield course


def _drawn_visits(work: Path, number: int, visits: int) -> list[DrawnVisit]:
    paths = [work / f"drawn-{number}-{k}.pickle" for k in range(visits)]
    missing = [k for k, path in enumerate(paths) if not path.exists()]
    if missing:
        model = load_model("default")
        truth = real_course(number, [Phase.PORTAL] * visits, MORE_NEW)
        for k in missing:
            start = time.process_time()
            keep(draw(k, truth[k], model), paths[k])
            seconds = time.process_time() - start
            print(f"drawn {number}, visit {k + 1}: {seconds:.0f} s of CPU", flush=True)
    return [pickle.loads(path.read_bytes()) for path in paths]
