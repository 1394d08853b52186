"""What simulated data follow from, as frozen values: the microscope, the accuracy of its equations, the crystals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.foundation.errors import StemdlError, nearest

ORIENTATIONS = ("conventional", "olcf", "olcf_as_made", "random")
"""How the zone axes of a crystal are chosen; benchmark/simulation/orientation.py says what each means."""
SETTINGS = ("tabulated", "any")
"""The axes by which a crystal is described: as spglib prefers them, or as benchmark/simulation/axes_settings.py draws
them."""
SPACINGS = ("periods", "planes")
"""What a sample's `d_hkls_angstrom` hold: the period along the beam, or the distance of the planes that have the
beam's indices. The latter is what the real set holds, and so do all views that are chosen as its are."""


@dataclass(frozen=True)
class Accuracy:
    """How exactly the beam equations are solved.

    Errors against multislice are measured by performance/convergence.py: relative L2 from 0.5 to 10 % for the cheapest
    rung, and what `tolerance` asks for where it is given.

    Attributes
    ----------
    strong_per_angstrom : beams up to here are propagated.
    weak_per_angstrom : beams from there up to here are folded in as a perturbation; the same number folds none.
    most_strong_beams : where a large cell has more, the outermost shells are folded in too.
    slice_angstrom : the longest step over which the differences between incident directions are split off.
    directions_across : incident directions along a diameter of the probe's aperture.
    weak_waves : whether the folded beams are also given waves of their own, and the strong beams' share in them is
        taken into account (Loewdin's norm). Without, what the strong beams lose to them is neglected.
    g_z_max_per_angstrom : the crystal's structure along the beam is kept up to this spatial frequency, averaged over
        the higher-order Laue zones; 0 keeps the zero-order zone alone.
    holz_excitation_per_angstrom : beams of higher-order zones with excitation errors up to this are propagated.
    depth_slice_angstrom : above 0, the structure along the beam is resolved in slices of this instead, wherever the
        layers of the reciprocal lattice coincide in projection and `most_strong_beams` suffice; nothing is folded.
    layer_margin_per_angstrom : above 0, and where the depth is not resolved, the layers of the reciprocal lattice that
        come this near to the Ewald sphere are followed by FFT (`simulation.layered`); nothing is folded.
    wave_degree : waves are polynomials of this degree over the aperture, and each pixel is interpolated from them;
        0 spreads the grid of `directions_across` over the pixels instead, which is not used otherwise.
    samples_per_pixel : of an interpolated pattern, along a pixel's side.
    tolerance : above 0, each view is propagated with settings that are finer than these where an estimate of their
        error, relative L2 on the detector, exceeds it (`simulation.adaptive`).
    """

    strong_per_angstrom: float
    weak_per_angstrom: float
    most_strong_beams: int
    slice_angstrom: float
    directions_across: int
    weak_waves: bool = False
    g_z_max_per_angstrom: float = 0.0
    holz_excitation_per_angstrom: float = 0.0
    depth_slice_angstrom: float = 0.0
    layer_margin_per_angstrom: float = 0.0
    wave_degree: int = 0
    samples_per_pixel: int = 1
    tolerance: float = 0.0


@dataclass(frozen=True)
class Optics:
    """The microscope. Reciprocal lengths are in 1/Angstrom, without the factor 2 pi.

    Attributes
    ----------
    energy_kev : of the beam, 60 to 300; several make one sample each of every material.
    thickness_angstrom : lowest and highest of a material.
    debye_waller_b_angstrom2 : B of every atom, unless `debye_temperature_kelvin` or an element's own says otherwise.
    element_b_angstrom2 : B of elements, such as [[Sr, 0.62], [O, 0.72]].
    debye_temperature_kelvin, temperature_kelvin : above 0, B follow from Debye's model of the crystal's mean atom.
    dose_electrons : a pattern, counted by Poisson's law; 0 leaves patterns free of noise.
    scattering_factors : `peng` (to 4 per Angstrom), `lobato` (to 12 and beyond) or `softened`: see
        simulation/scattering.py.
    absorption : none, proportional (`absorption_share` of the potential) or thermal (Einstein's model).
    probe_positions : disks that overlap add up in intensity at 0; at n they interfere, and patterns are averaged over
        n x n positions of the probe on the projected cell.
    aperture : `fixed`; or `bragg`, where the semi-angle is half of Bragg's angle at 100 kV of the planes that have the
        view's indices, at every energy, and `semi_angle_per_angstrom` is not looked at.
    field : `square`; or `circle`, where the detector ends at k_max in all directions.
    diffuse : whether the electrons that thermal absorption takes from the beams are on the detector as a background.
    speckles : of how many independent speckles the background at each point is the mean, as where atoms stand still
        under so many positions of the probe; 0 for very many.
    blown_up : the share of the stacks whose intensities are numerically blown up, as 1 to 3 % of the real set's are.
    """

    energy_kev: float | tuple[float, ...]
    pixels: int
    k_max_per_angstrom: float
    semi_angle_per_angstrom: float
    thickness_angstrom: tuple[float, float]
    debye_waller_b_angstrom2: float
    mistilt_mrad: float
    rotation_jitter_degrees: float
    dose_electrons: float
    accuracy: Accuracy
    scattering_factors: str = "peng"
    element_b_angstrom2: tuple[tuple[str, float], ...] = ()
    debye_temperature_kelvin: float = 0.0
    temperature_kelvin: float = 300.0
    absorption: str = "none"
    absorption_share: float = 0.1
    probe_positions: int = 0
    aperture: str = "fixed"
    field: str = "square"
    diffuse: bool = False
    speckles: int = 0
    blown_up: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (
            ("scattering_factors", ("peng", "lobato", "softened")),
            ("absorption", ("none", "proportional", "thermal")),
            ("aperture", ("fixed", "bragg")),
            ("field", ("square", "circle")),
        ):
            if (found := getattr(self, name)) not in known:
                raise StemdlError(
                    f"optics.{name} is unknown", expected=known, found=found, remedy=nearest(found, known)
                )
        if self.diffuse and self.absorption != "thermal":
            raise StemdlError(
                "a diffuse background is made of what thermal absorption takes from the beams",
                where="optics.diffuse",
                expected="absorption: thermal",
                found=self.absorption,
            )
        if self.speckles < 0 or (self.speckles and not self.diffuse):
            raise StemdlError("speckles are of a diffuse background", where="optics.speckles", found=self.speckles)
        if not 0.0 <= self.blown_up <= 1.0:
            raise StemdlError(
                "a share is out of range", where="optics.blown_up", expected="0 to 1", found=self.blown_up
            )
        if not all(60.0 <= energy <= 300.0 for energy in self.energies_kev):
            raise StemdlError(
                "the beam's energy is out of range",
                where="optics.energy_kev",
                expected="60 to 300",
                found=self.energy_kev,
            )

    @property
    def energies_kev(self) -> tuple[float, ...]:
        """The beam energies in keV."""
        return self.energy_kev if isinstance(self.energy_kev, tuple) else (self.energy_kev,)


@dataclass(frozen=True)
class Realistic:
    """How drawn crystals come to stand in for real ones (`simulation.realistic`).

    Attributes
    ----------
    shared_counts : share of crystals whose numbers of atoms come from `element_counts`, which all groups of a system
        share: what bounds how far metadata tell groups apart.
    anion_rich : share of oxides, halides, sulfides, ...; the others are alloys.
    longest_edge_angstrom, most_atoms_per_cell : of the conventional cell.
    """

    shared_counts: float
    anion_rich: float
    longest_edge_angstrom: float
    most_atoms_per_cell: int


@dataclass(frozen=True)
class CrystalRecipe:
    """What crystals drawn at random look like; one recipe for all space groups.

    Where `realistic` is given, elements, volumes and distances are those of real compounds, and of the others
    `element_counts` alone is looked at.
    """

    volume_per_atom_angstrom3: tuple[float, float]
    shortest_distance_angstrom: float
    elements: tuple[str, ...]
    element_counts: Mapping[str, tuple[tuple[int, ...], ...]]
    realistic: Realistic | None = None


@dataclass(frozen=True)
class CrystalLimits:
    """What a given (not drawn) crystal must keep to be simulated at a rung, in its conventional cell."""

    longest_edge_angstrom: float
    most_atoms_per_cell: int


@dataclass(frozen=True)
class Imported:
    """Where the patterns of a rung come from that is not simulated here.

    Attributes
    ----------
    doi : of the published data set.
    pixels : along each side of its patterns.
    energies_kev : of the beam; each material has a sample at each of them, but for those that are missing.
    """

    doi: str
    pixels: int
    energies_kev: tuple[float, ...]
