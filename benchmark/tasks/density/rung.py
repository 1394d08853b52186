"""What a rung of this task says, as frozen values: the specimens, the microscope, the scan and its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.definition.building import build, mapping
from benchmark.definition.rung import SPLITS, Rung
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.simulation.cbed import crystals_of
from benchmark.simulation.gratings import Box
from benchmark.simulation.recipes import CrystalRecipe
from benchmark.tasks.density.defects import KINDS


@dataclass(frozen=True)
class Specimens:
    """How specimens are drawn.

    Attributes
    ----------
    space_groups : of their crystals, each as likely as the others.
    zone_axes : the beam runs along one of so many shortest lattice vectors of the crystal.
    tilt_mrad : off that axis, the standard deviation along x and along y.
    thickness_angstrom : lowest and highest, in whole slices of `slice_angstrom`.
    debye_waller_b_angstrom2 : B of every atom.
    phonon_configurations : 0 smears the atoms by B; n averages patterns over n draws of their places (frozen phonons).
    kinds : of defects (`defects.KINDS`), how likely each is, in train and dev.
    unseen : the kinds of which a specimen of `test` is instead with the chance `unseen_share`.
    """

    space_groups: tuple[int, ...]
    zone_axes: int
    tilt_mrad: float
    thickness_angstrom: tuple[float, float]
    slice_angstrom: float
    debye_waller_b_angstrom2: float
    kinds: Mapping[str, float]
    phonon_configurations: int = 0
    unseen: tuple[str, ...] = ()
    unseen_share: float = 0.0

    def __post_init__(self) -> None:
        for kind in (*self.kinds, *self.unseen):
            if kind not in KINDS:
                raise StemdlError(f"there is no kind of defect {kind!r}", remedy=nearest(str(kind), KINDS))
        if not 0.0 < self.slice_angstrom <= self.thickness_angstrom[0] <= self.thickness_angstrom[1]:
            raise StemdlError("a specimen has no slice", found=f"{self.thickness_angstrom}, {self.slice_angstrom}")
        if not self.kinds or min(self.kinds.values()) < 0.0 or not sum(self.kinds.values()) > 0.0:
            raise StemdlError("kinds needs a weight of at least one", found=dict(self.kinds))


@dataclass(frozen=True)
class Beam:
    """The microscope. A pair is the lowest and the highest value of a specimen.

    Attributes
    ----------
    energy_kev, semi_angle_mrad, defocus_angstrom, spherical_angstrom : of the probe (`simulation.probe.Probe`).
    source_angstrom : standard deviation of the source's picture on the specimen; 0 is a point.
    dose_per_angstrom2 : electrons; between the pair each power of ten is as likely. Counted by Poisson's law.
    """

    energy_kev: float
    semi_angle_mrad: float
    defocus_angstrom: tuple[float, float]
    dose_per_angstrom2: tuple[float, float]
    spherical_angstrom: tuple[float, float] = (0.0, 0.0)
    source_angstrom: float = 0.0


@dataclass(frozen=True)
class Scan:
    """Where the probe stands, and what is seen and asked there.

    Attributes
    ----------
    positions : along each side, `step_angstrom` apart, around the middle of the box.
    pixels : of the detector along each side, to `k_max_per_angstrom`: the box is `pixels / (2 k_max)` wide.
    box_points : of the grid on which waves are propagated.
    target_pixels : of the target along each side, over the scanned square (`positions * step_angstrom` wide).
    """

    positions: int
    step_angstrom: float
    pixels: int
    k_max_per_angstrom: float
    box_points: int
    target_pixels: int

    def __post_init__(self) -> None:
        if min(self.positions, self.pixels, self.target_pixels) < 1 or self.pixels > self.box_points * 2 // 3:
            raise StemdlError(
                "the grid does not carry the detector",
                expected=f"at most {self.box_points * 2 // 3} pixels on {self.box_points} points",
                found=self.pixels,
            )
        if self.field_angstrom > self.box.angstrom / 2.0:
            raise StemdlError(
                "the scan does not fit into the box",
                expected=f"at most half of {self.box.angstrom:g} Angstrom",
                found=f"{self.field_angstrom:g} Angstrom",
            )

    @property
    def box(self) -> Box:
        return Box(self.box_points, self.pixels / (2.0 * self.k_max_per_angstrom))

    @property
    def field_angstrom(self) -> float:
        """The side of the scanned square, in Angstrom."""
        return self.positions * self.step_angstrom


@dataclass(frozen=True)
class DensityRung:
    """A rung whose samples are scans of specimens, `specimens_per_material` of each crystal."""

    crystals: CrystalRecipe
    specimens: Specimens
    beam: Beam
    scan: Scan
    specimens_per_material: int = 1


def understood(rung: Rung) -> DensityRung:
    """What a rung says. Raises StemdlError with the key that is wrong."""
    where, values = f"rung {rung.name}", dict(rung.recipe)
    parts: dict[str, Any] = {
        name: build(part, f"{where}.{name}", mapping(where, values, name))
        for name, part in (("specimens", Specimens), ("beam", Beam), ("scan", Scan))
    }
    found = build(DensityRung, where, values, **parts, crystals=crystals_of(where, values, "crystals"))
    if found.specimens_per_material < 1 or any(rung.samples[split] % found.specimens_per_material for split in SPLITS):
        raise StemdlError(
            "each material has the same number of specimens",
            where=f"{where}.samples",
            expected=f"multiples of specimens_per_material, {found.specimens_per_material}",
            found=dict(rung.samples),
        )
    return found
