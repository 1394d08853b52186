"""Which material belongs to which split: the standard split, folds for studies, and the real set's own folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from benchmark.crystals.materials import MaterialEntry
from benchmark.crystals.published import PUBLISHED
from benchmark.crystals.split import STANDARD_SHARES, STANDARD_VERSION, folds, of_unseen_types, standard_split
from benchmark.data.manifest import Manifest
from benchmark.data.partition import Partition
from benchmark.foundation.errors import StemdlError, nearest

STANDARD, OFFICIAL = "standard", "olcf"
UNSEEN_TYPES = "test_unseen_types"

UNDERIVABLE = {
    "mlcommons_ds1": "of the 138,717 + 20,000 + 20,000 + 8,438 samples only the numbers are published, not which",
    "stfc_ds1a": "it is the folders' train, dev (with one sample more, which is not published) and test, halved in a "
    "way that is not published",
}
"""Published partitions of the real set that do not follow from what is published."""


def require_partition(manifest: Manifest, name: str) -> None:
    """Raises StemdlError for a name that is not known, for data that have no such partition, and for a published
    partition that cannot be derived from what is published."""
    if name == OFFICIAL:
        _must_be_the_real_set(manifest)
    elif name in UNDERIVABLE:
        raise StemdlError(
            f"the partition {name} cannot be reproduced",
            where="--partition",
            found=UNDERIVABLE[name],
            remedy=f"--partition {OFFICIAL}: the real set's own folders, of which both were made",
        )
    elif name != STANDARD and _folds(name) is None:
        raise StemdlError(
            f"there is no partition {name!r}",
            where="--partition",
            remedy=nearest(name, [STANDARD, OFFICIAL, "folds_5", *UNDERIVABLE]),
        )


def _folds(name: str) -> int | None:
    return int(name[6:]) if name.startswith("folds_") and name[6:].isdecimal() else None


def make_partition(manifest: Manifest, entries: Mapping[str, MaterialEntry], name: str = STANDARD) -> Partition:
    """The partition of that name: `standard`, `olcf` (the real set's own folders) or `folds_K`.

    Raises StemdlError as `require_partition` does, and where materials do not say their formulas.
    """
    require_partition(manifest, name)
    compounds = {material: entry.compound for material, entry in entries.items()}
    if name != OFFICIAL and (unknown := [material for material, one in compounds.items() if not one.formula]):
        raise StemdlError(
            "the materials do not say what they are of, and cannot be split by it",
            where=manifest.folder,
            found=f"{len(unknown)} without a formula, such as {unknown[0]}",
            remedy="use the split that the data came with",
        )
    slices = {}
    if name == STANDARD:
        split_of = {material: standard_split(compound) for material, compound in compounds.items()}
        unseen = of_unseen_types(split_of, {material: entry.structure_type for material, entry in entries.items()})
        slices = {UNSEEN_TYPES: tuple(unseen)}
        shares = ", ".join(f"{split} {share:g}" for split, share in STANDARD_SHARES.items())
        rule = f"standard split, version {STANDARD_VERSION}: by a hash of space group and reduced formula; {shares}"
    elif name == OFFICIAL:
        split_of = {material: entry.split for material, entry in entries.items()}
        rule = "the folders of DOI 10.13139/OLCF/1510313"
    else:
        split_of = folds(compounds, _folds(name) or 0)
        rule = "of each space group the compounds in the order of a hash, in turn; test as in the standard split"
    by_split: dict[str, list[str]] = defaultdict(list)
    for material in sorted(split_of):
        by_split[split_of[material]].append(material)
    splits = {split: tuple(by_split[split]) for split in sorted(by_split)}
    return Partition(name, manifest.sha256, rule, splits, slices)


def _must_be_the_real_set(manifest: Manifest) -> None:
    """An import leaves out bad stacks and so has fewer of them than were published, but never more."""
    more = {
        split: manifest.samples.get(split, 0)
        for split, (most, _) in PUBLISHED.items()
        if manifest.samples.get(split, 0) > most
    }
    if manifest.values["source"].get("form") not in ("olcf", "npz") or more:
        raise StemdlError(
            "the data are not the real set, whose partition this is",
            where=manifest.folder,
            expected=", ".join(f"{split} {most}" for split, (most, _) in PUBLISHED.items()),
            found=more or f"source: {manifest.values['source']['kind']}",
            remedy="stemdl data import SRC -o DIR",
        )
