"""CIF files for the tests, written part by part."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi

CUBIC = (5.64, 5.64, 5.64, 90, 90, 90)
SALT = ("Na1 Na 0 0 0", "Cl1 Cl 0.5 0.5 0.5")
ATOM_COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def operations_of(name: str) -> list[str]:
    """The operations of a setting of the tables, as triplets."""
    return [operation.triplet() for operation in gemmi.SpaceGroup(name).operations()]


def cif(
    cell: Sequence[object] = CUBIC,
    name: str = "",
    operations: Sequence[str] = (),
    atoms: Sequence[str] = SALT,
    more: str = "",
    columns: Sequence[str] = ATOM_COLUMNS,
    block: str = "x",
) -> str:
    """A block: a cell, a name of a space group, operations, more lines, and atoms, each left out where it is empty."""
    lines = [f"data_{block}", *(f"_cell_{tag} {value}" for tag, value in zip(_CELL, cell, strict=False))]
    if name:
        lines.append(f"_symmetry_space_group_name_H-M {gemmi.cif.quote(name)}")
    if operations:
        lines += ["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'{operation}'" for operation in operations)]
    lines += [more, "loop_", *(f"_atom_site_{column}" for column in columns), *atoms]
    return "\n".join(lines) + "\n"
