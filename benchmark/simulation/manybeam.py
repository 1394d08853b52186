"""Dynamical diffraction by many beams, for all directions of a convergent probe at once.

In a perfect crystal the wave of an incident direction K + K_t is a sum of beams psi_g, which obey (Metherell 1975;
De Graef 2003, eq. 5.30; high-energy approximation)

    d psi_g / dz = 2 pi i [ s_g(K_t) psi_g + sum_h U_{g-h} / (2 K) psi_h ],    s_g(K_t) = -g_z - (2 K_t.g + g.g) / (2 K)

with K the wave number, g the part across the beam, U the potential's Fourier coefficients times 2 m e / h^2, and
psi_g(0) = 1 for g = 0 alone. Only K_t.g changes between the directions, and it is small: it is split off symmetrically
(Strang), so that one matrix exponential a zone axis serves all directions and the rest is one matrix product a slice.

Beams W too weak to be followed are folded into the strong ones S by Bethe's perturbation (Bethe 1928):
A_SS - A_SW s_W^-1 A_WS. They carry psi_W = T psi_S with T = -s_W^-1 A_WS, so the strong beams' norm is 1 + T^H T, which
`Accuracy.weak_waves` takes into account (Loewdin 1951). Higher-order Laue zones: `laue_zones.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.averaged import AveragedCrystal
from benchmark.simulation.depth import ResolvedCrystal, depth_beams
from benchmark.simulation.layered import LayeredCrystal
from benchmark.simulation.march import march
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem, Waves
from benchmark.simulation.zone import Zone

MOST_PADDING = 1.15
"""Beams of the largest crystal that is batched with a smaller one, over that one's."""


def propagate(
    zone: Zone,
    directions: NDArray[np.float64],
    *,
    energy_kev: float,
    thickness_angstrom: float,
    atoms: Atoms,
    accuracy: Accuracy,
    tilt_per_angstrom: tuple[float, float] = (0.0, 0.0),
    reach_per_angstrom: float = math.inf,
    device: str = "cpu",
) -> Waves:
    """`propagate_many` of one crystal of one thickness; arguments as there and of `Problem`."""
    problem = Problem(zone, directions, energy_kev, (thickness_angstrom,), atoms, tilt_per_angstrom)
    return propagate_many([problem], accuracy=accuracy, reach_per_angstrom=reach_per_angstrom, device=device)[0][0]


def propagate_many(
    problems: Sequence[Problem],
    *,
    accuracy: Accuracy,
    reach_per_angstrom: float = math.inf,
    device: str = "cpu",
    together: int | None = None,
) -> list[tuple[Waves, ...]]:
    """The waves of the strong beams, and with `accuracy.weak_waves` of the weak ones, behind each crystal.

    Returns those of each thickness of each problem. A further thickness costs no more than the slices to it: where the
    depth is resolved they are the same for any set of thicknesses, otherwise there are equal ones between neighbours,
    and thicknesses that are whole multiples of one length share all.

    Parameters
    ----------
    reach_per_angstrom : weak beams beyond are not returned.
    device : where the matrices are multiplied, `cpu` or a CUDA device of torch.
    together : the most problems of about the same size whose matrices are multiplied at once; by default 1 on a CPU,
        whose cores are busy with one, and 16 elsewhere.

    Without absorption and weak waves the intensities of one direction add up to 1.
    """
    together = together or (1 if device == "cpu" else 16)
    crystals: dict[int, AveragedCrystal | ResolvedCrystal] = {}
    found: list[tuple[Waves, ...]] = [()] * len(problems)
    for number, problem in enumerate(problems):
        beams = depth_beams(problem.zone, accuracy) if accuracy.depth_slice_angstrom > 0.0 else None
        if beams is not None:
            crystals[number] = ResolvedCrystal(problem, beams, accuracy, device)
        elif accuracy.layer_margin_per_angstrom > 0.0:
            found[number] = LayeredCrystal(problem, accuracy, device).waves()
        else:
            crystals[number] = AveragedCrystal(problem, accuracy, reach_per_angstrom, device)
    for group in _alike(crystals, together):
        chosen = [crystals[index] for index in group]
        waves = march([crystal.course for crystal in chosen], chosen[0].matrices(chosen))
        for index, crystal, exits in zip(group, chosen, waves, strict=True):
            found[index] = tuple(crystal.behind(number, one) for number, one in enumerate(exits))
    return found


def _alike(crystals: Mapping[int, AveragedCrystal | ResolvedCrystal], most: int) -> list[list[int]]:
    """Crystals by number in groups of at most so many, of one kind, number of directions and about as many beams."""

    def key(index: int) -> tuple[str, int, int]:
        beams, directions = crystals[index].course.slant.shape
        return type(crystals[index]).__name__, directions, beams

    groups: list[list[int]] = []
    for index in sorted(crystals, key=key):
        first = key(groups[-1][0]) if groups else None
        kind, directions, beams = key(index)
        if first and len(groups[-1]) < most and first[:2] == (kind, directions) and beams <= MOST_PADDING * first[2]:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
