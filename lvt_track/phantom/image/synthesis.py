"""CT images from label maps, in torch: cheap enough to be drawn anew at every training step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lvt_track.core.series import Phase
from lvt_track.phantom.body.tissues import TISSUE_HU, TUMOR_TISSUES, Tissue
from lvt_track.phantom.image.edges import SoftEdges, soften
from lvt_track.phantom.image.smooth import smooth

__all__ = [
    "Scanner",
    "TissueMap",
    "draw_scanner",
    "draw_tissue_hu",
    "lesion_contrast_hu",
    "look_up",
    "mixed",
    "synthesise_image",
]

_TEXTURE_HU = torch.zeros(256)
for _tissue, _model in TISSUE_HU.items():
    _TEXTURE_HU[_tissue] = _model.texture
_TUMORS = sorted(int(tissue) for tissue in TUMOR_TISSUES)
_VESSELS = (Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN, Tissue.HEPATIC_ARTERY)
# As dark as this only dead tumour is; what is darker is taken for a cyst, by readers too.
_LEAST_TUMOR_HU = 18.0
# Of patients, whose tumours hardly take up contrast: as dark in all phases as they are without it.
_AVASCULAR = 0.25
_AVASCULAR_HU, _AVASCULAR_NECROSIS_HU = (24.0, 48.0), (14.0, 28.0)
# A rim as bright as the liver is a shell of tumour that nobody sees, up to half of its volume.
_RIMS, _LEAST_RIM_HU = [int(Tissue.TUMOR_RIM), int(Tissue.TUMOR_CAPSULE)], 12.0


@dataclass(frozen=True)
class Scanner:
    """How a scan was taken.

    Attributes:
        noise_hu: standard deviation of the noise in soft tissue.
        kernel_fwhm_mm: width of the in-plane point spread; smaller is sharper.
        noise_grain_mm: correlation length of the noise.
        slice_thickness_mm: width of the slice profile along z.
        streak_hu: strength of streaks.
        shading_hu: slow drift of brightness across the field (beam hardening, scatter).
        contrast_spread: how far tissues stray from the mean of their phase; 1 is usual.
        wild_probability: chance that all brightnesses are drawn anew without regard to anatomy.
    """

    noise_hu: float = 12.0
    kernel_fwhm_mm: float = 1.4
    noise_grain_mm: float = 1.2
    slice_thickness_mm: float = 3.0
    streak_hu: float = 0.0
    shading_hu: float = 2.0
    contrast_spread: float = 1.0
    wild_probability: float = 0.0

    def __post_init__(self) -> None:
        if min(self.kernel_fwhm_mm, self.noise_grain_mm, self.slice_thickness_mm) <= 0:
            raise ValueError("kernel_fwhm_mm, noise_grain_mm, slice_thickness_mm must be positive")
        if not 0 <= self.wild_probability <= 1:
            raise ValueError(f"wild_probability must be 0 to 1, got {self.wild_probability}")


def _uniform(generator: torch.Generator, low: float, high: float) -> float:
    u = torch.rand((), generator=generator, device=generator.device).item()
    return low + (high - low) * float(u)


def draw_scanner(generator: torch.Generator, wild_probability: float = 0.1) -> Scanner:
    """Draw a scanner and protocol within what hospitals use."""
    thickness = (0.8, 1.25, 2.0, 2.5, 3.0, 5.0, 5.0, 7.0)[int(_uniform(generator, 0, 7.999))]
    streaks = _uniform(generator, 0, 1)
    return Scanner(
        noise_hu=math.exp(_uniform(generator, math.log(4.0), math.log(32.0))),
        kernel_fwhm_mm=_uniform(generator, 0.8, 2.2),
        noise_grain_mm=_uniform(generator, 0.7, 2.4),
        slice_thickness_mm=thickness,
        streak_hu=_uniform(generator, 4, 18) if streaks < 0.2 else 0.0,
        shading_hu=_uniform(generator, 0, 6),
        contrast_spread=_uniform(generator, 0.7, 1.8),
        wild_probability=wild_probability,
    )


def draw_tissue_hu(phase: Phase, scanner: Scanner, generator: torch.Generator) -> Tensor:
    """Mean HU of every tissue code (256,) for one patient and scan."""
    device = generator.device
    normal = torch.randn(256, generator=generator, device=device).clamp(-2.5, 2.5)
    table = torch.zeros(256, device=device)
    # Tissues that are reached by the same blood stray together.
    timing = normal[200] * 0.5
    normal = 0.85 * normal + 0.5 * timing
    spread = scanner.contrast_spread
    liver_model = TISSUE_HU[Tissue.LIVER]
    steatosis = max(0.0, _uniform(generator, -60.0, 55.0)) * 0.9
    usual = liver_model.mean(phase)
    lean = usual + liver_model.spread * spread * float(normal[Tissue.LIVER])
    liver = max(lean - steatosis, -15.0)
    # Tumours hold no fat, and a liver that takes up more contrast leaves them behind.
    half_way = (usual + liver) / 2
    for tissue, model in TISSUE_HU.items():
        hu = model.mean(phase)
        if tissue in TUMOR_TISSUES and model.relative_to_liver:
            hu = half_way + hu
        elif model.relative_to_liver:
            hu = liver + steatosis * (0.45 if tissue in _VESSELS else 0.15) + hu
        table[tissue] = hu + model.spread * spread * float(normal[tissue])
    table[Tissue.LIVER] = liver
    if _uniform(generator, 0, 1) < _AVASCULAR:
        table[Tissue.TUMOR_HYPODENSE] = _uniform(generator, *_AVASCULAR_HU)
        table[Tissue.TUMOR_NECROSIS] = _uniform(generator, *_AVASCULAR_NECROSIS_HU)
    gap = table[_RIMS] - liver
    table[_RIMS] = liver + torch.copysign(gap.abs().clamp(min=_LEAST_RIM_HU), gap)
    # All blood in venous phases is nearly of one brightness.
    if phase in (Phase.PORTAL, Phase.DELAYED, Phase.UNKNOWN):
        table[Tissue.PORTAL_TRUNK] = table[Tissue.PORTAL_VEIN] + 4 * float(normal[201])
    weak = _uniform(generator, 0, 1)
    if weak < 0.15:
        # Lesions and vessels that hardly differ from the parenchyma.
        fade = _uniform(generator, 0.25, 0.7)
        for tissue, model in TISSUE_HU.items():
            if model.relative_to_liver:
                table[tissue] = liver + (table[tissue] - liver) * fade
    if _uniform(generator, 0, 1) < scanner.wild_probability:
        table = _wild(table, generator)
    return table


def _wild(table: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness without regard to anatomy; gas, bone and the fluid of cysts are kept apart."""
    soft = (table > -60) & (table < 400)
    soft[[int(Tissue.CORTICAL_BONE), int(Tissue.CYST)]] = False
    random = torch.rand(256, generator=generator, device=table.device) * 260 - 60
    mixed = torch.where(soft, 0.35 * table + 0.65 * random, table)
    mixed[_TUMORS] = mixed[_TUMORS].clamp(min=_LEAST_TUMOR_HU)
    # Tumours and vessels stay visible against the parenchyma.
    clear = 15.0 * 1.5
    for code in (*_VESSELS, *(t for t in TISSUE_HU if t.name.startswith("TUMOR_"))):
        gap = mixed[code] - mixed[Tissue.LIVER]
        if abs(float(gap)) < 15:
            is_darker = gap < 0 and mixed[Tissue.LIVER] - clear > _LEAST_TUMOR_HU
            mixed[code] = mixed[Tissue.LIVER] + (-clear if is_darker else clear)
    return mixed


def _coarse_noise(
    shape: torch.Size, step: tuple[float, float, float], generator: torch.Generator
) -> Tensor:
    """Smooth noise of about unit variance whose grain is `step` voxels."""
    size = [max(2, math.ceil(n / s) + 1) for n, s in zip(shape, step, strict=True)]
    noise = torch.randn((1, 1, *size), generator=generator, device=generator.device)
    field = functional.interpolate(noise, size=list(shape), mode="trilinear", align_corners=True)
    return field[0, 0] * 1.5


@dataclass(frozen=True, eq=False)
class TissueMap:
    """What is scanned: a label map or a crop of one, and how bright it is.

    Attributes:
        labels: uint8 (z, y, x) of `Tissue`.
        tissue_hu: mean HU per tissue code (256,); drawn from the phase when None. Give the same
            table to see one patient twice.
        contrast_hu: HU to add per voxel of the labels before the scanner blurs it (z, y, x), such
            as one lesion's own deviation; none when None.
        finer: how many voxels of the labels an image voxel has along each axis; their tissues
            mix in it.
        edges: of lesions that fade into the liver, on the grid of the image; None for none.
    """

    labels: Tensor
    tissue_hu: Tensor | None = None
    contrast_hu: Tensor | None = None
    finer: int = 1
    edges: SoftEdges | None = None


def synthesise_image(
    tissue_map: TissueMap,
    spacing_mm: tuple[float, float, float] | float,
    phase: Phase,
    scanner: Scanner,
    generator: torch.Generator,
) -> Tensor:
    """Synthesise a CT image.

    Args:
        tissue_map: what is scanned, on the generator's device.
        spacing_mm: voxel spacing of the image z, y, x, or one edge for all.
        phase: contrast phase.
        scanner: how the scan is taken.
        generator: source of chance; its device is the image's.

    Returns:
        HU, float32 (z, y, x); `finer` times smaller than the labels.
    """
    if isinstance(spacing_mm, int | float):
        spacing_mm = (float(spacing_mm),) * 3
    labels, finer, table = tissue_map.labels, tissue_map.finer, tissue_map.tissue_hu
    if table is None:
        table = draw_tissue_hu(phase, scanner, generator)
    hu = look_up(table, labels)
    if tissue_map.contrast_hu is not None:
        hu = hu + tissue_map.contrast_hu
    hu = mixed(hu, finer)
    if tissue_map.edges is not None:
        hu = soften(hu, tissue_map.edges, spacing_mm)
    texture_hu = _TEXTURE_HU.to(table.device, copy=True)
    texture_hu[Tissue.BOWEL_STOOL] *= _uniform(generator, 0.05, 1.2)
    # Many are as even as fluid.
    even = _uniform(generator, 0.1, 1.2)
    texture_hu[[int(Tissue.TUMOR_HYPODENSE), int(Tissue.TUMOR_NECROSIS)]] *= even
    amplitude = mixed(look_up(texture_hu, labels), finer)
    grain = tuple(5.0 / s for s in spacing_mm)
    texture = _coarse_noise(hu.shape, grain, generator)  # type: ignore[arg-type]
    fine = torch.randn(hu.shape, generator=generator, device=table.device)
    hu = hu + amplitude * (0.7 * texture + 0.8 * fine)
    # Contrast mixes slowly along vessels and perfusion differs a little between regions.
    broad = _coarse_noise(hu.shape, tuple(45.0 / s for s in spacing_mm), generator)  # type: ignore[arg-type]
    shaded = ((hu > -50) & (hu < 300)).to(hu.dtype)
    hu = hu + shaded * broad * scanner.shading_hu
    in_plane = scanner.kernel_fwhm_mm / 2.355
    along = scanner.slice_thickness_mm / 3.46
    sigma = (along / spacing_mm[0], in_plane / spacing_mm[1], in_plane / spacing_mm[2])
    if finer == 1:
        # Half a voxel of blur stands for the partial volume within a voxel of the label map.
        z, y, x = (max(s, 0.45) for s in sigma)
    else:
        # A scan is brought to wider voxels by triangles, twice as wide as the boxes used above.
        z, y, x = (math.hypot(s, 0.29) for s in sigma)
    hu = smooth(hu, (z, y, x))
    return hu + _noise(hu, spacing_mm, scanner, generator)


def lesion_contrast_hu(
    lesion_hu: Tensor, lesion: Tensor, labels: Tensor, tissue_hu: Tensor
) -> Tensor:
    """How far each voxel of a lesion strays from the brightness of its tissue, HU (z, y, x).

    As far as its lesion does. But rims and capsules do not, or many would be as bright as the
    liver, and no tumour strays down to the brightness of a cyst.

    Args:
        lesion_hu: how far each lesion strays, by number (n,); 0 for 0.
        lesion: number of the lesion at each voxel, integers (z, y, x).
        labels: `Tissue` codes, same shape.
        tissue_hu: mean HU per tissue code (256,).
    """
    down = torch.full_like(tissue_hu, -torch.inf)
    down[_TUMORS] = (_LEAST_TUMOR_HU - tissue_hu[_TUMORS]).clamp(max=0.0)
    strays = torch.maximum(lesion_hu[:, None], down)
    strays[:, _RIMS] = 0.0
    return look_up(strays.flatten(), lesion.int() * 256 + labels)


def look_up(table: Tensor, codes: Tensor) -> Tensor:
    """The table's value (n,) of each code, an integer below n, in the shape of the codes.

    Looking tissues up is half of the work of an image; by 32-bit numbers it takes a quarter of it.
    """
    return table.index_select(0, codes.flatten().int()).view(codes.shape)


def mixed(values: Tensor, finer: int) -> Tensor:
    """Means over cubes of `finer` voxels along each axis of a volume (z, y, x), float32.

    Sizes must be multiples of `finer`. Sums of strided views, twenty times as fast as pooling.
    """
    if finer == 1:
        return values
    for axis in range(3):
        first, *others = (values.unfold(axis, finer, finer)[..., k] for k in range(finer))
        values = sum(others, start=first)
    return values / finer**3


def _noise(
    hu: Tensor,
    spacing_mm: tuple[float, float, float],
    scanner: Scanner,
    generator: torch.Generator,
) -> Tensor:
    white = torch.randn(hu.shape, generator=generator, device=hu.device)
    grain = scanner.noise_grain_mm / 2.355
    sigma = (
        0.3 * scanner.slice_thickness_mm / spacing_mm[0],
        grain / spacing_mm[1],
        grain / spacing_mm[2],
    )
    noise = smooth(white, sigma)
    noise = noise * (scanner.noise_hu / noise.std().clamp_min(1e-6))
    if scanner.streak_hu > 0:
        z, y, x = hu.shape
        device = hu.device
        angle = _uniform(generator, -0.5, 0.5)
        across = (
            torch.arange(y, device=device)[:, None] * math.cos(angle) * spacing_mm[1]
            + torch.arange(x, device=device)[None, :] * math.sin(angle) * spacing_mm[2]
        )
        wave = torch.randn((z, 1, 64), generator=generator, device=device)
        lines = functional.interpolate(wave, size=512, mode="linear", align_corners=True)[:, 0]
        place = ((across - across.min()) / (across.max() - across.min() + 1e-6) * 511).long()
        noise = noise + scanner.streak_hu * lines[:, place.reshape(-1)].reshape(z, y, x)
    # Lung and air are seen through more photons than the pelvis.
    return noise * torch.where(hu < -500, 0.7, 1.0)
