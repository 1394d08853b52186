"""Scans asked of a trained model: measured ones, or a data set's own, of which the density is known as well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import SHARD_NAME, read_unit, sample_names
from benchmark.data.layout import label_of as stored_text
from benchmark.data.storage import coding_of
from benchmark.definition.question import PictureNames, Question
from benchmark.definition.rung import Rung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.metrics.standardised_error import standardised
from benchmark.tasks.density.given import SUFFIXES, read_given, with_options
from benchmark.tasks.density.measures import square_errors
from benchmark.tasks.density.recipe import schema_of
from benchmark.tasks.density.resampled import on_grid
from benchmark.tasks.density.rung import DensityRung, understood

OPTIONS: Mapping[str, str] = {
    "step_angstrom": "between positions of the scan, where the file does not state it",
    "pixel_per_angstrom": "between pixels of the detector, in 1/Angstrom, where the file does not state it",
    "electrons": "of each position, without a specimen (default: as many as reach the detector on average)",
}
THICKNESSES, WORST = (35.0, 75.0, 125.0), 10
"""Where parts by thickness end, in Angstrom; how many of the worst answers are named."""


@dataclass(frozen=True, eq=False)
class Scanned(Question):
    """A scan, with the density and thickness of its specimen where they are known."""

    density: NDArray[np.float32] | None = None
    field_angstrom: float = 0.0
    thickness_angstrom: float = 0.0


def read_inputs(paths: Sequence[Path], rung: Rung, options: Mapping[str, str]) -> Iterator[Question | StemdlError]:
    """The scans of files and folders on a rung's grid, or why each is none; of a data set's shard, all its samples.
    Raises StemdlError for wrong options, and for a folder that holds no scan."""
    parts, numbers = understood(rung), {name: _number(name, text) for name, text in options.items()}
    names = PictureNames()
    for path in list(_files(paths)):  # a folder of none is said before any other is asked about
        try:
            if SHARD_NAME.fullmatch(path.name):
                yield from _of_shard(path, parts)
                continue
            given = with_options(read_given(path, parts.beam.energy_kev), numbers, path)
            scan, notes = on_grid(given, parts.scan, parts.beam, numbers.get("electrons"))
        except StemdlError as error:
            yield StemdlError(error.what, where=path, expected=error.expected, found=error.found, remedy=error.remedy)
            continue
        field = parts.scan.field_angstrom
        yield Scanned(names.of(path.stem), path, {"scan": scan}, notes, field_angstrom=field)


def measured(question: Question, outputs: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """What is known of an answer besides it: its error, as the metric has it of one sample."""
    assert isinstance(question, Scanned)
    if question.density is None:
        return {}
    return {"error": math.sqrt(float(square_errors(outputs["density"][None], question.density[None])[0]))}


def overall(asked: Sequence[tuple[Question, Mapping[str, float]]]) -> Iterator[str]:
    """What is known of all answers together: the error by thickness, pooled as the metric has it, and the worst."""
    known = [(question, said["error"]) for question, said in asked if isinstance(question, Scanned) and said]
    if not known:
        return
    parts = []
    for low, high in pairwise((0.0, *THICKNESSES, math.inf)):
        errors = [error for question, error in known if low <= question.thickness_angstrom < high]
        if errors:
            reach = f"from {low:g} on" if high == math.inf else f"{low:g} to {high:g}"
            parts.append(f"{reach}, {_pooled(errors):.3f} ({len(errors)} specimens)")
    yield (
        f"Error of the density: {_pooled([error for _, error in known]):.3f}; by thickness in Angstrom: "
        f"{'; '.join(parts)}."
    )
    worst = sorted(known, key=lambda each: -each[1])[:WORST]
    yield "The worst: " + ", ".join(f"{question.name} {error:.3f}" for question, error in worst) + "."


def _pooled(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error**2 for error in errors) / len(errors))


def picture(question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema, path: Path) -> None:
    """The scan's mean pattern, the density that was answered and, where it is known, the true one and the difference,
    in standard deviations."""
    from matplotlib.figure import Figure

    assert isinstance(question, Scanned)
    half = question.field_angstrom / 2.0
    place = {"extent": (-half, half, half, -half)}
    density = {"cmap": "magma", "vmin": -1.5, "vmax": 4.0, **place}
    shown: list[tuple[str, NDArray[Any], dict[str, Any]]] = [
        ("mean pattern, square root", np.sqrt(question.inputs["scan"].mean(axis=(0, 1))), {"cmap": "viridis"}),
        ("density, answered", outputs["density"], density),
    ]
    if question.density is not None:
        true = standardised(question.density[None])[0]
        error = measured(question, outputs)["error"]
        shown.insert(1, ("density, true", true, density))
        off = {"cmap": "RdBu_r", "vmin": -2.0, "vmax": 2.0, **place}
        shown.append((f"difference, error {error:.3f}", outputs["density"] - true, off))
    figure = Figure(figsize=(3.2 * len(shown), 3.2), layout="constrained")
    for axis, (title, values, how) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        figure.colorbar(axis.imshow(values, interpolation="nearest", **how), ax=axis, shrink=0.75)
        axis.set_title(title, fontsize=9)
    figure.suptitle(question.path.name.replace("$", r"\$") + "; lengths in Å", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _of_shard(path: Path, parts: DensityRung) -> Iterator[Scanned]:
    """The samples of a shard of the same shapes as the rung's. Raises StemdlError where it has others."""
    import h5py

    schema = schema_of(parts)
    try:
        with h5py.File(path, "r") as shard:
            coding = coding_of(shard)
            for name in sample_names(shard):
                scan = coding.decode(shard[name]["scan"][()])
                density = np.asarray(shard[name]["density"], dtype=np.float32)
                found, wanted = (scan.shape, density.shape), (schema.inputs[0].shape, schema.targets[0].shape)
                if found != wanted:
                    raise StemdlError("the scans are of another rung", where=path, expected=wanted, found=found)
                where = path.parent / f"{path.name}:{name}"
                thickness = float(shard[name]["thickness"][()])
                kind = stored_text(shard[name].attrs["kind"])
                note = f"{read_unit(shard[name], schema.unit)}, {kind}, {thickness:g} Angstrom thick"
                yield Scanned(
                    f"{path.stem}_{name}",
                    where,
                    {"scan": scan},
                    (note,),
                    density=density,
                    field_angstrom=parts.scan.field_angstrom,
                    thickness_angstrom=thickness,
                )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StemdlError("the shard cannot be read", where=path, found=" ".join(str(error).split())) from error


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if not path.is_file():
                raise StemdlError("no scan is here", where=path)
            yield path
            continue
        found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
        if not found:
            raise StemdlError("no scan is in the folder", where=path, expected=f"files in {', '.join(SUFFIXES)}")
        yield from found


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0.0):
        raise StemdlError("this is not a number above 0", where=f"--set {name}", found=text)
    return value
