"""Diameters by pyradiomics, run by measure.py in an environment that has it.

    PYTHON_WITH_PYRADIOMICS benchmarks/peers/pyradiomics_lengths.py MASKS.npz > lengths.json

The file holds `mask_0`, `spacing_0` (z, y, x), and so on. Prints for each mask the maximum 2D
diameter in the slice and the minor axis of the fitted ellipsoid, and the seconds for all.
"""

import json
import logging
import sys
import time

import numpy as np
import SimpleITK as sitk
from radiomics import shape

logging.getLogger("radiomics").setLevel(logging.ERROR)


def lengths_mm(mask: np.ndarray, spacing_mm: np.ndarray) -> list[float]:
    """Maximum 2D diameter in the axial slice, and minor axis length."""
    image = sitk.GetImageFromArray(np.pad(mask, 2).astype(np.uint8))
    image.SetSpacing([float(s) for s in spacing_mm[::-1]])
    features = shape.RadiomicsShape(sitk.Cast(image, sitk.sitkFloat32), image, label=1)
    return [
        float(features.getMaximum2DDiameterSliceFeatureValue()),
        float(features.getMinorAxisLengthFeatureValue()),
    ]


def main() -> None:
    """Measure all masks of the file named on the command line."""
    file = np.load(sys.argv[1])
    start = time.process_time()
    found = [
        lengths_mm(file[f"mask_{k}"], file[f"spacing_{k}"]) for k in range(len(file.files) // 2)
    ]
    print(json.dumps({"lengths_mm": found, "seconds": time.process_time() - start}))


if __name__ == "__main__":
    main()
