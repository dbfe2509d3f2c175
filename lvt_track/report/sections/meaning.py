"""Section: what the numbers mean, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.report.blocks import Block, Definitions
from lvt_track.report.content import ReportContent

__all__ = ["meaning"]


def meaning(content: ReportContent) -> Sequence[Block]:
    """The same for every course."""
    return [Definitions(_MEANINGS)]


_MEANINGS = (
    (
        "Tumour, lesion, track",
        "A lesion is one connected piece of a visit's tumour mask. A track (T1, T2, …) is one "
        "tumour through time: lesions of several visits that the program holds to be the same. "
        "Where lesions merge or split, all of them belong to one track. Links are made after the "
        "scans were brought onto each other; check them in the key images, above all where the "
        "registration is called unreliable.",
    ),
    (
        "Long and short axis",
        "The long axis is the longest straight line between two points of the outline in any "
        "acquired slice; the short axis is the longest one at a right angle to it in that slice. "
        "Where a track has several lesions at a visit, its diameter is the sum of their long "
        "axes, as RECIST 1.1 adds the parts of a lesion that broke up. Two readers of the same "
        "scan differ by −22 to +25 % for one lesion and by −19 to +20 % for a sum (95 % limits of "
        "agreement, pooled over twelve studies: Yoon et al., Eur J Cancer 2016); a smaller change "
        "may be no change.",
    ),
    (
        "Volume, burden, doubling time",
        "A volume is the number of voxels times the volume of one. It rests on the mask and on "
        "the slice thickness: slices of 10 mm instead of 0.6 mm made livers 4 % smaller (Hori et "
        "al., Liver Transpl 2011), and a tumour of a few slices can change by much more. Burden "
        "is tumour volume as a share of liver volume, tumours included. The doubling time "
        "assumes exponential growth from the first to the last visit that shows the tumour; it is "
        "given only for tumours that grew.",
    ),
    (
        "Response",
        "Categories are computed from the measured lesions by the rules of the criterion named: "
        "CR complete response, PR partial response, SD stable disease, PD progressive disease, "
        "NE not evaluable. The choice of target lesions is automatic. Disease outside the liver, "
        "lymph nodes, symptoms and treatment are unknown to this program; it cannot tell a true "
        "progression from an effect of treatment, and no response here is a diagnosis.",
    ),
    (
        "Not seen",
        "“Not seen” means that the mask of that visit holds no lesion at the place. The tumour "
        "may be gone, too small, hidden by another contrast phase, outside the scan, or missed "
        "by the model. “New” means likewise that no earlier mask shows it, not that it was not "
        "there.",
    ),
    (
        "Masks",
        "Masks come from the model named on the first page unless the table of scans says "
        "“given”. A model misses small and faint tumours and takes some cysts, vessels and "
        "partial volumes for tumours. Nothing in this report has been checked by a radiologist "
        "unless they say so.",
    ),
)
