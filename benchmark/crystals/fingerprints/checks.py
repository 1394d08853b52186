"""What `stemdl data verify` checks of fingerprints, besides what it checks of any data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmark.crystals.duplicates import anonymous_formula, parsed_formula, reduced
from benchmark.crystals.fingerprints.levels import whole_levels
from benchmark.data.examined import Data
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.general_checks import units
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_image, read_sealed


@dataclass
class Seen:
    """What one pass over all samples saw: what is wrong with them; and of each material's reduced formula, of its
    anonymous formula and of its structure type the splits that it is in."""

    faults: list[DataFault] = field(default_factory=list)
    splits: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))


def pictures(data: Data) -> Iterator[DataFault]:
    """A picture's pixels are whole steps, the ring's brightest pixel is 1, and the corners are dark."""
    yield from data.once(look).faults


def materials(data: Data) -> Iterator[DataFault]:
    """No element and no formula lies in two splits; of compounds no anonymous formula and no structure type does."""
    seen = data.once(look)
    for word, found in seen.splits.items():
        for name, splits in found.items():
            if len(splits) > 1:
                where = str(data.manifest.folder)
                yield DataFault(
                    "materials", where, f"the {word} {name} is in several splits", "", ", ".join(sorted(splits))
                )


def look(manifest: Manifest) -> Seen:
    """Every sample of the data set."""
    seen = Seen()
    for entry in manifest.shards:
        path = manifest.folder / entry["path"]
        split = entry["path"].partition("/")[0]
        try:
            with opened_image(read_sealed(path, entry["sha256"]), path) as shard:
                for name in shard:
                    _look_at(seen, f"{path}: {name}", split, shard[name])
        except READING_ERRORS as error:
            said = " ".join(str(error).split())
            seen.faults.append(DataFault("pictures", str(path), "the shard cannot be read", "", said))
    return seen


def _look_at(seen: Seen, where: str, split: str, sample: object) -> None:
    picture = np.asarray(sample["fingerprint"])  # type: ignore[index]
    if whole_levels(picture) is None or picture[:, [0, 0, -1, -1], [0, -1, 0, -1]].any():
        seen.faults.append(DataFault("pictures", where, "this is not a fingerprint in whole steps"))
    formula = reduced(parsed_formula(_text(sample, "formula")))
    text = " ".join(f"{number}x{count}" for number, count in formula)
    seen.splits["formula" if len(formula) > 1 else "element"][text].add(split)
    if len(formula) > 1:
        seen.splits["anonymous formula"][anonymous_formula(formula)].add(split)
        seen.splits["structure type"][_text(sample, "structure_type")].add(split)


def _text(sample: object, name: str) -> str:
    stored = sample.attrs[name]  # type: ignore[attr-defined]
    return stored.decode("ascii") if isinstance(stored, bytes) else str(stored)


CHECKS: Mapping[str, Callable[[Data], Iterator[DataFault]]] = {
    "units": units,
    "pictures": pictures,
    "materials": materials,
}
"""In the order in which they are made and reported; those of a general check's name take its place."""
