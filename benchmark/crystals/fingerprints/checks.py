"""What `stemdl data verify` checks of fingerprints, besides what it checks of any data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmark.crystals.duplicates import anonymous_formula, parsed_formula, reduced
from benchmark.crystals.fingerprints.levels import whole_levels
from benchmark.data.examined import Data, EachSample, sees
from benchmark.data.faults import DataFault
from benchmark.data.general_checks import units
from benchmark.data.manifest import Manifest

if TYPE_CHECKING:
    import h5py


class Pictures(EachSample):
    """What one pass over all samples saw: what is wrong with them; and of each material's reduced formula, of its
    anonymous formula and of its structure type the splits that it is in."""

    check = "pictures"

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest)
        self.splits: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def sample(self, where: str, split: str, sample: h5py.Group) -> None:
        """See `EachSample.sample`: its picture, and the splits that its material is in."""
        picture = np.asarray(sample["fingerprint"])
        if whole_levels(picture) is None or picture[:, [0, 0, -1, -1], [0, -1, 0, -1]].any():
            self.faults.append(DataFault("pictures", where, "this is not a fingerprint in whole steps"))
        formula = reduced(parsed_formula(_text(sample, "formula")))
        text = " ".join(f"{number}x{count}" for number, count in formula)
        self.splits["formula" if len(formula) > 1 else "element"][text].add(split)
        if len(formula) > 1:
            self.splits["anonymous formula"][anonymous_formula(formula)].add(split)
            self.splits["structure type"][_text(sample, "structure_type")].add(split)


@sees(Pictures)
def pictures(data: Data) -> Iterator[DataFault]:
    """A picture's pixels are whole steps, the ring's brightest pixel is 1, and the corners are dark."""
    yield from data.once(Pictures).faults


@sees(Pictures)
def materials(data: Data) -> Iterator[DataFault]:
    """No element and no formula lies in two splits; of compounds no anonymous formula and no structure type does."""
    seen = data.once(Pictures)
    for word, found in seen.splits.items():
        for name, splits in found.items():
            if len(splits) > 1:
                where = str(data.manifest.folder)
                yield DataFault(
                    "materials", where, f"the {word} {name} is in several splits", "", ", ".join(sorted(splits))
                )


def _text(sample: h5py.Group, name: str) -> str:
    stored = sample.attrs[name]
    return stored.decode("ascii") if isinstance(stored, bytes) else str(stored)


CHECKS: Mapping[str, Callable[[Data], Iterator[DataFault]]] = {
    "units": units,
    "pictures": pictures,
    "materials": materials,
}
"""The checks in the order in which they are made and reported; those of a general check's name take its place."""
