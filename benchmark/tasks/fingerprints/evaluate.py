"""Crystals asked of a trained model: of files as others give them, each made a cluster, broken as is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.candidate import Candidate
from benchmark.crystals.fingerprints.elementals import ELEMENTS
from benchmark.crystals.fingerprints.levels import in_levels
from benchmark.crystals.fingerprints.recipe import PICTURE, TARGET
from benchmark.crystals.fingerprints.rung import understood
from benchmark.crystals.sources import place_of, read_candidates
from benchmark.crystals.structures import examine
from benchmark.definition.question import PictureNames, Question
from benchmark.definition.rung import Rung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.simulation.cluster import Damage, broken, cluster_of
from benchmark.simulation.fingerprint import fingerprint
from benchmark.simulation.recipes import CrystalLimits

DEFECTS = ("surface", "vacancies", "substituted", "displaced")
OPTIONS: Mapping[str, str] = {
    "surface": "share of the atoms that are taken away beyond a plane",
    "vacancies": "share of the atoms that are missing",
    "substituted": "share of the atoms in whose places other elements are",
    "displaced": "standard deviation along each axis, as a share of the mean distance of neighbours",
    "seed": "of the defects, a whole number from 0; 0 where it is left out",
}
LIMITS = CrystalLimits(longest_edge_angstrom=40.0, most_atoms_per_cell=400)
SHOWN = 5
"""Classes in a picture."""


def read_inputs(paths: Sequence[Path], rung: Rung, options: Mapping[str, str]) -> Iterator[Question | StemdlError]:
    """The fingerprints of the crystals of tables, CIF files and folders of these, or why one has none. Raises
    StemdlError for wrong options."""
    says = understood(rung)
    how = Damage(**{name: _number(name, options[name]) for name in DEFECTS if name in options})
    seed = _seed(options.get("seed", "0"))
    names, asked = PictureNames(), 0
    for path in paths:
        for candidate in _candidates(path):
            if isinstance(candidate, StemdlError):
                yield candidate
                continue
            where = place_of(path, candidate)
            crystal, fault = examine(candidate, LIMITS)
            if crystal is None or fault is not None:
                yield StemdlError("this crystal has no fingerprint", where=where, found=fault)
                continue
            whole = cluster_of(crystal.cell, crystal.numbers, crystal.positions, says.atoms)
            try:
                cluster = broken(whole, how, ELEMENTS, np.random.default_rng([seed, asked]))
                picture = in_levels(fingerprint(cluster.positions, cluster.numbers))
            except StemdlError as error:
                yield StemdlError(error.what, where=where, expected=error.expected, found=error.found)
                continue
            notes = (f"{crystal.formula}, space group {crystal.space_group}", f"{len(cluster.numbers)} atoms")
            asked += 1
            yield Question(names.of(candidate.identifier), where, {PICTURE: picture}, notes)


def _candidates(path: Path) -> Iterator[Candidate | StemdlError]:
    """The crystals of a path, and why it has none: that costs no other path its answers."""
    try:
        yield from read_candidates(path)
    except StemdlError as error:
        yield error


def picture(question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema, path: Path) -> None:
    """The three channels, and the likeliest classes with their probabilities."""
    from matplotlib.figure import Figure
    from scipy.special import softmax

    labels, shares = schema.classes[TARGET], softmax(outputs[TARGET].astype(np.float64))
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    *channels, bars = figure.subplots(1, 4)
    for axes, axis, channel in zip(channels, "xyz", question.inputs[PICTURE], strict=True):
        axes.imshow(np.sqrt(channel), cmap="gray", origin="lower", vmin=0.0, vmax=1.0)
        axes.set_title(f"turned about {axis}", fontsize=9)
        axes.set_axis_off()
    order = np.argsort(-shares, kind="stable")[:SHOWN]
    bars.barh(range(len(order)), shares[order], color="gray")
    bars.set_yticks(range(len(order)), [labels[each] for each in order])
    bars.invert_yaxis()
    bars.set_xlim(0.0, 1.0)
    bars.set_xlabel("probability")
    figure.suptitle("; ".join((question.name, *question.notes)).replace("$", r"\$"), fontsize=10)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise StemdlError(f"{name} is not a number", where=f"--set {name}", found=text) from None


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise StemdlError("the seed is not a whole number from 0", where="--set seed", found=text)
    return int(text)
