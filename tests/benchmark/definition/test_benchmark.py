"""Definition files: what is shipped is sound, and every way to break a file is reported with its place."""

from __future__ import annotations

import copy
import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.definition.benchmark import Benchmark, read_benchmark
from benchmark.definition.finder import find_task, load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.definition.rung import SPLITS
from benchmark.definition.settings import FREE, read_settings
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, crystal_system
from benchmark.simulation.identifiability import identifiable

SHIPPED = yaml.safe_load(find_task("space_group").definition.read_text(encoding="utf-8"))
ONE_RUNG = {**SHIPPED, "rungs": {"stemdl_smoke": SHIPPED["rungs"]["stemdl_smoke"]}}
HISTOGRAM = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "data"
    / "olcf_real_histograms"
    / "olcf_1510313_space_group_histogram.csv"
)
FREE_KEYS = {
    ("metric", "low"),
    ("metric", "high"),
    ("metric", "test_key"),
    ("metric", "title"),
    ("rungs", "stemdl_smoke"),
    ("known_manifests", "stemdl_mini"),
    ("releases",),
    ("closed", "fixed", "stemdl_smoke"),
    ("closed", "free"),
    ("closed", "implied_by_older_logs"),
    ("known_manifests",),
}
"""Names that the file itself chooses, and what may be left out."""


def _keys(values: Any, above: tuple = ()) -> Iterator[tuple]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield (*above, key)
            yield from _keys(value, (*above, key))


def _written(tmp_path: Path, values: Any) -> Path:
    path = tmp_path / "b.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def read_and_understand(path: Path) -> Benchmark:
    """The definition, and what its rungs say to the recipe of crystals and patterns."""
    found = read_benchmark(path)
    for name, rung in found.rungs.items():
        CbedRung.of(rung, f"{path}: rungs.{name}")
    return found


def _changed(path: tuple, change: Any) -> dict[str, Any]:
    values = copy.deepcopy(ONE_RUNG)
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    change(inner, path[-1])
    return values


def test_the_shipped_benchmark_is_read_whole() -> None:
    benchmark = load_benchmark("space_group")
    assert (benchmark.measured.metric, benchmark.goal.target, benchmark.runs) == ("macro_f1", 0.9, 5)
    mini = CbedRung.of(benchmark.rung("stemdl_mini"))
    assert mini.classes == 25 and {crystal_system(group) for group in mini.space_groups} == {
        name for _, name in CRYSTAL_SYSTEMS
    }
    assert list(benchmark.rungs) == [
        "stemdl_mini",
        "stemdl_smoke",
        "stemdl_mini_v2",
        "stemdl_small",
        "stemdl_full",
        "stemdl_olcf",
    ]
    assert len({rung.recipe_sha256 for rung in benchmark.rungs.values()}) == len(benchmark.rungs)
    for plain in benchmark.rungs.values():
        rung = CbedRung.of(plain)
        assert {split: rung.total(split) for split in SPLITS} == plain.samples and rung.classes == plain.classes
        assert rung.recipe_sha256 == plain.recipe_sha256
        assert all(set(rung.samples(group)) == set(SPLITS) for group in rung.space_groups)
        assert all(rung.materials(group)["train"] >= 1 for group in rung.space_groups)
        if rung.imported is None:
            assert rung.optics.accuracy.strong_per_angstrom > rung.optics.k_max_per_angstrom


def test_mini_and_smoke_keep_their_recipes() -> None:
    """Data, results and reference points of these two rungs are named by these hashes."""
    rungs = load_benchmark("space_group").rungs
    mini, smoke = rungs["stemdl_mini"].recipe_sha256, rungs["stemdl_smoke"].recipe_sha256
    assert mini == "0a6a47cd8c6f35cdcaf1afe56e0a5347165d1d04dc102905af4e3ca22aa0bce4"
    assert smoke == "6fe40145d5e72f18faff89bf08a2bbd24fb7a887798bc24c064738014ba4af0d"


def test_small_is_made_of_the_groups_that_its_axes_tell_apart() -> None:
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_small"))
    assert rung.space_groups == identifiable() and rung.orientation == "conventional"
    assert sum(rung.materials(2).values()) == 200 and rung.pixels == 128


def test_full_and_olcf_have_the_real_sets_counts() -> None:
    """The sums of DOI 10.13139/OLCF/1510313, by split; a material has ten samples, but for those that lack some."""
    benchmark = load_benchmark("space_group")
    for name in ("stemdl_full", "stemdl_olcf"):
        rung = CbedRung.of(benchmark.rung(name))
        samples = [rung.samples(group) for group in rung.space_groups]
        assert {split: sum(row[split] for row in samples) for split in SPLITS} == {
            "train": 148_006,
            "dev": 20_400,
            "test": 18_749,
        }
        assert rung.classes == 200 and rung.energies_kev == tuple(range(100, 200, 10)) and rung.pixels == 512
        assert rung.samples(14) == {"train": 11764, "dev": 1590, "test": 1430}
        assert rung.materials(14) == {"train": 1177, "dev": 159, "test": 143}
        assert rung.materials(16) == {"train": 1, "dev": 0, "test": 0}
    assert CbedRung.of(benchmark.rung("stemdl_full")).optics.k_max_per_angstrom == 0.01 * 512 / 2


@pytest.mark.realdata
def test_the_counts_are_those_of_the_histogram() -> None:
    if not HISTOGRAM.is_file():
        pytest.skip("the real set's histogram is not here")
    with open(HISTOGRAM, newline="") as handle:
        rows = {int(row["space_group"]): tuple(int(row[split]) for split in SPLITS) for row in csv.DictReader(handle)}
    counts = CbedRung.of(load_benchmark("space_group").rung("stemdl_full")).samples_per_group
    assert counts == {group: row for group, row in rows.items() if any(row)}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("samples_per_group", {2: [1, 2]}),
        ("samples_per_group", {2: [1, 2, -3]}),
        ("samples_per_group", {231: [1, 1, 1]}),
        ("samples_per_group", [1]),
        ("orientation", "sideways"),
        ("imported", {"doi": "10.1/2"}),
    ],
)
def test_counts_orientations_and_origins_that_mean_nothing_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    values = copy.deepcopy(ONE_RUNG)
    values["rungs"]["stemdl_smoke"][key] = value
    with pytest.raises(StemdlError):
        read_and_understand(_written(tmp_path, values))


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in _keys(ONE_RUNG)
        if (
            path not in FREE_KEYS
            and path[0] not in ("samples", "classes", "shared")
            and path[-2:-1] != ("element_counts",)
            and path[:2] != ("closed", "fixed")
        )
        or path == ("closed", "fixed", "every_rung")
    ],
    ids=".".join,
)
def test_each_missing_key_is_named(tmp_path: Path, path: tuple) -> None:
    file = _written(tmp_path, _changed(path, lambda inner, key: inner.pop(key)))
    with pytest.raises(StemdlError, match=f"missing.*{path[-1]}|needs each split") as caught:
        read_and_understand(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [("metric", "naem"), ("rungs", "stemdl_smoke", "optics", "pixel"), ("rungs", "stemdl_smoke", "sede"), ("titel",)],
    ids=".".join,
)
def test_an_unknown_key_is_named_with_the_nearest_known(tmp_path: Path, path: tuple) -> None:
    def add(inner: dict, key: str) -> None:
        inner[key] = 1

    with pytest.raises(StemdlError, match=f"unknown key '{path[-1]}'.*\n.*did you mean"):
        read_and_understand(_written(tmp_path, _changed(path, add)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("releases",), {"reference": "5e6e"}),
        (("releases",), ["5e6e"]),
        (("metric", "at_least"), -0.5),
        (("metric", "at_least"), 1.5),
        (("metric", "at_least"), float("nan")),
        (("metric",), None),
        (("rungs", "stemdl_smoke"), None),
        (("rungs",), [1]),
        (("rungs", "stemdl_smoke", "optics"), 3),
        (("rungs", "stemdl_smoke", "crystals"), []),
        (("rungs", "stemdl_smoke", "space_groups"), [2, 1]),
        (("rungs", "stemdl_smoke", "space_groups"), [1, 231]),
        (("rungs", "stemdl_smoke", "space_groups"), [2, 2]),
    ],
)
def test_values_that_mean_nothing_are_refused(tmp_path: Path, path: tuple, value: Any) -> None:
    def put(inner: dict, key: str) -> None:
        inner[key] = value

    with pytest.raises(StemdlError):
        read_and_understand(_written(tmp_path, _changed(path, put)))


@pytest.mark.parametrize("text", [None, "a: [", "", "- 1"])
def test_a_file_that_is_no_definition_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "b.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StemdlError, match=str(path)):
        read_and_understand(path)


def test_a_definition_adds_free_settings_in_a_list(tmp_path: Path) -> None:
    values = copy.deepcopy(ONE_RUNG)
    values["closed"].pop("free")
    assert read_and_understand(_written(tmp_path, values)).closed.free == FREE
    values["closed"]["free"] = "check_hashes"
    with pytest.raises(StemdlError, match="free is not a list"):
        read_and_understand(_written(tmp_path, values))


RETIRED = ("check_hashes",)
"""Free settings of earlier trainers, which older logs hold: shards are hashed always now."""


def test_what_the_closed_division_fixes_is_what_the_reference_does() -> None:
    """Each of the reference's settings is tunable, free or fixed; the fixed ones have its values, at every rung."""
    benchmark = load_benchmark("space_group")
    closed = benchmark.closed
    for rung in benchmark.rungs:
        settings = read_settings(benchmark, rung).to_dict()
        fixed = closed.fixed_at(rung)
        assert (fixed.pop("opt_name"), fixed.pop("gradient_accumulation_steps")) == ("adamw", 1)  # keys of the log
        assert sorted([*closed.tunable, *closed.free, *fixed]) == sorted([*settings, *RETIRED])
        assert {key: settings[key] for key in fixed} == fixed


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(StemdlError, match="did you mean 'stemdl_mini'"):
        load_benchmark("space_group").rung("stemdl_minni")
    with pytest.raises(StemdlError, match="there is no task 'stem'"):
        load_benchmark("stem")


def test_the_recipe_hash_names_all_that_the_data_follow_from_and_nothing_else() -> None:
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_smoke"))
    assert dataclasses.replace(rung, summary="other words").recipe_sha256 == rung.recipe_sha256
    others = [
        dataclasses.replace(rung, seed=1),
        dataclasses.replace(rung, version=2),
        dataclasses.replace(rung, space_groups=(2,)),
        dataclasses.replace(rung, materials_per_group={"train": 1, "dev": 1, "test": 1}),
        dataclasses.replace(rung, optics=dataclasses.replace(rung.optics, dose_electrons=1e5)),
        dataclasses.replace(
            rung,
            optics=dataclasses.replace(
                rung.optics, accuracy=dataclasses.replace(rung.optics.accuracy, directions_across=9)
            ),
        ),
        dataclasses.replace(rung, crystals=dataclasses.replace(rung.crystals, shortest_distance_angstrom=1.6)),
        dataclasses.replace(rung, orientation="olcf"),
        dataclasses.replace(rung, random_rotation=True),
        dataclasses.replace(rung, materials_per_group=None, samples_per_group={2: (1, 1, 1)}),
        dataclasses.replace(rung, limits=dataclasses.replace(rung.limits, most_atoms_per_cell=81)),
    ]
    hashes = {other.recipe_sha256 for other in others}
    assert len(hashes) == len(others) and rung.recipe_sha256 not in hashes


def test_a_request_says_where_its_log_and_checkpoint_lie() -> None:
    benchmark = load_benchmark("space_group")
    request = RunRequest(benchmark, benchmark.rung("stemdl_smoke"), Path("d"), Path("o"), index=3)
    assert (request.log, request.checkpoint) == (Path("o/result_3.txt"), Path("o/checkpoint.pt"))
