"""Measured curves asked of a trained model: how they are read, and a picture of each with what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.question import PictureNames, Question
from benchmark.definition.rung import Rung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.tasks.powder.abscissa import AXES
from benchmark.tasks.powder.extinction import members_of
from benchmark.tasks.powder.indexing import find_lattice, seen_lines
from benchmark.tasks.powder.measured import SUFFIXES, read_curve, resampled
from benchmark.tasks.powder.recipe import PROFILE, TARGET
from benchmark.tasks.powder.rung import grid_of, understood
from benchmark.tasks.powder.units import label_of

OPTIONS: Mapping[str, str] = {
    "wavelength": "in angstrom, of curves over 2 theta whose files do not state it",
    "axis": f"what a first column without a name is: {', '.join(AXES)}",
}
SHOWN = 3
"""Groups in a picture."""


def read_inputs(paths: Sequence[Path], rung: Rung, options: Mapping[str, str]) -> Iterator[Question | StemdlError]:
    """The curves of files and folders on a rung's grid, or why each is none. Raises StemdlError for wrong options, and
    for a folder that holds no curve."""
    grid = understood(rung).grid
    wavelength = _number(options["wavelength"]) if "wavelength" in options else None
    names = PictureNames()
    for path in list(_files(paths)):  # a folder of none is said before any other is asked about
        try:
            profile, _, notes = resampled(read_curve(path, wavelength, options.get("axis")), grid)
        except StemdlError as error:
            yield error
            continue
        yield Question(names.of(path.stem), path, {PROFILE: profile[None]}, notes)


def class_of(text: str) -> str:
    """The class of a space group, or the name of a class, which begins with one. Raises StemdlError for other texts."""
    number = text.partition(":")[0].strip()
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 230):
        raise StemdlError("this is not a space group", expected="1 to 230, or a class", found=text)
    return label_of(int(number))


def picture(question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema, path: Path) -> None:
    """The pattern, and for each of the likeliest groups its space groups, its probability, and ticks where its
    forbidden reflections would be in the lattice that explains the lines best."""
    from matplotlib.figure import Figure
    from scipy.special import softmax

    profile = question.inputs[PROFILE][0]
    grid = grid_of(len(profile))
    labels, shares = schema.classes[TARGET], softmax(outputs[TARGET].astype(np.float64))
    lines = seen_lines(profile, grid)
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    pattern, ticks = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    pattern.plot(grid.two_theta, np.sqrt(profile), linewidth=0.7, color="black")
    pattern.set_ylabel("square root of intensity")
    pattern.set_title(question.path.name.replace("$", r"\$"), fontsize=10)
    for row, each in enumerate(np.argsort(shares)[::-1][:SHOWN]):
        members = members_of(labels[each])
        lattice = find_lattice(lines, members)
        text = f"{labels[each]}  {shares[each]:.2f}  (space groups {_few(members)})"
        if lattice is None:
            text += "; no lattice of one or two edges explains the lines"
        else:
            edges = ", ".join(
                f"{name} = {edge:.3f} Å" for name, edge in zip("ac", lattice.edges_angstrom, strict=False)
            )
            text += f"; {edges}, merit {lattice.merit:.0f}; forbidden:" + ("" if len(lattice.forbidden) else " none")
            sine = lattice.forbidden * grid.wavelength_angstrom / 2.0
            at = 2.0 * np.degrees(np.arcsin(sine[sine < 1.0]))
            ticks.vlines(at, -row - 0.75, -row - 0.45, color=f"C{row}", linewidth=0.8)
        ticks.text(grid.first_degrees, -row - 0.3, text, fontsize=9, color=f"C{row}", clip_on=True)
    ticks.set_ylim(-SHOWN, 0.3)
    ticks.set_yticks([])
    ticks.set_xlim(grid.two_theta[0], grid.two_theta[-1])
    ticks.set_xlabel(f"2 theta at {grid.wavelength_angstrom} Å, degrees")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if not path.is_file():
                raise StemdlError("no curve is here", where=path)
            yield path
            continue
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
        if not found:
            raise StemdlError("no curve is in the folder", where=path, expected=f"files in {', '.join(SUFFIXES)}")
        yield from found


def _few(members: Sequence[int]) -> str:
    return ", ".join(map(str, members[:8])) + (", ..." if len(members) > 8 else "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise StemdlError("this is not a wavelength", where="--set wavelength", found=text) from None
