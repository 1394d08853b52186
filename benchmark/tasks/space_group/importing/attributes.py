"""A real sample's attributes, made sound: read whatever their type, repaired from what they follow from, or left out.

The real files' float attributes were written in another machine's long double. They read back as float128 with
elements 0 and 2 of three and then garbage such as 1.7e-313, so no wide float is ever believed. What can stand in:

- The energies of one material differ in their patterns and `energy_keV` alone (the convergence angle was fixed at
  100 keV for all), so another energy's sound value is this one's too.
- The semi-angle is half the Bragg angle at 100 keV: 0.25 lambda(100 keV) / d, and d follows from it.
- d is the spacing of the planes `z_dirs` in the lattice `abc_angstrom`, `angles_degree`.
- `energy_keV` is 100 + 10 e in sample_<m>_<e>.

Anything else that cannot be read is left out, as nothing that is trained or verified depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.scattering import wavelength_angstrom

if TYPE_CHECKING:
    import h5py

TRIPLES = ("semi_angles_rad", "d_hkls_angstrom", "abc_angstrom", "angles_degree")
OF_THE_MATERIAL = (*TRIPLES, "z_dirs", "y_dirs", "formula")
"""What all energies of a material share."""
KNOWN = ("space_group", "material", "energy_keV", *OF_THE_MATERIAL)
LABELS = ("space_group", "material")
"""What the survey has read and held; the importer writes them itself."""
MOST_KEV, LARGEST_INDEX, MOST_BYTES = 100_000, 10_000, 32_768
"""The largest beam energy, component of a direction, and attribute: what lies beyond is damage, not a value."""
BROKEN = object()

Attributes = dict[str, Any]


def read_attributes(group: h5py.Group) -> Attributes:
    """A sample's attributes but LABELS, in the types of the layout; BROKEN stands where one cannot be believed."""
    found: Attributes = {}
    for name in group.attrs:
        if name not in LABELS:
            try:
                found[name] = _sound(name, group.attrs[name])
            except (OSError, TypeError, ValueError, RuntimeError):  # a type that numpy does not have
                found[name] = BROKEN
    return found


def _sound(name: str, value: Any) -> Any:
    """A value as the layout has it, or BROKEN."""
    if name == "energy_keV":
        number = float(np.asarray(value).reshape(()))
        return round(number) if 0 < number <= MOST_KEV else BROKEN
    if name == "formula":
        value = value.decode("utf-8") if isinstance(value, bytes) else value
        return value if isinstance(value, str) and value.isprintable() else BROKEN
    array = np.asarray(value)
    if not (name.isprintable() and _can_be_stored(value, array)):
        return BROKEN
    if name in TRIPLES and not (array.shape == (3,) and array.dtype.kind == "f" and (array > 1e-6).all()):
        return BROKEN
    if name in ("z_dirs", "y_dirs") and not (
        array.shape == (1, 3, 3) and array.dtype.kind in "iuf" and (np.abs(array) <= LARGEST_INDEX).all()
    ):
        return BROKEN
    return value


def _can_be_stored(value: Any, array: NDArray[Any]) -> bool:
    """Whether a value is of numbers, truth values or text that HDF5 takes, finite and not too large."""
    import h5py

    if isinstance(value, str):
        return "\0" not in value and len(value.encode("utf-8")) <= MOST_BYTES  # ValueError where it is not text
    if array.dtype.kind == "f" and (array.dtype.itemsize > 8 or not np.isfinite(array).all()):
        return False
    text = array.dtype.kind == "O" and h5py.check_string_dtype(array.dtype) is not None
    return (text or array.dtype.kind in "biufSU") and array.nbytes <= MOST_BYTES


def repair(energies: Mapping[int, Attributes]) -> dict[int, tuple[Attributes, list[str]]]:
    """The attributes of a material's energies, by e, without any that is BROKEN; and what was done to each, as text."""
    return {e: _repaired(e, own, [other for e2, other in energies.items() if e2 != e]) for e, own in energies.items()}


def _repaired(e: int, own: Attributes, others: Sequence[Attributes]) -> tuple[Attributes, list[str]]:
    sound = {name: value for name, value in own.items() if value is not BROKEN}
    done = []
    for name in (name for name in (*KNOWN, *own) if name not in LABELS and name not in sound):
        how = "missing" if name not in own else "not readable"
        shown = name if name.isprintable() else ascii(name)
        value, source = _derived(name, e, sound, others)
        if value is not None:
            sound[name] = value
            done.append(f"{shown} was {how}: {source}")
        elif name in own:
            done.append(f"{shown} was {how} and follows from nothing: left out")
    return {name: sound[name] for name in dict.fromkeys((*own, *sound)) if name in sound}, list(dict.fromkeys(done))


def _derived(name: str, e: int, sound: Attributes, others: Sequence[Attributes]) -> tuple[Any, str]:
    """A value for an attribute from sound ones, and where it comes from; None where there is nothing."""
    if name == "energy_keV":
        return 100 + 10 * e, "from the energy's number"
    if name in OF_THE_MATERIAL:
        for other in others:
            if other.get(name, BROKEN) is not BROKEN:
                return other[name], "from another energy of the material"
    quarter_wavelength = 0.25 * wavelength_angstrom(100.0)
    if name == "semi_angles_rad" and "d_hkls_angstrom" in sound:
        return quarter_wavelength / sound["d_hkls_angstrom"], "from d_hkls_angstrom"
    if name == "d_hkls_angstrom" and "semi_angles_rad" in sound:
        return quarter_wavelength / sound["semi_angles_rad"], "from semi_angles_rad"
    if name == "d_hkls_angstrom" and {"abc_angstrom", "angles_degree", "z_dirs"} <= sound.keys():
        import gemmi

        cell = gemmi.UnitCell(*sound["abc_angstrom"], *sound["angles_degree"])
        columns = np.asarray(sound["z_dirs"])[0].T  # vectors are columns
        spacings = np.array([cell.calculate_d([int(index) for index in hkl]) for hkl in columns])
        if (np.isfinite(spacings) & (spacings > 1e-6)).all():  # three edges and angles may close to no cell
            return spacings, "from the lattice"
    return None, ""
