"""Samples that golden figures do not prove are made again: another processor's data pass, and changed ones do not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from changed_data import changed
from sealing import seal

from benchmark.crystals import cbed_stack
from benchmark.data import layout, recognise
from benchmark.data.examined import Data
from benchmark.data.faults import DataFault
from benchmark.data.golden import Likeness, figures_of, fingerprint, likeness, load_golden
from benchmark.data.manifest import read_manifest
from benchmark.data.plan import plan_shards
from benchmark.data.recipe import CountedRecipe, recipe_of
from benchmark.data.recognition import Recognition
from benchmark.data.remade import Unproven, made_counts, made_otherwise
from benchmark.data.sealed import opened_shard
from benchmark.definition.finder import load_benchmark
from benchmark.definition.golden_files import RECOGNISED, REFUSED, UNKNOWN
from benchmark.definition.rung import SPLITS

TASKS = Path(recognise.__file__).resolve().parents[1] / "tasks"
RUNG = load_benchmark("space_group").rung("stemdl_smoke")
RECIPE = recipe_of(RUNG)
assert isinstance(RECIPE, CountedRecipe)
UNITS = [unit for plan in plan_shards(RECIPE.units()) for unit in plan.units]
STRIPS = 12
OTHER_KERNELS = {
    "OPENBLAS_CORETYPE": "Prescott",
    "ATEN_CPU_CAPABILITY": "default",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
}


def mirrored(counts: np.ndarray, strips: int) -> np.ndarray:
    """With some strips turned round: the sums stay, as if they were counted with other numbers."""
    turned = counts.copy()
    for strip in turned.reshape(STRIPS, -1)[:strips]:
        strip[:] = strip[::-1].copy()
    return turned


def stored(folder: Path) -> list[tuple[str, np.ndarray]]:
    """The split and the counts of each sample, in the order of the rung."""
    manifest, found = read_manifest(folder), []
    for shard in manifest.shards:
        with opened_shard(manifest, shard) as opened:
            for name in layout.sample_names(opened):
                counts = RECIPE.counts(cbed_stack.read_patterns(opened[name]))
                assert counts is not None
                found.append((shard["path"].partition("/")[0], counts))
    return found


def figures_elsewhere(monkeypatch: pytest.MonkeyPatch, folder: Path, each: int, strips: int) -> None:
    """Golden figures as a processor would have given them that counts otherwise in strips of every so many samples."""
    golden = load_golden(RUNG)
    assert golden is not None
    fingerprints, mixed = golden.fingerprints.copy(), golden.mixed.copy()
    for place, (_, counts) in enumerate(stored(folder)):
        if place % each == 0:
            figures = figures_of(mirrored(counts, strips))
            fingerprints[place], mixed[place] = figures.fingerprint, figures.mixed
    other = replace(golden, fingerprints=fingerprints, mixed=mixed)
    monkeypatch.setattr(recognise, "load_golden", lambda rung: other)
    monkeypatch.setattr(recognise, "MADE_AGAIN", 4)


def compared(folder: Path) -> tuple[Recognition, list[DataFault]]:
    seal(folder)
    found, faults = Data(read_manifest(folder)).once(partial(recognise.GoldenComparison, rung=RUNG)).result()
    assert found is not None
    return found, faults


@pytest.fixture
def remade(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many samples were made again, each time."""
    times: list[int] = []

    def counting(samples: list[Unproven], *rest: object) -> object:
        times.append(len(samples))
        return made_otherwise(samples, *rest)

    monkeypatch.setattr(recognise, "made_otherwise", counting)
    return times


def test_what_is_made_again_is_what_was_made() -> None:
    places = range(0, len(UNITS), 100)
    golden = load_golden(RUNG)
    assert golden is not None
    for place in places:
        (counts,) = made_counts(RECIPE, RUNG, UNITS[place])
        assert likeness(counts, golden.figures(place)) is not Likeness.OTHER
        same = Unproven("here", UNITS[place], 0, fingerprint(counts))
        other = replace(same, fingerprint=same.fingerprint ^ 1)
        assert list(made_otherwise([same, other, same], RECIPE, RUNG)) == [other]
        assert list(made_otherwise([same], RECIPE, RUNG, "a device that is not here")) == [same]


@pytest.mark.parametrize("path", sorted(TASKS.glob("*/golden/*_smoke.json")), ids=lambda path: path.stem)
def test_samples_of_every_task_can_be_made_again(path: Path) -> None:
    """Those with targets that are numbers too."""
    rung = load_benchmark(path.parents[1].name).rung(path.stem)
    golden, recipe = load_golden(rung), recipe_of(rung)
    assert golden is not None and isinstance(recipe, CountedRecipe)
    for turn, counts in enumerate(made_counts(recipe, rung, next(iter(plan_shards(recipe.units()))).units[0])):
        assert counts is not None and likeness(counts, golden.figures(turn)) is not Likeness.OTHER


def test_what_another_processor_counts_otherwise_everywhere_is_recognised(
    copied: Path, remade: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_elsewhere(monkeypatch, copied, each=1, strips=3)
    with changed(copied):
        found, faults = compared(copied)
    assert not faults and found.verdict == RECOGNISED and found.recounted > 0.9 * len(UNITS) == 0.9 * found.compared
    assert [each for each in remade if each] == [4, 4, 4]


def test_few_that_look_like_other_ones_are_each_made_again(
    copied: Path, remade: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_elsewhere(monkeypatch, copied, each=160, strips=STRIPS)
    with changed(copied):
        found, faults = compared(copied)
        assert not faults and found.verdict == RECOGNISED and found.compared == len(UNITS)
        assert sum(remade) == len(range(0, len(UNITS), 160)) <= found.recounted
        figures_elsewhere(monkeypatch, copied, each=2, strips=STRIPS)
        remade.clear()
        found, faults = compared(copied)
        assert found.verdict == REFUSED and len(faults) == len(UNITS) / 2 and sum(remade) == 0


@pytest.mark.parametrize("split", SPLITS)
def test_what_was_changed_among_such_is_refused(copied: Path, split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the figures prove nothing, marks that keep every sum are found by what is made here."""
    figures_elsewhere(monkeypatch, copied, each=1, strips=2)
    with changed(copied):
        in_each(copied, split, lambda counts: mirrored(counts, 4))
        found, faults = compared(copied)
    assert found.verdict == REFUSED
    (fault,) = faults
    assert fault.file == str(copied / split) and "made again" in fault.expected and "made here" in fault.found
    assert "on the kind of processor that made them" in fault.hint


@pytest.mark.parametrize(("each", "strips", "doubts"), [(1, 2, 3), (160, STRIPS, 2)])
def test_what_was_found_where_they_were_made_stays(
    copied: Path, each: int, strips: int, doubts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kind of processor makes others again: it says so, and runs on the data go on."""
    figures_elsewhere(monkeypatch, copied, each=each, strips=strips)
    monkeypatch.setattr(recognise, "made_otherwise", lambda samples, *rest: iter(samples))
    kept = Recognition(RECOGNISED, "5" * 64, len(UNITS), 3, 2)
    for known, verdict in ((kept, RECOGNISED), (replace(kept, verdict=UNKNOWN), REFUSED)):
        monkeypatch.setattr(recognise, "known_recognition", lambda manifest, known=known: known)
        with changed(copied):
            found, faults = compared(copied)
        assert found.verdict == verdict and len(faults) == doubts
        assert all("on the kind of processor that made them" in fault.hint for fault in faults)


MADE_AND_COMPARED = """
import sys
from functools import partial
from pathlib import Path

from benchmark.data import golden, recognise
from benchmark.data.examined import Data
from benchmark.data.generate import generate
from benchmark.data.manifest import read_manifest
from benchmark.definition.own_rung import find_rung

if __name__ == "__main__":
    figures, folder = Path("few.npz"), Path(sys.argv[1])
    _, rung, _ = find_rung("few.yaml")
    for module in (golden, recognise):
        module.golden_path = lambda *_: figures
    generate(rung, folder)
    if not figures.exists():
        recognise.make_golden(read_manifest(folder), rung)
    found, faults = Data(read_manifest(folder)).once(partial(recognise.GoldenComparison, rung=rung)).result()
    print(found.verdict, found.compared, *faults)
"""


@pytest.mark.slow
def test_large_patterns_of_another_instruction_set_are_recognised(environment: dict[str, str], tmp_path: Path) -> None:
    """stemdl_small's own, few of them: figures from this processor's kernels, data from those of one of 2004."""
    few = "name: few\nlike: stemdl_small\nspace_groups: [62, 225]\nmaterials_per_group: {train: 12, dev: 2, test: 2}\n"
    (tmp_path / "few.yaml").write_text(few)
    script = tmp_path / "made.py"
    script.write_text(MADE_AND_COMPARED)
    for folder, kernels in (("own", {}), ("other", OTHER_KERNELS)):
        argv = [sys.executable, str(script), folder]
        done = subprocess.run(argv, cwd=tmp_path, env=environment | kernels, check=True, capture_output=True, text=True)
        assert done.stdout.split() == [RECOGNISED, "32"]


def in_each(folder: Path, split: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in sorted((folder / split).glob("*.h5")):
        with h5py.File(path, "r+") as shard:
            for name in shard:
                patterns = shard[name]["cbed_stack"]
                counts = RECIPE.counts(patterns[()])
                assert counts is not None
                patterns[...] = (change(counts) / 1e6).astype(np.float32)
