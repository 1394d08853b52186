"""Whether a data set is a rung's own, whichever processor made it: each sample and label against the golden figures.

`python -m benchmark.data.recognise FOLDER` makes a rung's golden figures of its own data.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.data.examined import Data, ReadShard
from benchmark.data.faults import DataFault
from benchmark.data.golden import Likeness, differences, figures_of, fingerprint, likeness, load_golden
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.recognition import (
    Recognition,
    hash_of_shards,
    keep,
    known_recognition,
    rung_claimed,
)
from benchmark.data.remade import Unproven, made_otherwise
from benchmark.data.rung_samples import CHECK, RungSample, RungSamples
from benchmark.definition.golden_files import IDENTICAL, RECOGNISED, REFUSED, UNKNOWN, golden_path, golden_sha256
from benchmark.definition.rung import SPLITS, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path, write_json

ON_THE_MAKER = "stemdl data verify, on the kind of processor that made them"
"""What to do where this processor makes samples otherwise than they are."""
MOST_RECOUNTED, RECOUNTED_SHARE = 5, 0.02
"""So many samples of a split, and this share of all of them more, may be counted with other random numbers in parts;
other kernels gave 1.2 % of stemdl_mini. As many could be hidden there: a change of the metric by some 0.02."""
MADE_AGAIN = 40
"""Where there are more, which large patterns of high doses have, so many of a split, drawn at random, are made again
here, and are the same: of 10 % other ones none would be among them by a chance of 1.5 %."""
MOST_OTHER, OTHER_SHARE = 5, 0.03
"""So many samples of a split, and this share more, that look like other ones are made again as well, each of them: 4 of
400 of stemdl_small did, by other kernels."""


def recognise(manifest: Manifest) -> tuple[Recognition | None, list[DataFault]]:
    """Compare a data set with the golden figures of the rung that it claims to be of, as `GoldenComparison.result` has
    it; what was found is kept in the data's folder where that can be written.

    Raises StemdlError for a shard that is not its manifest's, OSError where one cannot be read.
    """
    recognition, faults = Data(manifest, doing="Comparing with golden figures").once(GoldenComparison).result()
    if recognition is not None:
        keep(manifest, recognition)
    return recognition, faults


class GoldenComparison:
    """Every sample of a data set against the golden figures of the rung that it claims to be of; a look that
    `Data.once` can make. Where nothing has to be compared, it looks at nothing; with
    `rung` it compares with that one, whatever is known.

    Takes 0.3 ms per sample on one core, and what it takes to make some again where another processor made the data.
    """

    def __init__(self, manifest: Manifest, rung: Rung | None = None) -> None:
        self._manifest, self._known = manifest, known_recognition(manifest)
        known = self._known
        if rung is None and known is not None and known.golden_sha256 and known.verdict != IDENTICAL:
            rung = rung_claimed(manifest)
        self._rung = rung
        if self._rung is not None:
            golden = load_golden(self._rung)
            assert golden is not None, "its hash is known"
            self._golden, self._samples = golden, RungSamples(manifest, self._rung)
            self._faults = list(self._samples.faults)
            self._alike: dict[str, Counter[Likeness]] = {split: Counter() for split in SPLITS}
            self._recounted: dict[str, list[Unproven]] = {split: [] for split in SPLITS}
            self._other: dict[str, list[tuple[Unproven, DataFault]]] = {split: [] for split in SPLITS}

    def shard(self, shard: ReadShard) -> None:
        """Compare the samples of the next shard. Raises StemdlError for one that is not its manifest's, OSError where
        it cannot be read."""
        for sample in self._samples.of(shard) if self._rung is not None else ():
            if isinstance(sample, DataFault):
                self._faults.append(sample)
            elif sample.counts is None:
                where = sample.where
                self._faults.append(DataFault(CHECK, where, "the intensities are not whole counts, as the rung's are"))
            else:
                self._compare(sample, sample.counts)

    def _compare(self, sample: RungSample, counts: NDArray[np.int64]) -> None:
        figures = self._golden.figures(sample.place)
        alike = likeness(counts, figures)
        unproven = Unproven(sample.where, sample.unit, sample.turn, fingerprint(counts))
        if alike is Likeness.OTHER:
            found = f"others in {differences(counts, figures)}"
            message = "other patterns than the rung's"
            fault = DataFault(CHECK, sample.where, message, "those of the golden figures", found)
            self._other[sample.split].append((unproven, fault))
            return
        self._alike[sample.split][alike] += 1
        if alike is Likeness.RECOUNTED:
            self._recounted[sample.split].append(unproven)

    def result(self) -> tuple[Recognition | None, list[DataFault]]:
        """What was found, once all shards were looked at; with it, what differs. None where the data do not claim to be
        a rung's own. What the processor that made them has found stays where this one makes some otherwise."""
        if self._rung is None:
            return self._known, []
        others = list(self._others(self._rung))
        faults = [*self._faults, *(fault for fault, doubtful in others if not doubtful)]
        doubts = [*(fault for fault, doubtful in others if doubtful), *self._counted_otherwise(self._rung)]
        if doubts and not faults and self._known is not None and self._known.verdict == RECOGNISED:
            return self._known, doubts
        faults += doubts
        total = sum(self._alike.values(), Counter())
        total[Likeness.RECOUNTED] += sum(map(len, self._other.values())) - len(others)
        whole = total.total() == sum(self._rung.total(split) for split in SPLITS)
        found = Recognition(
            RECOGNISED if whole and not faults else REFUSED,
            golden_sha256(self._rung.name),
            total.total(),
            total[Likeness.ROUNDED],
            total[Likeness.RECOUNTED],
        )
        return found, faults

    def _others(self, rung: Rung) -> Iterator[tuple[DataFault, bool]]:
        """The faults of samples that look like other ones, but of those few that are the same made again here; and
        whether another processor might make them the same."""
        for split, found in self._other.items():
            few = len(found) <= MOST_OTHER + OTHER_SHARE * rung.total(split)
            unproven = [each for each, _ in found]
            wrong = {each.where for each in (self._made_otherwise(unproven, rung) if few else unproven)}
            yield from (
                (replace(fault, hint=ON_THE_MAKER if few else ""), few) for _, fault in found if fault.file in wrong
            )

    def _counted_otherwise(self, rung: Rung) -> Iterator[DataFault]:
        """More samples of a split that were counted with other random numbers in parts than are let pass by themselves,
        where one of some that are made again here is another."""
        for split, recounted in self._recounted.items():
            samples = self._alike[split].total()
            most = MOST_RECOUNTED + RECOUNTED_SHARE * samples
            if len(recounted) <= most:
                continue
            chosen = [recounted[each] for each in np.random.default_rng().permutation(len(recounted))[:MADE_AGAIN]]
            other = next(self._made_otherwise(chosen, rung), None)
            if other is not None:
                yield DataFault(
                    CHECK,
                    str(self._manifest.folder / split),
                    "samples that are counted with other random numbers in parts",
                    f"at most {int(most)} of {samples}, or the same where some are made again",
                    f"{len(recounted)}, of which {other.where} is not what is made here",
                    ON_THE_MAKER,
                )

    def _made_otherwise(self, samples: Sequence[Unproven], rung: Rung) -> Iterator[Unproven]:
        device = str(self._manifest.values.get("device", "cpu"))
        return made_otherwise(samples, self._samples.recipe, rung, device)


def recognised(manifest: Manifest) -> Recognition | None:
    """What is known of a data set, or else what `recognise` finds."""
    known = known_recognition(manifest)
    unknown = known is not None and known.golden_sha256 and known.verdict == UNKNOWN
    return recognise(manifest)[0] if unknown else known


def make_golden(manifest: Manifest, rung: Rung) -> Path:
    """Write the golden figures of a rung, of its own data, where the program reads them.

    Raises StemdlError where a shard is not its manifest's or holds other samples than the rung's.
    """
    rows, samples = [], RungSamples(manifest, rung)
    there = (sample for entry in manifest.shards for sample in samples.of(ReadShard(manifest, entry)))
    for sample in (*samples.faults, *there):
        if isinstance(sample, DataFault) or sample.counts is None:
            raise StemdlError("these are not the rung's own data", where=manifest.folder, found=sample)
        rows.append(figures_of(sample.counts))
    path = golden_path(rung.name)
    assert path is not None, "its rung is known"
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            recipe_sha256=rung.recipe_sha256,
            shards_sha256=hash_of_shards(manifest),
            fingerprints=np.array([row.fingerprint for row in rows], dtype=np.uint64),
            sums=np.array([row.sums for row in rows], dtype=np.uint32),
            mixed=np.array([row.mixed for row in rows], dtype=np.uint32),
        )
    write_json(path.with_suffix(".json"), manifest.schema.to_json())
    return path


def _main(folder: Path) -> None:
    manifest = read_manifest(folder)
    rung = rung_claimed(manifest)
    if rung is None:
        raise SystemExit(f"{folder} holds no rung's own data")
    print(make_golden(manifest, rung))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
