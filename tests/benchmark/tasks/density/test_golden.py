"""A data set of this task is recognised by golden figures of its scans and of its targets."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import h5py
import pytest
from scipy.ndimage import gaussian_filter
from sealing import seal

from benchmark.data import golden, recognise
from benchmark.data.examined import Data
from benchmark.data.golden import Likeness, likeness, load_golden
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.recipe import Sample
from benchmark.definition.finder import load_benchmark
from benchmark.definition.golden_files import RECOGNISED, REFUSED
from benchmark.definition.rung import Rung
from benchmark.tasks.density.recipe import DensityRecipe

SMOKE = load_benchmark("density").rung("density_smoke")
FIRST_TEN = """
from benchmark.data.golden import likeness, load_golden
from benchmark.data.recipe import samples_of_unit
from benchmark.definition.finder import load_benchmark
from benchmark.tasks.density.recipe import DensityRecipe

rung = load_benchmark("density").rung("density_smoke")
recipe, golden = DensityRecipe(rung), load_golden(rung)
names = [field.name for field in recipe.schema().targets]
for place, unit in enumerate(recipe.units()[:10]):
    (sample,) = samples_of_unit(recipe, rung, unit)
    counts = recipe.counts(sample.arrays["scan"], *(sample.arrays[name] for name in names))
    print(likeness(counts, golden.figures(place)).name)
"""


@pytest.fixture
def figures(made: Manifest, few: Rung, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Golden figures of the small data set."""
    path = tmp_path / "few.npz"
    for module in (golden, recognise):
        monkeypatch.setattr(module, "golden_path", lambda *_: path)
    assert recognise.make_golden(made, few) == path
    return path


def compare(manifest: Manifest, rung: Rung) -> tuple[recognise.Recognition, list]:
    return Data(manifest).once(partial(recognise.GoldenComparison, rung=rung)).result()


@pytest.mark.usefixtures("figures")
def test_a_data_set_is_recognised_and_one_with_smoother_densities_is_not(
    made: Manifest, few: Rung, tmp_path: Path
) -> None:
    recognition, faults = compare(made, few)
    assert (recognition.verdict, recognition.compared, faults) == (RECOGNISED, 3, [])
    copied = tmp_path / "copied"
    shutil.copytree(made.folder, copied)
    shard = copied / next(each["path"] for each in made.shards if each["path"].startswith("dev"))
    with h5py.File(shard, "r+") as opened:
        (name,) = opened
        opened[name]["density"][...] = gaussian_filter(opened[name]["density"][()], 0.7)
    seal(copied)
    recognition, (fault,) = compare(read_manifest(copied), few)
    assert recognition.verdict == REFUSED and fault.file == f"{shard}: {name}"


def test_the_smoke_rungs_first_specimens_are_those_of_its_golden_figures(smoke: list[Sample]) -> None:
    figures, recipe = load_golden(SMOKE), DensityRecipe(SMOKE)
    assert figures is not None and len(figures.fingerprints) == sum(SMOKE.samples.values())
    first = {"train": 0, "dev": SMOKE.samples["train"], "test": SMOKE.samples["train"] + SMOKE.samples["dev"]}
    places = [start + number for start in first.values() for number in range(4)]
    names = [field.name for field in recipe.schema().targets]
    for place, sample in zip(places, smoke, strict=True):
        counts = recipe.counts(sample.arrays["scan"], *(sample.arrays[name] for name in names))
        assert counts is not None and likeness(counts, figures.figures(place)) is not Likeness.OTHER


def test_another_instruction_set_makes_specimens_that_are_recognised(environment: dict[str, str]) -> None:
    """The first ten, with the kernels of a processor of 2004."""
    kernels = {
        "OPENBLAS_CORETYPE": "Prescott",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    }
    argv = [sys.executable, "-c", FIRST_TEN]
    done = subprocess.run(argv, env=environment | kernels, check=True, capture_output=True, text=True)
    found = Counter(done.stdout.split())
    assert found.total() == 10 and not found["OTHER"] and found["SAME"] + found["ROUNDED"] >= 7, found
