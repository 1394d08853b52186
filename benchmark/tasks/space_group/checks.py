"""What `stemdl data verify` checks of CBED patterns of crystals, besides what it checks of any data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmark.crystals import relabel
from benchmark.crystals.count_checks import counts
from benchmark.crystals.leak_checks import copied_patterns, duplicate_materials, materials, partitions
from benchmark.crystals.survey import Survey
from benchmark.data.examined import Data, Skipped, sees
from benchmark.data.faults import DataFault
from benchmark.foundation.progress import progress


@sees(Survey)
def samples(data: Data) -> Iterator[DataFault]:
    """Layout, label and intensities of every sample, as `sample_checks` has them."""
    yield from data.once(Survey).faults


@sees(Survey)
def symmetry(data: Data) -> Iterator[DataFault]:
    """Labels, formulas and cells of some materials are those of their crystals, whose groups spglib finds again."""
    if data.manifest.values["source"]["kind"] == "prototypes":
        raise Skipped("crystals made from prototypes are not made again")
    if data.table is None and relabel.shipped_rung(data.manifest) is None:
        raise Skipped(
            "the crystals are not available: give the table that they came from with --structures"
            if data.manifest.values["source"]["kind"] != "drawn"
            else "the recipe is of another version of this program"
        )
    chosen = relabel.some_of(data.once(Survey).materials.values())
    with progress("Asking spglib", len(chosen), "materials") as advance:
        for done, (entry, crystal) in enumerate(relabel.crystals_again(data.manifest, chosen, data.table), start=1):
            yield from relabel.label_faults(data.manifest, entry, crystal)
            advance(done)


CHECKS: Mapping[str, Callable[[Data], Iterator[DataFault]]] = {
    "samples": samples,
    "counts": counts,
    "materials": materials,
    "duplicates": duplicate_materials,
    "copies": copied_patterns,
    "symmetry": symmetry,
    "partitions": partitions,
}
"""The checks in the order in which they are made and reported; those of a general check's name take its place."""
