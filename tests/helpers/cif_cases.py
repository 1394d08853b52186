"""Blocks of CIFs and what each holds: the group and atoms of its cell, or why it cannot be used."""

from __future__ import annotations

from cif_text import ATOM_COLUMNS, SALT, operations_of

FM3M = operations_of("F m -3 m")
MONOCLINIC, BRICK = (8.1, 9.7, 11.3, 90, 101.5, 90), (8.1, 9.7, 11.3, 90, 90, 90)
THREE = ("Ca1 Ca 0.70 0.89 0.13", "S1 S 0.61 0.47 0.58", "O1 O 0.15 0.42 0.58")
DIAMOND = (5.43, 5.43, 5.43, 90, 90, 90)
HEXAGONAL, RHOMBOHEDRAL = (4.9, 4.9, 15.0, 90, 90, 120), (5.745, 5.745, 5.745, 50.49, 50.49, 50.49)
EVERY_ATOM = (
    *SALT,
    "Na2 Na 0.5 0.5 0",
    "Na3 Na 0 0.5 0.5",
    "Na4 Na 0.5 0 0.5",
    "Cl2 Cl 0 0 0.5",
    "Cl3 Cl 0 0.5 0",
    "Cl4 Cl 0.5 0 0",
)
Answer = tuple[int, int] | str
"""Space group and atoms of the conventional cell, or why it is left out."""


def atoms(*sites: str) -> dict[str, tuple[str, ...]]:
    return {"atoms": sites}


SYMMETRY: dict[str, tuple[dict, Answer]] = {
    "nothing stated": ({}, "its symmetry is not stated"),
    "? for name and operations": ({"name": "?", "operations": ["?"]}, "its symmetry is not stated"),
    "a name of nothing": ({"name": "Rock salt"}, "its space group is not known"),
    "a name": ({"name": "F m -3 m"}, (225, 8)),
    "P 1 by name": ({"name": "P 1"}, (221, 2)),
    "the identity alone": ({"operations": ["x,y,z"]}, (221, 2)),
    "operations": ({"operations": FM3M}, (225, 8)),
    "operations in capitals and decimals": (
        {"operations": [one.upper().replace("1/2", "0.5") for one in FM3M]},
        (225, 8),
    ),
    "half of the operations": ({"operations": FM3M[:96]}, "its operations do not form a group"),
    "all but one operation": ({"operations": FM3M[:-1]}, "its operations do not form a group"),
    "operations without the centring, and the name": (
        {"name": "F m -3 m", "operations": operations_of("P m -3 m")},
        "its space group contradicts itself",
    ),
    "a subgroup's operations, and the name": (
        {"name": "F m -3 m", "operations": operations_of("F 4 3 2")},
        "its space group contradicts itself",
    ),
    "the identity, and the name": ({"name": "F m -3 m", "operations": ["x,y,z"]}, "its space group contradicts itself"),
    "P 1 with atoms on both sides of the cell": (
        {"name": "P 1", **atoms(*SALT, "Na2 Na 1 1 0", "Na3 Na 1.00000 0 -1", "Cl2 Cl -0.5 0.5 1.5")},
        (221, 2),
    ),
    "P 1, the identity, and another number": (
        {"name": "P 1", "operations": ["x,y,z"], "more": "_space_group_IT_number 225"},
        "its space group contradicts itself",
    ),
    "P 1 left in the header": ({"name": "P 1", "operations": FM3M}, (225, 8)),
    "a word among the operations": ({"operations": ["x,y,z", "none"]}, "its operations cannot be read"),
    "an operation that shears": ({"operations": ["x,y,z", "2*x,y,z"]}, "its operations do not form a group"),
    "two lists": (
        {"operations": FM3M, "more": "_space_group_symop_operation_xyz 'x,y,z'"},
        "its space group contradicts itself",
    ),
    "one list twice": ({"operations": ["x, y, z"], "more": "_space_group_symop_operation_xyz 'x,y,z'"}, (221, 2)),
    "a number alone": ({"more": "_space_group_IT_number 225"}, (225, 8)),
    "another number": (
        {"name": "F m -3 m", "more": "_symmetry_Int_Tables_number 221"},
        "its space group contradicts itself",
    ),
    "a name with another number": ({"name": "F m -3 m (No. 221)"}, "its space group contradicts itself"),
    "a name with its number after a comma": ({"name": "Fm-3m, #225"}, (225, 8)),
    "two Hall symbols": (
        {"more": "_space_group_name_Hall '-F 4 2 3'\n_symmetry_space_group_name_Hall '-P 4 2 3'"},
        "its space group contradicts itself",
    ),
    "a dash of word processors in a name": ({"name": "F m \u20133 m"}, (225, 8)),
    "a number of no group": ({"more": "_space_group_IT_number 231"}, "its space group is not known"),
    "another Hall symbol next to operations": (
        {"operations": FM3M, "more": "_space_group_name_Hall '-P 4 2 3'"},
        "its space group contradicts itself",
    ),
    "the name of the standard setting too": (
        {"cell": MONOCLINIC, "name": "P 1 21/n 1", **atoms(*THREE), "more": "_space_group_name_H-M_ref 'P 1 21/c 1'"},
        (14, 12),
    ),
    "a minus sign of word processors": ({"operations": [one.replace("-", "\u2212") for one in FM3M]}, (225, 8)),
    "a number next to operations": (
        {"operations": FM3M, "more": "_space_group_IT_number 216"},
        "its space group contradicts itself",
    ),
    "a Hall symbol": ({"more": "_space_group_name_Hall '-F 4 2 3'"}, (225, 8)),
    "not a Hall symbol": ({"more": "_symmetry_space_group_name_Hall '-F 9 9'"}, "its Hall symbol cannot be read"),
    "P21/n": ({"cell": MONOCLINIC, "name": "P 1 21/n 1", **atoms(*THREE)}, (14, 12)),
    "P2(1)/n": ({"cell": MONOCLINIC, "name": "P2(1)/n", **atoms(*THREE)}, (14, 12)),
    "P2~1~/n": ({"cell": MONOCLINIC, "name": "P 2~1~/n", **atoms(*THREE)}, (14, 12)),
    "B2/m by gamma": ({"cell": (*BRICK[:5], 101.5), "name": "B 2/m", **atoms(*THREE)}, (12, 24)),
    "P21/b by gamma": ({"cell": (*BRICK[:5], 101.5), "name": "P 21/b", **atoms(*THREE)}, (14, 12)),
    "P21/b by alpha": ({"cell": (*BRICK[:3], 101.5, 90, 90), "name": "P 21/b", **atoms(*THREE)}, (14, 12)),
    "P21/c with gamma odd": (
        {"cell": (*BRICK[:5], 101.5), "name": "P 1 21/c 1", **atoms(*THREE)},
        "its cell does not fit its space group",
    ),
    "P21/c in a triclinic cell": (
        {"cell": (*BRICK[:3], 92, 101.5, 90), "name": "P 21/c", **atoms(*THREE)},
        "its cell does not fit its space group",
    ),
    "Pbnm": ({"cell": BRICK, "name": "Pbnm", **atoms(*THREE)}, (62, 24)),
    "Cmce": ({"cell": BRICK, "name": "C m c e", **atoms(*THREE)}, (64, 48)),
    "a full symbol": ({"cell": BRICK, "name": "P 21/n 21/m 21/a", **atoms(*THREE)}, (62, 24)),
    "R, hexagonal axes": (
        {"cell": HEXAGONAL, "name": "R -3 m", **atoms("Bi1 Bi 0 0 0.4", "O1 O 0.3 0.05 0.27")},
        (166, 42),
    ),
    "R, rhombohedral axes": (
        {"cell": RHOMBOHEDRAL, "name": "R -3 m", **atoms("Bi1 Bi 0.4 0.4 0.4", "O1 O 0.12 0.43 0.8")},
        (166, 42),
    ),
    "R called H in rhombohedral axes": (
        {"cell": RHOMBOHEDRAL, "name": "R -3 m H", **atoms("Bi1 Bi 0.4 0.4 0.4")},
        "its cell does not fit its space group",
    ),
    "origin 1 by S": ({"cell": DIAMOND, "name": "F d -3 m S", **atoms("Si1 Si 0 0 0")}, (227, 8)),
    "origin 2 by Z": ({"cell": DIAMOND, "name": "F d -3 m Z", **atoms("Si1 Si 0.125 0.125 0.125")}, (227, 8)),
    "origin 2 by its code": (
        {
            "cell": DIAMOND,
            "name": "F d -3 m",
            **atoms("Si1 Si 0.125 0.125 0.125"),
            "more": "_space_group_IT_coordinate_system_code 2",
        },
        (227, 8),
    ),
    "origin not stated": ({"cell": DIAMOND, "name": "F d -3 m", **atoms("Si1 Si 0 0 0")}, "its origin is not stated"),
    "origin by Z": (
        {
            "cell": DIAMOND,
            "name": "F d -3 m",
            **atoms("Si1 Si 0 0 0"),
            "more": "_chemical_formula_sum Si\n_cell_formula_units_Z 16",
        },
        (227, 16),
    ),
    "origin by multiplicity": (
        {
            "cell": DIAMOND,
            "name": "F d -3 m",
            **atoms("Si1 Si 0 0 0 8"),
            "columns": (*ATOM_COLUMNS, "symmetry_multiplicity"),
        },
        (227, 8),
    ),
    "a primitive cell with the name": (
        {"cell": (3.84, 3.84, 3.84, 60, 60, 60), "name": "Fd-3m", **atoms("Si1 Si 0 0 0", "Si2 Si 0.25 0.25 0.25")},
        "its cell does not fit its space group",
    ),
    "every atom of the cell, the identity, and the name": (
        {"name": "F m -3 m", "operations": ["x,y,z"], **atoms(*EVERY_ATOM)},
        (225, 8),
    ),
    "a cell that is not cubic": (
        {"cell": (5.64, 5.70, 5.64, 90, 90, 90), "operations": FM3M},
        "its cell does not fit its operations",
    ),
    "a cell rounded in its last digit": ({"cell": (5.6401, 5.64, 5.6398, 90, 90.01, 90), "operations": FM3M}, (225, 8)),
}


CELL: dict[str, tuple[dict, Answer]] = {
    "no cell": ({"cell": (), "operations": FM3M}, "its cell is not whole"),
    "no angles": ({"cell": (5.64, 5.64, 5.64), "operations": FM3M}, "its cell is not whole"),
    "cell of ?": ({"cell": ("?",) * 6, "operations": FM3M}, "its cell is not whole"),
    "an edge of ?": ({"cell": (5.64, "?", 5.64, 90, 90, 90), "operations": FM3M}, "its cell is not whole"),
    "an edge of 0": ({"cell": (5.64, 0, 5.64, 90, 90, 90), "name": "P 1"}, "an edge of its cell is out of range"),
    "an edge below 0": ({"cell": (5.64, -5.6, 5.64, 90, 90, 90), "name": "P 1"}, "an edge of its cell is out of range"),
    "angles in radians": ({"cell": (5.64, 5.64, 5.64, 1.57, 1.57, 1.57), "name": "P 1"}, "no cell has its angles"),
    "angles that do not close": ({"cell": (5.64, 5.64, 5.64, 60, 60, 150), "name": "P 1"}, "no cell has its angles"),
    "errors in brackets": ({"cell": ("5.640(2)", "5.640(2)", "5.640(2)", 90, 90, 90), "operations": FM3M}, (225, 8)),
    "a decimal comma": ({"cell": ("5,64", "5,64", "5,64", 90, 90, 90), "operations": FM3M}, "its cell is not whole"),
    "an edge twice": ({"operations": FM3M, "more": "_cell_length_a 5.70"}, "it says one thing twice"),
    "another volume": ({"operations": FM3M, "more": "_cell_volume 500.0(3)"}, "its cell is not of its volume"),
    "its volume, rounded": ({"operations": FM3M, "more": "_cell_volume 180"}, (225, 8)),
    "a volume of ?": ({"operations": FM3M, "more": "_cell_volume ?"}, (225, 8)),
    "an edge twice alike": ({"operations": FM3M, "more": "_cell_length_a 5.64"}, (225, 8)),
}


OCCUPANCY, FLAG = (*ATOM_COLUMNS, "occupancy"), (*ATOM_COLUMNS, "calc_flag")


DISORDER = (*ATOM_COLUMNS, "disorder_assembly", "disorder_group")


SITES: dict[str, tuple[dict, Answer]] = {
    "no fract_x": (
        {"columns": ("label", "type_symbol", "fract_y", "fract_z"), **atoms("Na1 Na 0 0")},
        "a coordinate is missing",
    ),
    "a coordinate of ?": (atoms("Na1 Na 0 0 ?"), "a coordinate is missing"),
    "a coordinate as a fraction": (atoms("Na1 Na 0 0 1/2"), "a coordinate is missing"),
    "errors of coordinates": (atoms("Na1 Na 0 0 0", "Cl1 Cl 0.5 0.5 0.500(3)"), (225, 8)),
    "charges": (atoms("Na1 Na1+ 0 0 0", "Cl1 Cl- 0.5 0.5 0.5"), (225, 8)),
    "charges, signs first": (atoms("Na1 Na+1 0 0 0", "Cl1 Cl-1 0.5 0.5 0.5"), (225, 8)),
    "no charge": (atoms("Na1 Na0+ 0 0 0", "Cl1 Cl0 0.5 0.5 0.5"), (225, 8)),
    "capitals": (atoms("NA1 NA 0 0 0", "CL1 CL 0.5 0.5 0.5"), (225, 8)),
    "deuterium": (atoms("Li1 Li 0 0 0", "D1 D 0.5 0.5 0.5"), (225, 8)),
    "labels alone": (
        {"columns": ("label", "fract_x", "fract_y", "fract_z"), **atoms("Na1 0 0 0", "Cl1A 0.5 0.5 0.5")},
        (225, 8),
    ),
    "types of ?": (atoms("Na1 ? 0 0 0", "Cl1 . 0.5 0.5 0.5"), (225, 8)),
    "water by label": (atoms("Na1 Na 0 0 0", "Wat1 ? 0.5 0.5 0.5"), "a site is not of a known element"),
    "hydroxyl by type": (atoms("Na1 Na 0 0 0", "OH1 OH 0.5 0.5 0.5"), "a site is not of a known element"),
    "a label of two elements": (atoms("Na1 Na 0 0 0", "CO1 ? 0.5 0.5 0.5"), "a site is not of a known element"),
    "a label of two elements, and the formula": (
        {"more": "_chemical_formula_sum 'Na Co'", **atoms("Na1 Na 0 0 0", "CO1 ? 0.5 0.5 0.5")},
        (225, 8),
    ),
    "a mineral's site": (
        {"more": "_chemical_formula_sum 'Mg O'", **atoms("MgM1 ? 0 0 0", "OA ? 0.5 0.5 0.5")},
        (225, 8),
    ),
    "a place without an element": (atoms("Na1 Na 0 0 0", "X1 X 0.5 0.5 0.5"), "a site is not of a known element"),
    "too heavy": (atoms("Lr1 Lr 0 0 0"), "an element has no scattering factor"),
    "half a site": ({"columns": OCCUPANCY, **atoms("Na1 Na 0 0 0 0.5", "K1 K 0 0 0 0.5")}, "sites are partly occupied"),
    "an empty site": ({"columns": OCCUPANCY, **atoms("Na1 Na 0 0 0 0", "K1 K 0 0 0 1")}, "sites are partly occupied"),
    "occupancy of ? and .": ({"columns": OCCUPANCY, **atoms("Na1 Na 0 0 0 ?", "Cl1 Cl .5 .5 .5 .")}, (225, 8)),
    "a multiplicity as occupancy": ({"columns": OCCUPANCY, **atoms("Na1 Na 0 0 0 4")}, "an occupancy is above 1"),
    "an occupancy of words": ({"columns": OCCUPANCY, **atoms("Na1 Na 0 0 0 full")}, "an occupancy cannot be read"),
    "a dummy": ({"columns": FLAG, **atoms("Na1 Na 0 0 0 d", "Cl1 Cl .5 .5 .5 d", "Q1 C .25 .25 .25 dum")}, (225, 8)),
    "dummies alone": ({"columns": FLAG, **atoms("Q1 C 0 0 0 dum")}, "it has no atoms"),
    "two disorder groups": (
        {"columns": DISORDER, **atoms("Na1 Na 0 0 0 A 1", "K1 K .25 .25 .25 A 2")},
        "sites are disordered",
    ),
    "disorder about a special place": (
        {"columns": DISORDER, **atoms("Na1 Na 0 0 0 . -1", "Cl1 Cl .5 .5 .5 . .")},
        "sites are disordered",
    ),
    "one disorder group": ({"columns": DISORDER, **atoms("Na1 Na 0 0 0 . 1", "Cl1 Cl .5 .5 .5 . 1")}, (225, 8)),
    "a split site without occupancies": (atoms("Cs1 Cs 0 0 0", "O1 O 0.5 0.5 0.44"), "two atoms share a site"),
    "alternatives without a word": (
        atoms("Cs1 Cs 0 0 0", "O1 O 0.5 0.5 0.5", "S1 S 0.5 0.5 0.5"),
        "two atoms share a site",
    ),
    "one occupancy for two sites": ({"more": "_atom_site_occupancy 0.5"}, "its lists of sites do not fit together"),
    "a list of occupancies apart": (
        {"more": "loop_\n_atom_site_occupancy\n0.5\n0.5\n0.5"},
        "its lists of sites do not fit together",
    ),
    "a list of ? apart": ({"more": "_atom_site_occupancy ?"}, (225, 8)),
    "a dash and a blank of word processors": (atoms("Na1 Na 0 0\u00a00", "Cl1 Cl .5 .5 \u20130.5"), (225, 8)),
    "attached hydrogen": (
        {"columns": (*ATOM_COLUMNS, "attached_hydrogens"), **atoms("O1 O 0 0 0 2")},
        "hydrogen atoms have no sites",
    ),
    "every atom of the cell, and operations": (atoms(*EVERY_ATOM), (225, 8)),
    "moments": (
        {"more": "_atom_site_moment_label Na1\n_atom_site_moment_crystalaxis_x 1.0"},
        "it is a magnetic structure",
    ),
    "magnetic operations": ({"more": "_space_group_symop_magn_operation_xyz 'x,y,z,+1'"}, "it is a magnetic structure"),
    "modulation": ({"more": "_cell_modulation_dimension 1"}, "it is a modulated structure"),
    "no modulation": ({"more": "_cell_modulation_dimension 0"}, (225, 8)),
}


FORMULA: dict[str, tuple[str, str, Answer]] = {
    "sound": ("'Cl Na'", "4", (225, 8)),
    "without Z": ("'Cl3 Na3'", "?", (225, 8)),
    "rounded": ("'Cl0.995 Na1'", "4", (225, 8)),
    "the whole cell's": ("'Cl4 Na4'", "4", (225, 8)),
    "the whole cell's once": ("'Cl4 Na4'", "1", (225, 8)),
    "not understood": ("'see text'", "4", (225, 8)),
    "hydrogen that has no sites": ("'Cl Na H2 O'", "4", "its formula is not that of its sites"),
    "other shares": ("'Cl2 Na'", "4", "its formula is not that of its sites"),
    "in capitals": ("'CL1 NA1'", "4", (225, 8)),
    "in capitals, and other shares": ("'CL2 NA1'", "4", "its formula is not that of its sites"),
    "folded": ("\n;\\\nCl2 \\\nNa\n;", "4", "its formula is not that of its sites"),
    "an element too few": ("Na", "4", "its formula is not that of its sites"),
    "another Z": ("'Cl Na'", "8", "its formula and Z are not those of its sites"),
    "Z of 0": ("'Cl4 Na4'", "0", "its formula and Z are not those of its sites"),
}
