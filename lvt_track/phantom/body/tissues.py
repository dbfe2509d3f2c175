"""What a voxel of the phantom can be, and how bright that is in each contrast phase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.series import Phase

__all__ = [
    "LIVER_TISSUES",
    "TISSUE_HU",
    "TUMOR_TISSUES",
    "VESSEL_TISSUES",
    "Tissue",
    "TissueHu",
    "is_any",
    "recoded",
]


class Tissue(IntEnum):
    """Tissue codes of a label map; they fit into uint8."""

    AIR = 0
    TABLE = 1
    SKIN = 2
    FAT = 3
    VISCERAL_FAT = 4
    MUSCLE = 5
    CORTICAL_BONE = 6
    MARROW = 7
    CARTILAGE = 8
    DISC = 9
    SPINAL_CANAL = 10
    LUNG = 11
    LUNG_VESSEL = 12
    AIRWAY = 13
    ATELECTASIS = 14
    EFFUSION = 15
    HEART_MUSCLE = 16
    LEFT_HEART = 17
    RIGHT_HEART = 18
    AORTA = 19
    VENA_CAVA = 20
    SYSTEMIC_VEIN = 21
    PORTAL_TRUNK = 22
    ESOPHAGUS = 23
    STOMACH_WALL = 24
    STOMACH_CONTENT = 25
    BOWEL_WALL = 26
    BOWEL_FLUID = 27
    BOWEL_STOOL = 28
    BOWEL_CONTRAST = 29
    BOWEL_GAS = 30
    SPLEEN = 31
    PANCREAS = 32
    ADRENAL = 33
    KIDNEY_CORTEX = 34
    KIDNEY_MEDULLA = 35
    RENAL_PELVIS = 36
    GALLBLADDER = 37
    GALLBLADDER_WALL = 38
    GALLSTONE = 39
    BLADDER = 40
    PELVIC_ORGAN = 41
    ASCITES = 42
    METAL = 43
    DIAPHRAGM = 44
    KIDNEY_CYST = 45
    BREAST = 46
    INFRARENAL_VENA_CAVA = 47

    LIVER = 60
    PORTAL_VEIN = 61
    HEPATIC_VEIN = 62
    HEPATIC_ARTERY = 63
    BILE_DUCT = 64
    FOCAL_FAT = 65
    PERFUSION_CHANGE = 66
    CYST = 67

    TUMOR_HYPODENSE = 70
    TUMOR_HYPERVASCULAR = 71
    TUMOR_RIM = 72
    TUMOR_NECROSIS = 73
    TUMOR_CALCIFICATION = 74
    TUMOR_CAPSULE = 75
    TUMOR_BLOOD_POOL = 76


TUMOR_TISSUES = frozenset(t for t in Tissue if t.name.startswith("TUMOR_"))
"""Everything that counts as tumour; cysts, focal fat and perfusion changes do not."""

VESSEL_TISSUES = frozenset({Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN, Tissue.HEPATIC_ARTERY})
"""Vessels within the liver; the extrahepatic trunks have codes of their own."""

LIVER_TISSUES = frozenset(t for t in Tissue if t >= Tissue.LIVER)
"""Everything within the liver's outline."""


@dataclass(frozen=True)
class TissueHu:
    """Attenuation of one tissue.

    Attributes:
        native, arterial, portal, delayed: mean HU in each phase.
        spread: standard deviation between patients, HU.
        texture: standard deviation within the organ, HU, beyond the noise of the scanner.
        relative_to_liver: whether the means are differences from the patient's own parenchyma.
    """

    native: float
    arterial: float
    portal: float
    delayed: float
    spread: float
    texture: float = 0.0
    relative_to_liver: bool = False

    def mean(self, phase: Phase) -> float:
        """Mean HU in a phase; the portal one where the phase is unknown."""
        name = Phase.PORTAL.value if phase is Phase.UNKNOWN else phase.value
        return float(getattr(self, name))


def _same(hu: float, spread: float, texture: float = 0.0) -> TissueHu:
    return TissueHu(hu, hu, hu, hu, spread, texture)


# Typical values, chosen first; docs/use/phantom.md compares them with published ones, where traced.
TISSUE_HU: dict[Tissue, TissueHu] = {
    Tissue.AIR: _same(-1000, 3),
    Tissue.TABLE: _same(-150, 150),
    Tissue.SKIN: TissueHu(-5, 0, 10, 10, 15),
    Tissue.FAT: _same(-104, 8, 4),
    Tissue.VISCERAL_FAT: _same(-98, 8, 8),
    Tissue.MUSCLE: TissueHu(50, 55, 62, 62, 8, 6),
    Tissue.CORTICAL_BONE: _same(650, 130, 120),
    Tissue.MARROW: TissueHu(170, 175, 185, 185, 60, 40),
    Tissue.CARTILAGE: _same(110, 40, 30),
    Tissue.DISC: TissueHu(75, 78, 85, 85, 12, 6),
    Tissue.SPINAL_CANAL: _same(25, 8, 4),
    Tissue.LUNG: _same(-850, 45, 25),
    Tissue.LUNG_VESSEL: TissueHu(30, 150, 120, 90, 25),
    Tissue.AIRWAY: _same(-980, 10),
    Tissue.ATELECTASIS: TissueHu(35, 70, 95, 80, 18, 8),
    Tissue.EFFUSION: _same(8, 7, 2),
    Tissue.HEART_MUSCLE: TissueHu(45, 105, 112, 98, 14, 6),
    Tissue.LEFT_HEART: TissueHu(42, 290, 155, 118, 25, 6),
    Tissue.RIGHT_HEART: TissueHu(42, 230, 152, 117, 28, 12),
    Tissue.AORTA: TissueHu(42, 310, 155, 118, 25, 3),
    Tissue.VENA_CAVA: TissueHu(40, 90, 132, 114, 28, 10),
    Tissue.INFRARENAL_VENA_CAVA: TissueHu(40, 52, 115, 115, 25, 10),
    Tissue.SYSTEMIC_VEIN: TissueHu(40, 70, 130, 115, 28, 8),
    Tissue.PORTAL_TRUNK: TissueHu(42, 95, 170, 128, 20, 4),
    Tissue.ESOPHAGUS: TissueHu(38, 60, 80, 75, 10, 10),
    Tissue.STOMACH_WALL: TissueHu(38, 75, 92, 85, 14, 8),
    Tissue.STOMACH_CONTENT: _same(30, 25, 14),
    Tissue.BOWEL_WALL: TissueHu(38, 75, 95, 88, 16, 8),
    Tissue.BOWEL_FLUID: _same(20, 12, 8),
    Tissue.BOWEL_STOOL: _same(20, 50, 70),
    Tissue.BOWEL_CONTRAST: _same(280, 110, 40),
    Tissue.BOWEL_GAS: _same(-960, 25),
    Tissue.SPLEEN: TissueHu(48, 125, 122, 104, 12, 4),
    Tissue.PANCREAS: TissueHu(38, 100, 96, 82, 14, 12),
    Tissue.ADRENAL: TissueHu(25, 55, 72, 60, 14, 5),
    Tissue.KIDNEY_CORTEX: TissueHu(32, 165, 190, 165, 25, 6),
    Tissue.KIDNEY_MEDULLA: TissueHu(30, 75, 160, 165, 25, 8),
    Tissue.RENAL_PELVIS: TissueHu(5, 6, 15, 260, 30, 5),
    Tissue.GALLBLADDER: _same(8, 8, 2),
    Tissue.GALLBLADDER_WALL: TissueHu(30, 50, 75, 70, 15, 4),
    Tissue.GALLSTONE: _same(180, 130, 30),
    Tissue.BLADDER: TissueHu(4, 4, 6, 60, 6, 2),
    Tissue.PELVIC_ORGAN: TissueHu(42, 70, 95, 90, 15, 10),
    Tissue.ASCITES: _same(8, 7, 2),
    Tissue.METAL: _same(2500, 300),
    Tissue.DIAPHRAGM: TissueHu(48, 58, 66, 65, 8, 4),
    Tissue.KIDNEY_CYST: _same(8, 6, 1),
    Tissue.BREAST: TissueHu(20, 25, 35, 35, 20, 15),
    Tissue.LIVER: TissueHu(58, 70, 110, 96, 11, 4),
    Tissue.PORTAL_VEIN: TissueHu(-16, 22, 55, 34, 13, 2, relative_to_liver=True),
    Tissue.HEPATIC_VEIN: TissueHu(-16, -14, 48, 31, 15, 2, relative_to_liver=True),
    Tissue.HEPATIC_ARTERY: TissueHu(-16, 180, 40, 24, 20, 2, relative_to_liver=True),
    Tissue.BILE_DUCT: _same(8, 6, 2),
    Tissue.FOCAL_FAT: TissueHu(-25, -28, -26, -26, 10, 4, relative_to_liver=True),
    Tissue.PERFUSION_CHANGE: TissueHu(-2, 22, 8, 2, 8, 4, relative_to_liver=True),
    Tissue.CYST: _same(7, 4, 1),
    Tissue.TUMOR_HYPODENSE: TissueHu(-16, -20, -45, -28, 14, 5, relative_to_liver=True),
    Tissue.TUMOR_HYPERVASCULAR: TissueHu(-12, 42, -8, -20, 14, 7, relative_to_liver=True),
    Tissue.TUMOR_RIM: TissueHu(-14, 20, -12, -6, 13, 5, relative_to_liver=True),
    Tissue.TUMOR_NECROSIS: TissueHu(-36, -46, -82, -68, 10, 4, relative_to_liver=True),
    Tissue.TUMOR_CALCIFICATION: _same(320, 150, 60),
    Tissue.TUMOR_CAPSULE: TissueHu(-12, -8, 2, 22, 9, 3, relative_to_liver=True),
    Tissue.TUMOR_BLOOD_POOL: TissueHu(-16, 130, 50, 30, 18, 5, relative_to_liver=True),
}


def recoded(labels: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a table (256,) holds for each code of a label map, of any shape.

    By Python's table of bytes, seven times as fast as NumPy's indexing.
    """
    codes = bytearray(np.ascontiguousarray(labels)).translate(table.tobytes())
    return np.frombuffer(codes, dtype=np.uint8).reshape(labels.shape)


def is_any(labels: NDArray[np.uint8], tissues: frozenset[Tissue]) -> NDArray[np.bool_]:
    """Where a label map, of any shape, holds one of some tissues."""
    table = np.zeros(256, dtype=np.uint8)
    table[[int(tissue) for tissue in tissues]] = 1
    return recoded(labels, table).view(np.bool_)
