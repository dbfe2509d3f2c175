"""All visits of a course onto one of them, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from lvt_track.core.threads import threads_of
from lvt_track.register.align import Alignment, align, choose_reference
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import LiverImage

__all__ = ["register_course"]


def register_course(
    images: Sequence[LiverImage],
    on_visit: Callable[[int], None] | None = None,
    device: torch.device | str = "cpu",
    known: Callable[[int, int], Alignment | None] = lambda reference, visit: None,
) -> CommonFrame:
    """Bring every visit onto the reference visit.

    Visits are worked on side by side, each on one core: the grids are small, and threads that
    wait for each other inside one pair cost more than they gain, most of all on a busy machine.

    Args:
        images: one per visit.
        on_visit: called with the index of each visit that is done.
        device: where the elastic step is computed.
        known: the alignment of a reference and a visit, by their indices, where it was found
            before.

    Raises:
        ValueError: when there are no visits.
    """
    reference = choose_reference(images)

    def onto_reference(visit: int) -> Alignment | None:
        if visit == reference:
            return None
        alignment = known(reference, visit)
        if alignment is None:
            alignment = align(images[reference], images[visit], reference, device)
        if on_visit is not None:
            on_visit(visit)
        return alignment

    with ThreadPoolExecutor(threads_of(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        alignments = list(pool.map(onto_reference, range(len(images))))
    hidden = [image.hidden for image in images]
    return CommonFrame.of(reference, alignments, images[reference].scan, hidden)
