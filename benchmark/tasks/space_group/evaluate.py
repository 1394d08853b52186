"""What a trained model is asked about: crystals, whose patterns are simulated as the rung's are, stacks of patterns in
HDF5, and pictures of patterns; and a picture of each with what was answered and the symmetry that it shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import sources
from benchmark.crystals.cbed_stack import read_label, sample_of
from benchmark.crystals.cif_files import cif_paths
from benchmark.crystals.simulate import simulate_stacks
from benchmark.crystals.structures import examine
from benchmark.data.faults import READING_ERRORS
from benchmark.data.recipe import Unit, unit_generator
from benchmark.data.storage import Coding, binned, coding_of
from benchmark.definition.question import PictureNames, Question
from benchmark.definition.rung import WHOLE, Rung
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.cbed_fields import LABEL, PROJECTIONS, STACK
from benchmark.simulation.identifiability import indistinguishable
from benchmark.tasks.space_group.exploring.elements import draw_elements
from benchmark.tasks.space_group.exploring.stacks import group_symbol
from benchmark.tasks.space_group.pictures import of_picture, pictures_of
from benchmark.tasks.space_group.symmetry_seen import symmetry_of

if TYPE_CHECKING:
    import h5py

OPTIONS: Mapping[str, str] = {
    "calibration": "1/Angstrom per pixel of pictures, such as 0.004",
    "specimen": "a whole number: another one draws other thicknesses, tilts and noise for the crystals (default: 0)",
}
HDF5 = (".h5", ".hdf5")
SHOWN = 5
"""Groups in a picture."""
MOST_BYTES = 2**26
"""Of the patterns that are read from a file at once."""
SUM_WITHIN = 0.2
"""The difference by which a pattern's sum may miss 1, since some of the beam leaves the detector, before it is
scaled."""


def read_inputs(paths: Sequence[Path], rung: Rung, options: Mapping[str, str]) -> Iterator[Question | StemdlError]:
    """The stacks of HDF5 files, pictures' patterns, and those of crystals (any source but the Materials Project), or
    why each is none.

    A crystal is simulated with the optics and along the axes of the rung, its group is known from spglib. A stack in
    HDF5 is a group's `cbed_stack`, as shards have it, or any data set (3, p, p) or (n, 3, p, p) of intensities; `p` is
    the rung's or a multiple of it, over the same range of angles. Raises StemdlError for wrong options.
    """
    understood, names = CbedRung.of(rung), PictureNames()
    specimen, per_pixel = _whole(options.get("specimen", "0")), _above_0(options.get("calibration"))
    for path in paths:
        stacks, shots = _hdf5_files(path), pictures_of(path)
        for each in stacks:
            yield from _named(_of_hdf5(each, understood), names)
        for each in shots:
            yield from _named(of_picture(each, understood, per_pixel), names)
        if not (stacks or shots) or (path.is_dir() and cif_paths(path)):
            try:
                yield from _named(_of_crystals(path, understood, specimen), names)
            except StemdlError as error:  # a path of neither costs no other its answer
                yield error


def remarks(question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema) -> list[str]:
    """The symmetry elements that each projection shows and breaks, and which groups the likeliest one cannot be told
    from along the conventional axes."""
    found = []
    for turn, pattern in enumerate(question.inputs[STACK], start=1):
        seen = symmetry_of(pattern)
        told = {verdict: [] for verdict in ("shown", "broken")}
        for element in seen.residuals:
            told.get(seen.verdict(element), []).append(element)
        parts = [f"{verdict} {', '.join(elements)}" for verdict, elements in told.items() if elements]
        found.append(f"projection {turn}: {'; '.join(parts) or 'nothing is clear'}")
    best = int(schema.classes[LABEL][int(outputs[LABEL].argmax())])
    others = [each for each in next(groups for groups in indistinguishable() if best in groups) if each != best]
    if others:
        found.append(f"projections along [001], [100] and [1-10] do not tell {best} from {_named_groups(others)}")
        in_depth = next(groups for groups in indistinguishable(in_depth=True) if best in groups)
        if told := [each for each in others if each not in in_depth]:
            found.append(f"higher Laue zones, where they are strong, tell it from {_named_groups(told)}")
    return found


def _named_groups(groups: Iterable[int]) -> str:
    return ", ".join(f"{group_symbol(each)} ({each})" for each in groups)


def picture(question: Question, outputs: Mapping[str, NDArray[Any]], schema: SampleSchema, path: Path) -> None:
    """The three patterns on a logarithmic scale with their symmetry (`exploring/elements.py`), and the likeliest groups
    with their probabilities."""
    from matplotlib.figure import Figure
    from scipy.special import softmax

    labels, shares = schema.classes[LABEL], softmax(outputs[LABEL].astype(np.float64))
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    *patterns, bars = figure.subplots(1, PROJECTIONS + 1)
    for turn, (axis, pattern) in enumerate(zip(patterns, question.inputs[STACK], strict=True), start=1):
        axis.imshow(np.log10(pattern + 1e-5), cmap="magma", interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        draw_elements(axis, symmetry_of(pattern), pattern.shape[0], f"projection {turn}")
    best = np.argsort(shares)[::-1][:SHOWN]
    known = question.known.get(LABEL)
    colours = ["C2" if labels[each] == known else "C0" for each in best]
    bars.barh(range(len(best)), shares[best], height=0.4, color=colours)
    for row, each in enumerate(best):
        text = f"{group_symbol(int(labels[each]))} ({labels[each]})  {shares[each]:.2f}"
        bars.text(0.02, row - 0.23, text.replace("$", r"\$"), fontsize=9, va="bottom")
    bars.set(xlim=(0, 1), ylim=(len(best) - 0.6, -0.8), yticks=[], xlabel="probability")
    told = f"; it is {group_symbol(int(known))} ({known})" if known else ""
    figure.suptitle(f"{question.path.name}{told}".replace("$", r"\$"), fontsize=10)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _hdf5_files(path: Path) -> list[Path]:
    """A file that is named so, or those of a folder and of the folders in it."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.suffix.lower() in HDF5 and each.is_file())
    return [path] if path.suffix.lower() in HDF5 else []


def _of_crystals(path: Path, rung: CbedRung, specimen: int) -> Iterator[Question | StemdlError]:
    if rung.optics is None or rung.limits is None:
        raise StemdlError(
            f"{rung.name} has no optics to simulate crystals by", where=path, expected=f"stacks in {' or '.join(HDF5)}"
        )
    for candidate in sources.read_candidates(path):
        where = sources.place_of(path, candidate)
        crystal, fault = examine(candidate, rung.limits)
        if crystal is None or fault is not None:
            yield StemdlError(str(fault), where=where, found=candidate.detail or None)
            continue
        unit = Unit(f"{candidate.identifier} {specimen}", WHOLE, 1, str(crystal.space_group))
        stack = next(simulate_stacks(unit.identifier, crystal, rung, unit_generator(rung, unit), samples=1))
        sample = sample_of(stack)
        notes = [
            f"{stack.formula}, {sample.attributes['thickness_angstrom']:.0f} Angstrom thick, simulated along "
            + ", ".join(f"[{' '.join(map(str, axis))}]" for axis in stack.z_dirs)
        ]
        known = {LABEL: str(crystal.space_group)}
        if crystal.space_group not in rung.space_groups:
            notes.append(f"its space group {crystal.space_group} is not one of the rung's")
        yield Question(candidate.identifier, where, {STACK: sample.arrays[STACK]}, tuple(notes), known)


def _of_hdf5(path: Path, rung: CbedRung) -> Iterator[Question | StemdlError]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            found: list[h5py.Dataset] = []
            file.visititems(lambda _, each: found.append(each) if _is_stack(each) else None)
            if not found:
                yield StemdlError(
                    "no stack of patterns is in the file", where=path, expected=f"({PROJECTIONS}, p, p) or (n, 3, p, p)"
                )
            for dataset in found:
                yield from _of_dataset(path, dataset, rung)
    except READING_ERRORS as error:
        yield StemdlError("the file cannot be read as HDF5", where=path, found=" ".join(str(error).split()))


def _is_stack(each: Any) -> bool:
    import h5py

    if not isinstance(each, h5py.Dataset) or each.dtype.kind not in "fiu":
        return False
    return each.ndim in (3, 4) and each.shape[-3] == PROJECTIONS and each.shape[-1] == each.shape[-2]


def _of_dataset(path: Path, dataset: h5py.Dataset, rung: CbedRung) -> Iterator[Question | StemdlError]:
    """Each stack of a data set; `known` where its group says so, as a shard's does."""
    parts = [part for part in dataset.name.split("/") if part and part != STACK]
    where = f"{path}:{'.'.join(parts)}"
    name = "_".join((path.stem, *parts))
    try:
        known = {LABEL: str(read_label(dataset.parent))} if "space_group" in dataset.parent.attrs else {}
        if not dataset.size:
            raise StemdlError("the data set is empty", expected="intensities", found=f"the shape {dataset.shape}")
        for turn, stack in enumerate(_stacks(dataset)):
            own = "" if dataset.ndim == 3 else f"[{turn}]"
            try:
                patterns, notes = _fitted(stack, rung.pixels)
            except StemdlError as error:
                yield StemdlError(error.what, where=where + own, expected=error.expected, found=error.found)
            else:
                yield Question(f"{name}{own}", Path(where + own), {STACK: patterns}, notes, known)
    except StemdlError as error:
        yield StemdlError(error.what, where=where, expected=error.expected, found=error.found, remedy=error.remedy)
    except (*READING_ERRORS, IndexError, MemoryError) as error:
        yield StemdlError("the stack cannot be read", where=where, found=" ".join(str(error).split()))


def _stacks(dataset: h5py.Dataset) -> Iterator[NDArray[np.float32]]:
    """Each stack (3, p, p) of a data set, few at once: thousands of them may be more than the memory holds."""
    coding = coding_of(dataset.file) if dataset.name.endswith(f"/{STACK}") else Coding()
    if dataset.ndim == 3:
        yield coding.decode(dataset[()])
        return
    at_once = max(1, MOST_BYTES * len(dataset) // dataset.nbytes)
    for start in range(0, len(dataset), at_once):
        yield from coding.decode(dataset[start : start + at_once])


def _fitted(stack: NDArray[np.float32], pixels: int) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Intensities (3, q, q) as the rung's: (3, pixels, pixels), of about unit sum each. Raises StemdlError where they
    are not intensities, or have other pixels than can be summed to the rung's."""
    if not np.isfinite(stack).all() or stack.min() < 0.0:
        raise StemdlError("these are not intensities", expected="finite numbers, none below 0")
    sums = stack.sum(axis=(1, 2), dtype=np.float64)
    if not sums.all():
        raise StemdlError("a pattern is empty", expected="intensities above 0")
    notes = []
    if stack.shape[-1] != pixels:
        stack = binned(stack, pixels)
        notes.append(f"pixels summed to {pixels} x {pixels}")
    if np.abs(sums - 1.0).max() > SUM_WITHIN:
        stack = (stack / sums[:, None, None]).astype(np.float32)
        notes.append("each pattern divided by its sum")
    return stack, tuple(notes)


def _named(found: Iterator[Question | StemdlError], names: PictureNames) -> Iterator[Question | StemdlError]:
    """Questions whose names differ, and may be those of files."""
    for each in found:
        if isinstance(each, Question):
            each = replace(each, name=names.of(each.name))
        yield each


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise StemdlError("this is not a whole number", where="--set specimen", found=text, expected="0 to 999999999")
    return int(text)


def _above_0(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 10.0:
        raise StemdlError(
            "this is not a calibration", where="--set calibration", found=text, expected="above 0, below 10"
        )
    return value
