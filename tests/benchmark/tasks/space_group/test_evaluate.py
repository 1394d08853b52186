"""What `stemdl evaluate` asks of the space groups: crystals are simulated, stacks are read, bad ones are named."""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import EVALUATE, find_task, load_benchmark
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

RUNG = load_benchmark("space_group").rungs["stemdl_smoke"]
EVALUATION = find_task("space_group").code(EVALUATE)
CUBIC = """data_cubic
_cell_length_a {edge}
_cell_length_b {edge}
_cell_length_c {edge}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{group}'
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na 0 0 0
Cl 0.5 0.5 0.5
"""


def cif(path: Path, edge: float = 5.64, group: str = "F m -3 m") -> Path:
    path.write_text(CUBIC.format(edge=edge, group=group))
    return path


def asked(path: Path, **options: str) -> list[Question | StemdlError]:
    return list(EVALUATION.read_inputs([path], RUNG, options))


def stacks(count: int, pixels: int = 64) -> np.ndarray:
    """(count, 3, pixels, pixels) float32, each pattern of unit sum."""
    values = np.random.default_rng(5).random((count, 3, pixels, pixels), dtype=np.float32)
    return values / values.sum(axis=(2, 3), keepdims=True)


def test_a_folder_of_crystals_is_simulated_and_what_cannot_be_is_named(tmp_path: Path) -> None:
    cif(tmp_path / "a salt$.cif")
    cif(tmp_path / "b_cesium.cif", 4.12, "P m -3 m")
    cif(tmp_path / "c_huge.cif", 40.0)
    (tmp_path / "d_broken.cif").write_text("not one")
    salt, cesium, huge, broken = asked(tmp_path)
    assert isinstance(salt, Question) and salt.known == {"space_group": "225"} and len(salt.notes) == 1
    assert salt.inputs["cbed_stack"].shape == (3, 64, 64) and salt.inputs["cbed_stack"].dtype == np.float32
    assert np.allclose(salt.inputs["cbed_stack"].sum(axis=(1, 2)), 1.0, atol=0.2)
    assert "/" not in salt.name and "$" not in salt.name and "Na" in salt.notes[0] and "[0 0 1]" in salt.notes[0]
    assert isinstance(cesium, Question) and "221 is not one of the rung's" in cesium.notes[1]
    for found, name, says in ((huge, "c_huge.cif", "longer than 16"), (broken, "d_broken.cif", "cannot be read")):
        assert isinstance(found, StemdlError) and str(found.where) == str(tmp_path / name) and says in str(found)


def test_a_crystal_gives_the_same_patterns_until_another_specimen_is_asked_for(tmp_path: Path) -> None:
    path = cif(tmp_path / "salt.cif")
    (first,), (again,), (other,) = asked(path), asked(path), asked(path, specimen="1")
    patterns = [each.inputs["cbed_stack"] for each in (first, again, other)]
    assert np.array_equal(patterns[0], patterns[1]) and not np.array_equal(patterns[0], patterns[2])
    assert first.path == path


def test_a_shard_s_samples_are_asked_as_they_are_with_their_labels(tmp_path: Path) -> None:
    recipe = recipe_of(RUNG)
    sample = next(samples_of_unit(recipe, RUNG, recipe.units()[0]))
    with h5py.File(tmp_path / "shard.h5", "w") as file:
        for name, label in (("sample_0_0", b"2"), ("sample_1_0", b"none")):
            group = file.create_group(name)
            group["cbed_stack"] = sample.arrays["cbed_stack"]
            group.attrs["space_group"] = label
    good, bad = asked(tmp_path)
    assert np.array_equal(good.inputs["cbed_stack"], sample.arrays["cbed_stack"])
    assert good.known == {"space_group": "2"} and good.notes == () and good.name == "shard_sample_0_0"
    assert isinstance(bad, StemdlError) and "sample_1_0" in str(bad) and "not a space group" in str(bad)


def test_stacks_of_more_pixels_and_of_counts_are_brought_to_the_rung_s(tmp_path: Path) -> None:
    given = stacks(2, 128)
    with h5py.File(tmp_path / "mine.hdf5", "w") as file:
        file["counts"] = np.rint(given * 1e9).astype(np.int64)
    first, second = asked(tmp_path / "mine.hdf5")
    assert first.name != second.name and first.known == {} and len(first.notes) == 2
    expected = given[0].reshape(3, 64, 2, 64, 2).sum(axis=(2, 4))
    assert np.allclose(first.inputs["cbed_stack"], expected, rtol=1e-3)
    assert np.allclose(second.inputs["cbed_stack"].sum(axis=(1, 2)), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-stacks(1)[0], "not intensities"),
        (np.where(stacks(1)[0] > 2e-4, np.nan, stacks(1)[0]), "not intensities"),
        (0 * stacks(1)[0], "empty"),
        (stacks(1, 50)[0], "cannot be reduced"),
        (stacks(1)[0, :2], "no stack"),
        (np.zeros((3, 0, 0)), "the data set is empty"),
        (np.zeros((0, 3, 64, 64)), "the data set is empty"),
    ],
)
def test_a_stack_that_is_none_is_refused(value: np.ndarray, says: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["stack"] = value
    (found,) = asked(tmp_path / "a.h5")
    assert isinstance(found, StemdlError) and says in str(found) and str(tmp_path / "a.h5") in str(found)


@pytest.mark.parametrize("mark", [b"SNOD", b"HEAP", b"TREE"])
def test_a_file_with_damage_in_it_is_refused(mark: bytes, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one/stack"] = stacks(1)[0]
    content = (tmp_path / "a.h5").read_bytes()
    at = content.rindex(mark)
    (tmp_path / "a.h5").write_bytes(content[:at] + b"gone" + content[at + 4 :])
    (found,) = asked(tmp_path / "a.h5")
    assert isinstance(found, StemdlError) and "cannot be read as HDF5" in str(found)


def test_numbers_that_are_no_codes_of_their_shard_cost_no_other_stack(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"encoding": "log_uint8", "log_floor": -17.0, "log_step": 0.1})
        file["one/cbed_stack"] = np.full((3, 64, 64), 300)
        file["two/cbed_stack"] = np.full((3, 64, 64), 90)
    bad, good = asked(tmp_path / "a.h5")
    assert isinstance(bad, StemdlError) and "cannot be read" in str(bad) and isinstance(good, Question)


def test_stacks_are_read_few_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = stacks(5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["many"] = given
        file.create_dataset("vast", (2**40, 3, 64, 64), "f4", chunks=(1, 3, 64, 64))
    monkeypatch.setattr(EVALUATION, "MOST_BYTES", 2 * given[0].nbytes)
    found = list(itertools.islice(EVALUATION.read_inputs([tmp_path / "a.h5"], RUNG, {}), 6))
    assert [each.name for each in found[:5]] == [f"a_many_{turn}_" for turn in range(5)]
    assert all(np.array_equal(each.inputs["cbed_stack"], one) for each, one in zip(found[:5], given, strict=True))
    assert "empty" in str(found[5])


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("not HDF5")
    (found,) = asked(tmp_path / "a.h5")
    assert isinstance(found, StemdlError) and "cannot be read as HDF5" in str(found)
    with pytest.raises(StemdlError, match="whole number"):
        asked(tmp_path / "a.h5", specimen="-1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text("neither")
    salt = cif(tmp_path / "salt.cif")
    bad = [tmp_path / "missing.xyz", tmp_path / "empty", tmp_path / "a.csv"]
    *refused, good = EVALUATION.read_inputs([*bad, salt], RUNG, {})
    assert isinstance(good, Question), "it is answered all the same"
    for found, says in zip(refused, ("no source", "no CIF file", "lacks the columns"), strict=True):
        assert isinstance(found, StemdlError) and says in str(found)
    olcf = load_benchmark("space_group").rungs["stemdl_olcf"]
    (found,) = EVALUATION.read_inputs([salt], olcf, {})
    assert isinstance(found, StemdlError) and "no optics" in str(found)


def test_the_picture_says_what_was_answered_and_what_is_known(tmp_path: Path) -> None:
    (question,) = asked(cif(tmp_path / "a$_{.cif"))
    outputs = {"space_group": np.arange(5, dtype=np.float32)}
    EVALUATION.picture(question, outputs, recipe_of(RUNG).schema(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a$_{.cif", "a.png"]
